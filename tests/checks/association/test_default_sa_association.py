from typing import Any

import pytest

from checks.builder import DENIED, association, healthy
from checks.grid import verdicts

ID = "default-sa-association"
FAILS = healthy(associations=(association(name="default"),))
UNKNOWN = healthy(associations=DENIED)
FINDINGS = [("fail", "warn", "Association shop/default")]
UNKNOWNS = [("unknown", "warn", "Cluster prod")]


@pytest.mark.parametrize(("pods", "users"), [((), "none"), (DENIED, "not read")])
def test_unread_pods_of_the_default_service_account_are_not_none(pods: Any, users: str) -> None:
    snapshot = healthy(associations=(association(name="default"),), pods=pods)
    (verdict,) = verdicts(ID, snapshot)
    assert verdict.evidence == (f"pods that use it now: {users}",)
