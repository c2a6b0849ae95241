"""A list or a description shows a change only when its lag has passed, and each by its own lag."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from podid.sandbox import baseline
from podid.sandbox.box import Sandbox
from sandbox.aws_checks import ROLE, associate

LAG = 60.0
AGENT = {"clusterName": "demo", "addonName": "eks-pod-identity-agent"}
Call = Callable[[], Any]


def seen(call: Call) -> Any:
    """Return the answer, or the error's code."""
    try:
        answer = call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    answer.pop("ResponseMetadata")
    return answer


def shows_late(box: Sandbox, operation: str, read: Call, *changes: Call) -> None:
    """Each change is shown once `LAG` has passed, and not before."""
    box.world.delays.lags[operation] = LAG
    for change in changes:
        before = seen(read)
        change()
        box.world.clock.advance(LAG - 1)
        assert seen(read) == before, operation
        box.world.clock.advance(2)
        assert seen(read) != before, operation


def test_lists_and_descriptions_of_associations(box: Sandbox, eks: Any) -> None:
    made: dict[str, Any] = {}

    def key() -> dict[str, str]:
        return {"clusterName": "demo", "associationId": made["associationId"]}

    shows_late(
        box,
        "ListPodIdentityAssociations",
        lambda: eks.list_pod_identity_associations(clusterName="demo"),
        lambda: made.update(associate(eks, "shop", "orders")),
        lambda: eks.delete_pod_identity_association(**key()),
    )
    made = associate(eks, "shop", "orders")
    arn = made["associationArn"]
    box.world.clock.advance(LAG)
    shows_late(
        box,
        "DescribePodIdentityAssociation",
        lambda: eks.describe_pod_identity_association(**key()),
        lambda: eks.update_pod_identity_association(**key(), roleArn=f"{ROLE}storefront"),
        lambda: eks.tag_resource(resourceArn=arn, tags={"team": "shop"}),
        lambda: eks.untag_resource(resourceArn=arn, tagKeys=["team"]),
        lambda: eks.delete_pod_identity_association(**key()),
    )


def test_lists_and_descriptions_of_addons(box: Sandbox, eks: Any) -> None:
    shows_late(box, "DescribeAddon", lambda: eks.describe_addon(**AGENT), lambda: eks.create_addon(**AGENT))
    shows_late(box, "ListAddons", lambda: eks.list_addons(clusterName="demo"), lambda: eks.delete_addon(**AGENT))


def test_lists_and_descriptions_of_roles(box: Sandbox, iam: Any) -> None:
    trust, named = json.dumps(baseline.pods_trust()), {"RoleName": "fresh"}
    other = json.dumps(baseline.pods_trust(actions=("sts:AssumeRole",)))
    document = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": document})
    inline = {**named, "PolicyName": "inline"}
    managed = {**named, "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    shows_late(
        box,
        "GetRole",
        lambda: iam.get_role(**named),
        lambda: iam.create_role(**named, AssumeRolePolicyDocument=trust),
        lambda: iam.update_assume_role_policy(**named, PolicyDocument=other),
        lambda: iam.tag_role(**named, Tags=[{"Key": "team", "Value": "shop"}]),
        lambda: iam.untag_role(**named, TagKeys=["team"]),
        lambda: iam.update_role(**named, Description="new"),
        lambda: iam.put_role_permissions_boundary(**named, PermissionsBoundary=managed["PolicyArn"]),
    )
    for operation, read, changes in (
        (
            "ListRolePolicies",
            lambda: iam.list_role_policies(**named),
            (
                lambda: iam.put_role_policy(**inline, PolicyDocument=policy),
                lambda: iam.delete_role_policy(**inline),
            ),
        ),
        (
            "GetRolePolicy",
            lambda: iam.get_role_policy(**inline),
            (
                lambda: iam.put_role_policy(**inline, PolicyDocument=policy),
                lambda: iam.put_role_policy(**inline, PolicyDocument=policy.replace("s3:", "sqs:")),
                lambda: iam.delete_role_policy(**inline),
            ),
        ),
        (
            "ListAttachedRolePolicies",
            lambda: iam.list_attached_role_policies(**named),
            (lambda: iam.attach_role_policy(**managed), lambda: iam.detach_role_policy(**managed)),
        ),
        ("ListRoles", iam.list_roles, (lambda: iam.delete_role(**named),)),
    ):
        shows_late(box, operation, read, *changes)


def test_changes_see_the_present_state(box: Sandbox, eks: Any) -> None:
    box.world.delays.lags["*"] = LAG
    made = associate(eks, "shop", "orders")
    with pytest.raises(ClientError, match="Association already exists"):
        associate(eks, "shop", "orders")
    eks.delete_pod_identity_association(clusterName="demo", associationId=made["associationId"])
    assert not eks.list_pod_identity_associations(clusterName="demo")["associations"]
