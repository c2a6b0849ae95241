"""The roles that checks judge."""

from dataclasses import replace
from typing import Any

import pytest

from checks.audit.worlds import guarded
from checks.builder import DENIED, READS, TARGET_ARN, UNREAD, association, chained, role
from checks.grid import answers, verdicts
from harness import table
from podid.checks.all import AUDIT
from podid.domain.snapshot import Known

ADMINISTRATOR = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@pytest.mark.parametrize(
    ("target", "policies", "outcome"),
    [
        (Known(role(TARGET_ARN)), Known({"p": Known(ADMINISTRATOR)}), "fail"),
        (Known(role(TARGET_ARN)), Known({"p": Known(READS)}), "pass"),
        (Known(role(TARGET_ARN)), DENIED, "unknown"),
        (DENIED, Known({}), "unknown"),
        (Known(None), Known({}), "not-applicable"),
    ],
)
def test_target_roles_are_judged(target: Any, policies: Any, outcome: str) -> None:
    snapshot = chained(association(), target=target, target_policies={TARGET_ARN: policies})
    answer = {subject: result for result, _, subject in answers("role-administrator", snapshot)}
    assert answer == {"Role orders": "pass", "Role reports": outcome}


@table("check_id", [check.id for check in AUDIT if {"roles", "permission_policies", "role_policies"} & {*check.needs}])
def test_an_association_that_was_not_described_is_unknown(check_id: str) -> None:
    """Its role is not known, so no other verdict can be about it."""
    snapshot = replace(guarded(), associations=Known((association(), UNREAD)))
    unknown = [verdict for verdict in verdicts(check_id, snapshot) if verdict.outcome == "unknown"]
    assert [verdict.chain for verdict in unknown] == [(str(UNREAD.ref),)]
