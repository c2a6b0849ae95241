"""Every failure mode that has a page is reported by a check or by the command that the page names."""

import pytest

from podid.checks.all import ALL, BY_ID
from podid.ops.reading.sections import OPTIONS, SECTIONS
from podid.pages.index import ENTRIES

# checks that report nothing without the option
ONLY_WITH = {
    "logs": "bearer-token-prefix custom-credential-chain agent-timeout-context-canceled eks-auth-throttled",
    "cloudtrail": "packed-policy-too-large",
}
SHARPER_WITH = {
    "cloudtrail": "sdk-too-old custom-eks-auth-endpoint",
    "verify": "scp-denies-eks-auth",
    "probe": "host-firewall-blocks-link-local",
}


def test_each_page_has_a_check_or_the_command_that_reports_it() -> None:
    looked_for = {entry.id for entry in ENTRIES if entry.healthy}
    assert looked_for - BY_ID.keys() == set(), (
        "their pages have `healthy`: write their checks, or say `told` there instead"
    )
    assert BY_ID.keys() - looked_for == set(), "they have checks: their pages need `healthy` in place of `told`"


@pytest.mark.parametrize(("table", "member"), [(ONLY_WITH, "needs"), (SHARPER_WITH, "wants")])
def test_checks_that_need_an_option(table: dict[str, str], member: str) -> None:
    options = {row.name: OPTIONS[row.cost].removeprefix("--") for row in SECTIONS if row.cost in OPTIONS}
    readers: dict[str, set[str]] = {}
    for check in ALL:
        for name in getattr(check, member):
            if name in options:
                readers.setdefault(options[name], set()).add(check.id)
    assert readers == {option: set(modes.split()) for option, modes in table.items()}, "update the table above"
