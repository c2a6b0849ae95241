"""Permission policies: owners and words, and the actions that a permissions boundary or a session policy leaves."""

from typing import Any

from harness import table
from podid.domain.iam import (
    AssumePermissions,
    allowed_actions,
    allows_any_action,
    of_several,
    patterns_of,
    policy_words,
)
from podid.domain.owners import owner_of

ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}


@table(
    ("statement", "words"),
    [
        (ALLOW, "may s3:GetObject on arn:aws:s3:::b/*"),
        ({**ALLOW, "Effect": "Deny"}, "may not s3:GetObject on arn:aws:s3:::b/*"),
        ({**ALLOW, "Action": ["a:B", "a:C"], "Resource": "*"}, "may a:B and a:C on anything"),
        ({**ALLOW, "Action": [f"a:{n}" for n in range(7)]}, "may a:0, a:1, a:2, a:3 and 3 more on arn:aws:s3:::b/*"),
        ({**ALLOW, "Action": "*", "Resource": "*"}, "may do everything on anything"),
        ({**ALLOW, "Action": ["s3:*", "sqs:*"]}, "may do everything in s3 and sqs on arn:aws:s3:::b/*"),
        ({**ALLOW, "Action": ["s3:*", "sqs:Send*"]}, "may s3:* and sqs:Send* on arn:aws:s3:::b/*"),
        (
            {"Effect": "Deny", "NotAction": "iam:*", "NotResource": "arn:x"},
            "may not do everything but iam:* on everything but arn:x",
        ),
        (
            {**ALLOW, "Condition": {"StringEquals": {"aws:PrincipalTag/ns": ["a", "b"]}, "Bool": {"x:y": True}}},
            "may s3:GetObject on arn:aws:s3:::b/*, if aws:PrincipalTag/ns is a or b and x:y is true",
        ),
        (
            {**ALLOW, "Condition": {"NumericLessThan": {"s3:max-keys": 10}}},
            "may s3:GetObject on arn:aws:s3:::b/*, if s3:max-keys NumericLessThan 10",
        ),
        ("nonsense", "a statement of an unexpected form"),
        ({}, "may nothing on nothing"),
    ],
)
def test_a_statement(statement: Any, words: str) -> None:
    assert policy_words({"Statement": [statement]}) == (words,)
    assert policy_words({"Statement": statement}) == (words,)


def test_a_long_policy_is_cut_and_an_empty_one_said() -> None:
    assert policy_words({"Statement": [ALLOW] * 9})[-1] == "and 3 more statements"
    assert policy_words({}) == policy_words({"Statement": []}) == ("nothing: the policy has no statement",)


@table(
    ("tags", "words"),
    [
        ({}, None),
        ({"managed-by": "podid", "team": "terraform"}, None),
        ({"aws:cloudformation:stack-name": "shop"}, "CloudFormation stack shop"),
        (
            {"aws:cloudformation:stack-name": "eksctl-demo-x", "alpha.eksctl.io/cluster-name": "demo"},
            "eksctl stack eksctl-demo-x",
        ),
        ({"alpha.eksctl.io/cluster-name": "demo"}, "eksctl for cluster demo"),
        ({"ManagedBy": "Terraform"}, "Terraform"),
        ({"managed_by": "opentofu"}, "OpenTofu"),
        ({"Terraform": "true"}, "Terraform"),
        ({"terraform": "false"}, None),
        ({"crossplane-name": "orders", "crossplane-kind": "role.iam"}, "Crossplane orders"),
        ({"services.k8s.aws/controller-version": "iam-1.3"}, "AWS Controllers for Kubernetes"),
    ],
)
def test_the_owner_by_tags(tags: dict[str, str], words: str | None) -> None:
    owner = owner_of(tags)
    assert (owner.words if owner else None) == words


def test_patterns_of_actions_by_service() -> None:
    actions = ("s3:Get*", "S3:PutObject", "sqs:*", "*", "s*:Get*", "iam:PassRole")
    assert patterns_of("s3", actions) == ("s3:Get*", "S3:PutObject")
    assert of_several("s3", actions) == ("*", "s*:Get*")
    assert of_several("kms", actions) == ("*",)


# --- actions that a ceiling leaves ------------------------------------------------------------------------------------


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
