"""Policies of resources: each service returns its own, and a resource without one has None."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from podid.aws.resource_policies import ResourcePolicies
from podid.aws.session import AwsSession
from podid.domain.errors import AccessDenied
from podid.domain.names import Arn
from podid.sandbox.box import Sandbox

POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]}


def of(service: str, resource: str) -> str:
    return f"arn:aws:{service}:us-west-2:111122223333:{resource}"


READS: Mapping[str, Callable[[ResourcePolicies, Arn], Any]] = {
    "arn:aws:s3:::reports": lambda policies, arn: policies.find_bucket_policy(arn.resource),
    of("kms", "key/1"): ResourcePolicies.find_key_policy,
    of("sqs", "jobs"): ResourcePolicies.find_queue_policy,
    of("secretsmanager", "secret:s"): ResourcePolicies.find_secret_policy,
    of("sns", "t"): ResourcePolicies.find_topic_policy,
    of("lambda", "function:f"): ResourcePolicies.find_function_policy,
    of("dynamodb", "table/t"): ResourcePolicies.find_table_policy,
}


def test_the_policy_of_each_kind_of_resource(box: Sandbox, session: AwsSession) -> None:
    for arn, read in READS.items():
        before = read(session.resource_policies, Arn.parse(arn))
        box.world.resource_policies[arn] = POLICY
        assert read(session.resource_policies, Arn.parse(arn)) == POLICY, arn
        # a key and a topic have a policy from the beginning
        assert (before is None) is (Arn.parse(arn).service not in ("kms", "sns")), arn


def test_a_trust_policy_names_no_resource(session: AwsSession) -> None:
    arn = "arn:aws:iam::111122223333:role/storefront"
    policy = session.resource_policies.find_trust_policy(Arn.parse(arn))
    assert policy is not None
    statements: Any = policy["Statement"]
    assert [(statement["Effect"], statement["Resource"]) for statement in statements] == [("Allow", arn)]
    # a role of the name under another path is another role
    assert session.resource_policies.find_trust_policy(Arn.parse(arn.replace("role/", "role/team/"))) is None


def test_the_policy_of_an_index_is_that_of_its_table(box: Sandbox, session: AwsSession) -> None:
    box.world.resource_policies[of("dynamodb", "table/t")] = POLICY
    assert session.resource_policies.find_table_policy(Arn.parse(of("dynamodb", "table/t/index/i"))) == POLICY


def test_a_policy_that_the_caller_must_not_read_is_an_error(box: Sandbox, session: AwsSession) -> None:
    box.world.credentials.deny("s3:GetBucketPolicy")
    with pytest.raises(AccessDenied) as raised:
        session.resource_policies.find_bucket_policy("reports")
    assert raised.value.permission == "s3:GetBucketPolicy"
