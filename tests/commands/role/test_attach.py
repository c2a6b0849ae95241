"""`podid role attach`."""

from pathlib import Path

from harness import Podid
from podid.sandbox.box import Sandbox


def test_attach_requires_permissions(box: Sandbox, podid: Podid, journal: Path) -> None:
    outcome = podid("role", "attach", "storefront", "-o", "json")
    assert (outcome.code, outcome.error["code"]) == (2, "Usage")
