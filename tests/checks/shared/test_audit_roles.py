"""The roles that the checks of the audit judge."""

from typing import Any

import pytest

from checks.builder import DENIED, READS, TARGET_ARN, association, chained, role
from checks.grid import answers
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
