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
        ({"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com", "aws:SourceIp": "10.0.0.1"}}, "unknown"),
    ],
)
def test_a_role_that_can_be_passed_to_one_service(condition: dict[str, Any], outcome: str) -> None:
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": condition}
    assert outcomes(ID, allowing(statement, Action="ec2:RunInstances", Resource="*")) == {outcome}


def test_an_unknown_path_names_its_condition() -> None:
    condition = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
    verdict = only(ID, allowing(Action="iam:PutRolePolicy", Resource="*", Condition=condition))
    assert verdict.message == (
        "not known whether the pods can write an inline policy of a role, and so get more permissions than the role "
        "has: whether p, Statement[0] allows it depends on aws:SourceVpce"
    )
    further = {"Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": "*"}
    both = only(ID, allowing(further, Action="iam:PutRolePolicy", Resource="*", Condition=condition))
    assert both.evidence == (
        "attach-role-policy: iam:AttachRolePolicy",
        "not known: put-role-policy: whether p, Statement[1] allows it depends on aws:SourceVpce",
    )


@table(
    ("resource", "outcome"),
    [("arn:aws:s3:::one/*", "pass"), ("arn:aws:iam::*:role/a", "fail"), ("arn:aws:iam::*:user/*", "fail")],
)
def test_actions_count_on_resources_of_their_type(resource: str, outcome: str) -> None:
    assert outcomes(ID, allowing(Action="*", Resource=resource)) == {outcome}


def test_each_path_is_evidence() -> None:
    verdict = only(ID, allowing(Action=["iam:PutRolePolicy", "iam:AttachRolePolicy"], Resource="*"))
    assert ", and 1 more way, and so get more permissions" in verdict.message
    assert set(verdict.evidence) == {
        "put-role-policy: iam:PutRolePolicy",
        "attach-role-policy: iam:AttachRolePolicy",
    }
