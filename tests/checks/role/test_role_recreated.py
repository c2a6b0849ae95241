from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from checks.builder import NO_ROLE, ROLE_ARN, TARGET_ARN, association, chained, healthy, role, target_trust, trust
from checks.grid import answers, reported
from podid.domain.snapshot import Known

ID = "role-recreated"
FAILS = chained(target=Known(role(TARGET_ARN, target_trust("AROAOLD"))))
UNKNOWN = NO_ROLE
PASSES = chained()
FINDINGS = [("pass", "warn", "Role orders"), ("fail", "error", "Role reports")]
UNKNOWNS = [("unknown", "warn", "Role orders")]


BASE, TARGET = "Role orders", "Role reports"


@pytest.mark.parametrize(("later", "expected"), [(timedelta(hours=1), "fail"), (timedelta(seconds=30), "pass")])
def test_a_role_younger_than_its_association(later: timedelta, expected: str) -> None:
    changed = association().modified_at
    assert changed is not None
    young = replace(role(), created_at=changed + later)
    (answer,) = answers(ID, healthy(roles={ROLE_ARN: Known(young)}))
    assert answer == (expected, "info" if expected == "fail" else "warn", BASE)


def test_a_deleted_principal_in_the_trust_policy_is_a_warning() -> None:
    document: Any = trust()
    document["Statement"].append({"Effect": "Allow", "Principal": {"AWS": "AIDAOLD"}, "Action": "sts:AssumeRole"})
    assert reported(healthy(roles={ROLE_ARN: Known(role(document=document))})) == [(ID, "warn", BASE)]


def test_a_target_role_may_be_younger_than_its_association() -> None:
    """EKS does not look for it when the association is made."""
    modified = association().modified_at
    assert modified is not None
    young = replace(role(TARGET_ARN, target_trust()), created_at=modified + timedelta(days=1))
    assert reported(chained(target=Known(young))) == []
