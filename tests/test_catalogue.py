"""Every failure mode that has a page is told by somebody, or it is said there why nobody can."""

import pytest

from podid.checks.all import ALL, BY_ID
from podid.ops.reading.sections import OPTIONS, SECTIONS
from podid.pages.index import ENTRIES

# what no look at AWS and Kubernetes shows by itself
ONLY_WITH = {
    "logs": "bearer-token-prefix custom-credential-chain stale-link-or-route agent-timeout-context-canceled "
    "eks-auth-throttled",
    "cloudtrail": "packed-policy-too-large",
}
SHARPER_WITH = {
    "cloudtrail": "sdk-too-old custom-eks-auth-endpoint",
    "verify": "scp-denies-eks-auth",
    "probe": "host-firewall-blocks-link-local",
}


def test_each_page_is_that_of_a_check_or_says_who_tells_of_it() -> None:
    looked_for = {entry.id for entry in ENTRIES if entry.healthy}
    assert looked_for - BY_ID.keys() == set(), (
        "their pages have `healthy`: write their checks, or say `told` there instead"
    )
    assert BY_ID.keys() - looked_for == set(), "they have checks: their pages need `healthy` in place of `told`"


@pytest.mark.parametrize(("table", "member"), [(ONLY_WITH, "needs"), (SHARPER_WITH, "wants")])
def test_what_takes_an_option(table: dict[str, str], member: str) -> None:
    options = {row.name: OPTIONS[row.cost].removeprefix("--") for row in SECTIONS if row.cost in OPTIONS}
    found: dict[str, set[str]] = {}
    for check in ALL:
        for name in getattr(check, member):
            if name in options:
                found.setdefault(options[name], set()).add(check.id)
    assert found == {option: set(modes.split()) for option, modes in table.items()}, "meant? say so above"
