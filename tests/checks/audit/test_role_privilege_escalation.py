from typing import Any

from checks.grid import only, outcomes
from harness import table

from .worlds import UNREAD_POLICIES, allowing

ID = "role-privilege-escalation"
FAILS = allowing(Action="iam:PutRolePolicy", Resource="*")
UNKNOWN = UNREAD_POLICIES
FINDINGS = [("fail", "warn", "Role orders")]
UNKNOWNS = [("unknown", "warn", "Role orders")]
MESSAGES = ["the pods can write an inline policy of a role, and so get more permissions than the role has"]


@table(
    ("statement", "outcome"),
    [
        ({"Action": "s3:GetObject", "Resource": "*"}, "pass"),
        # role-administrator, role-passes-any-role and role-assumes-any-role report these
        ({"Action": "*", "Resource": "*"}, "not-applicable"),
        ({"Action": "iam:PassRole", "Resource": "*"}, "pass"),
        ({"Action": "sts:AssumeRole", "Resource": "*"}, "pass"),
    ],
)
def test_permissions_without_an_escalation_path(statement: dict[str, Any], outcome: str) -> None:
    assert outcomes(ID, allowing(**statement)) == {outcome}


@table(
    ("condition", "outcome"),
    [
        ({"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}, "fail"),
        ({"StringLike": {"iam:PassedToService": ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]}}, "fail"),
        ({"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}, "pass"),
        ({"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com", "aws:SourceIp": "10.0.0.1"}}, "pass"),
    ],
)
def test_a_role_that_can_be_passed_to_one_service(condition: dict[str, Any], outcome: str) -> None:
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": condition}
    assert outcomes(ID, allowing(statement, Action="ec2:RunInstances", Resource="*")) == {outcome}


def test_each_path_is_evidence() -> None:
    verdict = only(ID, allowing(Action=["iam:PutRolePolicy", "iam:AttachRolePolicy"], Resource="*"))
    assert ", and 1 more way, and so get more permissions" in verdict.message
    assert set(verdict.evidence) == {
        "put-role-policy: iam:PutRolePolicy",
        "attach-role-policy: iam:AttachRolePolicy",
    }
