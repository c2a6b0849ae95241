"""Permission policies and owners, in words."""

from typing import Any

from harness import table
from podid.domain.iam import of_several, patterns_of, policy_words
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
