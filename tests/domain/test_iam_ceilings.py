"""The actions that a permissions boundary or a session policy leaves."""

from typing import Any

from harness import table
from podid.domain.iam import AssumePermissions, allowed_actions, allows_any_action


def allow(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


S3 = document(allow("s3:GetObject", "s3:List*"))


def deny(*actions: str, **more: Any) -> dict[str, Any]:
    return allow(*actions, **{"Effect": "Deny", **more})


@table(
    ("policy", "ceiling", "left"),
    [
        (S3, document(allow("*")), True),
        (S3, document(allow("S3:Get*")), True),
        (S3, document(allow("ec2:Describe*", "dynamodb:*")), False),
        (S3, document(), False),
        (S3, document(allow("*"), deny("s3:*")), False),
        (S3, document(allow("*"), deny("s3:Get*")), True),
        # what holds for some resources, or under a condition, may leave the rest
        (S3, document(allow("*"), deny("s3:*", Resource="arn:aws:s3:::other/*")), True),
        (S3, document(allow("*"), deny("s3:*", Condition={"Bool": {"aws:SecureTransport": "false"}})), True),
        (S3, document({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}), True),
        (S3, document({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}), False),
        (S3, document(allow("*"), {"Effect": "Deny", "NotAction": "ec2:*", "Resource": "*"}), False),
        (document(allow("*")), document(allow("ec2:*")), True),
        (document({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}), document(allow("ec2:*")), True),
        ({"Statement": allow("s3:GetObject")}, {"Statement": allow("logs:*")}, False),
        (S3, {"Statement": ["odd", 7]}, False),
        (S3, {"Statement": {"Effect": "Allow"}}, True),
    ],
)
def test_actions_that_a_ceiling_leaves(policy: dict[str, Any], ceiling: dict[str, Any], left: bool) -> None:
    assert allows_any_action(allowed_actions([policy]), ceiling) is left


def test_a_policy_variable_may_stand_for_any_name() -> None:
    tagging = AssumePermissions(tag=("arn:aws:iam::111122223333:role/${aws:PrincipalTag/kubernetes-namespace}-*",))
    assert tagging.may_tag("arn:aws:iam::111122223333:role/shop-data")
    assert not tagging.may_tag("arn:aws:iam::444455556666:role/shop-data")
