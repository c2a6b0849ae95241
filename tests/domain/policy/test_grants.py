"""The ways to any permission that a policy opens."""

import json
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from harness import table
from podid.domain.policy.grants import MANAGED, may_become, ways_of

CONDITION = {"StringLike": {"aws:UserAgent": "*"}}
Way = tuple[str, ...]


def allowing(*actions: str, **more: object) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


@table(
    ("policy", "ways"),
    [
        (allowing("*"), ("all actions",)),
        (allowing("iam:*"), ("all actions of IAM",)),
        (allowing("*", Condition=CONDITION), ("all actions",)),
        (allowing("iam:UpdateAssumeRolePolicy"), ("iam:UpdateAssumeRolePolicy",)),
        (allowing("iam:createaccess?ey"), ("iam:CreateAccessKey",)),
        (allowing("iam:SetDefaultPolicyVersion", Condition=CONDITION), ("iam:SetDefaultPolicyVersion",)),
        (allowing("iam:PassRole", "ec2:RunInstances"), ("iam:PassRole with ec2:RunInstances",)),
        (
            allowing("iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"),
            ("iam:PassRole with lambda:CreateFunction and lambda:InvokeFunction",),
        ),
        (allowing("iam:PassRole", "ec2:RunInstances", Condition=CONDITION), ("iam:PassRole with ec2:RunInstances",)),
        # for another service: no way by itself, and none with EC2
        (allowing("iam:PassRole", "ec2:RunInstances", Condition={"StringEquals": {"iam:PassedToService": "x"}}), ()),
        (allowing("iam:PassRole"), ("iam:PassRole",)),
        (allowing("iam:PassRole", Resource="arn:aws:iam::111122223333:role/x"), ()),
        (allowing("lambda:CreateFunction", "lambda:InvokeFunction"), ()),
        (allowing("s3:*", "sqs:*", "dynamodb:*"), ()),
        (allowing("sts:AssumeRole", Resource="arn:aws:iam::111122223333:role/x"), ()),
        (allowing("sts:AssumeRole"), ("sts:AssumeRole",)),
        ({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}, ("it cannot be evaluated",)),
        ({"Version": "2012-10-17", "Statement": []}, ()),
    ],
)
def test_ways_of_a_policy(policy: dict[str, Any], ways: Way) -> None:
    assert ways_of(policy) == ways


def test_everything_except_something_is_more_than_one_way() -> None:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}]}
    assert ways_of(policy)


def test_a_deny_closes_a_way() -> None:
    policy = allowing("iam:PutRolePolicy", "iam:AttachRolePolicy")
    policy["Statement"].append({"Effect": "Deny", "Action": "iam:PutRolePolicy", "Resource": "*"})
    assert ways_of(policy) == ("iam:AttachRolePolicy",)


def documents() -> dict[str, Any]:
    policies = json.loads(aws_managed_policies_data)
    return {name: policy["Document"] for name, policy in policies.items()}


def test_the_listed_managed_policies_open_a_way() -> None:
    policies = documents()
    assert [name for name in sorted(MANAGED) if not ways_of(policies[name])] == []


@pytest.mark.parametrize(
    "name",
    [
        "AmazonS3FullAccess",
        "AmazonDynamoDBFullAccess",
        "AmazonBedrockFullAccess",
        "AmazonSQSFullAccess",
        "SecretsManagerReadWrite",
        "CloudWatchAgentServerPolicy",
        "ReadOnlyAccess",
    ],
)
def test_policies_of_usual_workloads_open_none(name: str) -> None:
    assert ways_of(documents()[name]) == ()


def test_the_sentence_names_the_first_way() -> None:
    assert may_become(("all actions",)) == "may become administrator: all actions"
    assert may_become(("a", "b", "c")) == "may become administrator: a, and 2 more ways"
