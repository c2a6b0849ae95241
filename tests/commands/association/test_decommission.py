"""The cluster and the confirmation of `podid decommission`."""

from harness import Answers
from ops.change.support import writes
from podid.sandbox.baseline import add_association
from worlds import Site

NAMED = ("decommission", "--cluster", "demo")


def test_the_cluster_must_be_specified_with_the_option(account: Site) -> None:
    outcome = account("decommission", "--yes")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "--cluster NAME" in outcome.stderr


def test_a_cluster_that_never_existed(account: Site) -> None:
    outcome = account("decommission", "--cluster", "nosuch", "--yes")
    assert outcome.code == 5
    assert "no trust policy names it" in outcome.stderr


def test_the_confirmation_is_the_name_of_the_cluster(account: Site) -> None:
    add_association(account.box.world, "shop", "orders", "storefront")
    refused = account(*NAMED, "-o", "json")
    assert (refused.code, refused.error["code"], writes(account.box)) == (2, "ConsentNeeded", 0)
    account.podid.tty, account.podid.answers = True, (answers := Answers(False))
    assert (account(*NAMED).code, writes(account.box)) == (2, 0)
    assert answers.questions == ["Remove the associations, roles and trust of cluster demo? [demo]"]
