"""The ways of policy documents to more permissions, in the words of a plan."""

import json
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data

from harness import table
from podid.domain.policy.paths import PATHS
from podid.domain.section import Missing
from podid.facts.grants import MANAGED, in_one_phrase, more_permissions
from podid.ops.options import WELL_KNOWN_POLICIES

TO_LAMBDA = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}


def policy(*actions: str, resource: object = "*", effect: str = "Allow", **more: Any) -> dict[str, Any]:
    statement = {"Effect": effect, "Action": list(actions), "Resource": resource, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


@table(
    ("document", "phrases"),
    [
        (policy("s3:GetObject"), ()),
        (policy("*"), ("administrator: all actions on any resource",)),
        (policy("iam:*"), ("administrator: all actions of IAM on any resource",)),
        (policy("iam:UpdateAssumeRolePolicy"), ("may become administrator: iam:UpdateAssumeRolePolicy",)),
        (policy("iam:CreateAccessKey"), ("may become administrator: iam:CreateAccessKey",)),
        (policy("iam:SetDefaultPolicyVersion"), ("may become administrator: iam:SetDefaultPolicyVersion",)),
        (
            policy("iam:PassRole", "ec2:RunInstances", resource=["arn:aws:iam::111122223333:role/a", "arn:aws:ec2:*"]),
            ("may become administrator: iam:PassRole with ec2:RunInstances",),
        ),
        (policy("*", resource="arn:aws:s3:::one/*"), ()),
        # a condition on the request may be fulfilled
        (
            policy("iam:PutRolePolicy", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}}),
            ("may become administrator: iam:PutRolePolicy",),
        ),
        (policy("*", effect="Deny"), ()),
        # to pass roles: to any service, to a service without its action, and with one
        (policy("iam:PassRole"), ("may become administrator: iam:PassRole",)),
        (policy("iam:PassRole", "ec2:RunInstances", Condition=TO_LAMBDA), ()),
        (
            policy("iam:PassRole", "ec2:RunInstances"),
            ("may become administrator: iam:PassRole with ec2:RunInstances",),
        ),
        # without the names of conditions that the caller fulfils
        (policy("s3:*", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}}), ()),
    ],
)
def test_a_document_by_itself(document: dict[str, Any], phrases: tuple[str, ...]) -> None:
    assert more_permissions({"p": document}) == phrases


def documents() -> dict[str, Any]:
    policies = json.loads(aws_managed_policies_data)
    return {name: policy["Document"] for name, policy in policies.items()}


def test_the_listed_managed_policies_have_a_way() -> None:
    policies = documents()
    assert [name for name in sorted(MANAGED) if not more_permissions({name: policies[name]})] == []


def test_policies_of_usual_workloads_have_none() -> None:
    """Two of them pass roles to named services, without an action of these services."""
    policies = documents()
    usual = [name for name in WELL_KNOWN_POLICIES if name != "SecretsManagerReadWrite"]
    assert {name: ways for name in usual if (ways := more_permissions({name: policies[name]}))} == {}


def test_a_condition_of_an_administrator_is_named() -> None:
    vpc = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
    first, *others = more_permissions({"p": policy("*", Condition=vpc)})
    assert first == "may be administrator: all actions on any resource, depending on aws:SourceVpce"
    # to pass roles by itself is not one more
    assert len(others) == len(PATHS) - 1


def test_policies_together() -> None:
    passing = policy("iam:PassRole", resource="arn:aws:iam::111122223333:role/a")
    starting = policy("ec2:RunInstances")
    assert more_permissions({"a": passing}) == ()
    assert more_permissions({"a": passing, "b": starting}) == (
        "may become administrator: iam:PassRole with ec2:RunInstances",
    )


def test_an_unread_document_is_not_known() -> None:
    unread = more_permissions({"arn:aws:iam::111122223333:policy/p": Missing("access denied")})
    assert unread == ("not known whether arn:aws:iam::111122223333:policy/p leads to administrator: access denied",)


def test_one_phrase() -> None:
    assert in_one_phrase(()) == ""
    assert in_one_phrase(more_permissions({"p": policy("iam:PutRolePolicy", "iam:AttachRolePolicy")})) == (
        "may become administrator: iam:AttachRolePolicy, and 1 more way"
    )
