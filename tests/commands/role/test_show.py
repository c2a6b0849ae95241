"""Notes of `podid role show`."""

from podid.cli.changing import MOST_USERS
from podid.sandbox.baseline import add_association
from worlds import Site


def test_the_status_of_the_users_of_a_common_role_is_not_checked(site: Site) -> None:
    for number in range(MOST_USERS + 1):
        add_association(site.box.world, "shop", f"a{number}", "storefront")
    outcome = site("role", "show", "storefront")
    assert outcome.code == 0
    assert f"The status of {MOST_USERS + 1} service accounts was not checked: podid status" in outcome.stderr
