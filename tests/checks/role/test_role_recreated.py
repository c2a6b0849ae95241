import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from checks.builder import NO_ROLE, ROLE_ARN, TARGET_ARN, association, chained, healthy, role, target_trust, trust
from checks.grid import answers, reported, verdicts
from podid.domain.snapshot import Known

ID = "role-recreated"
FAILS = chained(target=Known(role(TARGET_ARN, target_trust("AROAOLD"))))
UNKNOWN = NO_ROLE
PASSES = chained()
FINDINGS = [("pass", "warn", "Role orders"), ("fail", "error", "Role reports")]
UNKNOWNS = [("unknown", "warn", "Role orders")]


BASE, TARGET = "Role orders", "Role reports"


def commands(*principals: str) -> list[tuple[str, ...]]:
    """Return the commands for a target role whose trust policy names these unique ids."""
    document: Any = target_trust()
    document["Statement"][0]["Principal"]["AWS"] = [*principals]
    findings = [item for item in verdicts(ID, chained(target=Known(role(TARGET_ARN, document)))) if item.fix]
    return [command for item in findings for command in (item.fix.commands if item.fix else ())]


def test_the_fix_replaces_the_unique_id_with_the_arn() -> None:
    ((*words, document),) = commands("AROAOLD")
    assert words == ["aws", "iam", "update-assume-role-policy", "--role-name", "reports", "--policy-document"]
    assert json.loads(document)["Statement"][0]["Principal"] == {"AWS": [ROLE_ARN]}


def test_without_one_meaning_of_the_unique_id_there_is_no_command() -> None:
    assert commands("AROAOLD", "AROAOTHER") == []


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
