"""Findings of `podid audit` with one permission less."""

import pytest

from e2e.test_denied_reads import with_a_permission_less
from podid.checks.all import AUDITED
from podid.sandbox.breaks.table import BREAKS
from worlds import ACCOUNT, Site

MODES = sorted(check.id for check in AUDITED if check.id in BREAKS)


# one that reads AWS and one that reads the cluster
TELLING = ("role-administrator", "access-keys-in-cluster")


@pytest.mark.parametrize(
    "mode", [mode if mode in TELLING else pytest.param(mode, marks=pytest.mark.rare) for mode in MODES]
)
def test_a_finding_stays_or_becomes_unknown(shared: Site, mode: str) -> None:
    shared.wait(600)
    shared.box.failures.put(mode)
    try:
        for permission, _, less in with_a_permission_less(shared, f"audit --secrets --check {mode} -o json", (0, 3)):
            if less.code == 4:
                assert less.stdout == "", (permission, less)
                continue
            ids = {item["id"] for part in ("findings", "unknowns") for item in less.json[part]}
            assert mode in ids, (permission, less)
            assert ACCOUNT in less.stdout, permission
    finally:
        shared.box.world.credentials.allow_again()
        shared.box.failures.heal()
