from dataclasses import replace
from typing import Any

from checks.builder import BOUNDARY_ARN, DENIED, READS, ROLE_ARN, healthy, role
from checks.grid import answers, outcomes
from harness import table
from podid.domain.snapshot import Known, Snapshot

from .worlds import UNREAD_POLICIES, allowing

ID = "role-administrator"
FAILS = allowing(Action="*", Resource="*")
UNKNOWN = UNREAD_POLICIES


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "warn", "Role orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "warn", "Role orders")]


def bounded(snapshot: Snapshot, **statement: Any) -> Snapshot:
    """The same with a permissions boundary of this one statement."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
    limited = replace(role(), permissions_boundary_arn=BOUNDARY_ARN)
    return replace(snapshot, roles=Known({ROLE_ARN: Known(limited)}), boundaries=Known({BOUNDARY_ARN: Known(document)}))


@table(
    ("snapshot", "outcome"),
    [
        (allowing(Action="*", Resource="*"), "fail"),
        (allowing(Action=["s3:*", "iam:*"], Resource=["*"]), "fail"),
        (allowing(NotAction=["iam:*", "organizations:*"], Resource="*"), "fail"),
        (allowing(Action="s3:*", Resource="*"), "pass"),
        (allowing(Action="*", Resource="arn:aws:s3:::orders/*"), "pass"),
        (allowing(Action="*", Resource="*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}), "pass"),
        (bounded(allowing(Action="*", Resource="*"), Action="s3:*", Resource="*"), "pass"),
        (bounded(allowing(Action="*", Resource="*"), Action="*", Resource="*"), "fail"),
        (replace(bounded(allowing(Action="*", Resource="*")), boundaries=Known({BOUNDARY_ARN: DENIED})), "unknown"),
        (healthy(roles={ROLE_ARN: Known(None)}), "not-applicable"),
        (healthy(permission_policies={ROLE_ARN: Known({"p": Known({"Statement": [{"Effect": "?"}]})})}), "unknown"),
        (healthy(permission_policies={ROLE_ARN: Known({"p": Known(READS), "q": DENIED})}), "unknown"),
    ],
)
def test_policies_that_allow_all_actions(snapshot: Snapshot, outcome: str) -> None:
    assert outcomes(ID, snapshot) == {outcome}
