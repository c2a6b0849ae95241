"""The association operations behave as EKS does: texts, pages, idempotency, delays, quota."""

import json
from typing import Any

import pytest

from podid.sandbox import baseline
from podid.sandbox.box import Sandbox
from sandbox.aws_checks import ROLE, Connect, associate, refusal

POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)


def create(eks: Any, **changes: Any) -> tuple[str, str, int]:
    wanted = {
        "clusterName": "demo",
        "namespace": "shop",
        "serviceAccount": "orders",
        "roleArn": f"{ROLE}orders-dynamodb",
    }
    return refusal(eks.create_pod_identity_association, **(wanted | changes))


def test_create_answers_the_whole_association(eks: Any) -> None:
    made = associate(eks, "shop", "orders", targetRoleArn="arn:aws:iam::444455556666:role/remote")
    assert len(made["associationId"]) == 19
    assert made["associationId"].startswith("a-")
    assert made == {
        "clusterName": "demo",
        "namespace": "shop",
        "serviceAccount": "orders",
        "roleArn": f"{ROLE}orders-dynamodb",
        "associationArn": f"arn:aws:eks:us-west-2:111122223333:podidentityassociation/demo/{made['associationId']}",
        "associationId": made["associationId"],
        "tags": {},
        "createdAt": made["modifiedAt"],
        "modifiedAt": made["modifiedAt"],
        "disableSessionTags": False,
        "targetRoleArn": "arn:aws:iam::444455556666:role/remote",
        "externalId": "us-west-2/111122223333/demo/shop/orders",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"clusterName": "other"}, ("ResourceNotFoundException", "No cluster found for name: other.", 404)),
        (
            {"roleArn": f"{ROLE}nobody"},
            ("InvalidParameterException", "Role provided in the request does not exist.", 400),
        ),
        (
            {"roleArn": f"{ROLE}billing-worker"},
            ("InvalidParameterException", "Role provided in the request does not exist.", 400),
        ),
        ({"roleArn": "nonsense"}, ("InvalidParameterException", "Role provided in the request does not exist.", 400)),
        (
            {"roleArn": f"{ROLE}article-2023"},
            ("InvalidParameterException", "Trust policy of the role provided is invalid.", 400),
        ),
        (
            {"roleArn": f"{ROLE}irsa-reports"},
            ("InvalidParameterException", "Trust policy of the role provided is invalid.", 400),
        ),
        (
            {"roleArn": "arn:aws:iam::444455556666:role/x"},
            ("AccessDeniedException", "Cross-account pass role is not allowed.", 403),
        ),
        ({"roleArn": ""}, ("AccessDeniedException", "Cross-account pass role is not allowed.", 403)),
        (
            {"policy": POLICY},
            ("InvalidParameterException", "Session tags must be disabled when a session policy is provided.", 400),
        ),
        (
            {"policy": "{", "disableSessionTags": True},
            ("InvalidParameterException", "The policy is not a valid IAM policy document.", 400),
        ),
    ],
)
def test_create_refuses(eks: Any, changes: dict[str, Any], expected: tuple[str, str, int]) -> None:
    assert create(eks, **changes) == expected
    assert eks.list_pod_identity_associations(clusterName="demo")["associations"] == []


def test_a_role_with_a_path_is_found_by_its_whole_arn(eks: Any) -> None:
    assert (
        associate(eks, "payments", "billing-worker", "apps/billing-worker")["roleArn"] == f"{ROLE}apps/billing-worker"
    )


def test_a_second_association_names_the_first(eks: Any) -> None:
    first = associate(eks, "shop", "orders")
    assert create(eks) == ("ResourceInUseException", f"Association already exists: {first['associationId']}", 409)


def test_the_same_token_answers_the_same_association(eks: Any) -> None:
    first = associate(eks, "shop", "orders", clientRequestToken="t-1")
    assert associate(eks, "shop", "orders", clientRequestToken="t-1") == first
    assert create(eks, clientRequestToken="t-1", serviceAccount="else")[0] == "InvalidParameterException"


def test_the_quota(box: Sandbox, eks: Any) -> None:
    box.world.limits.associations_per_cluster = 1
    associate(eks, "shop", "one")
    code, _, status = create(eks, serviceAccount="two")
    assert (code, status) == ("ResourceLimitExceededException", 400)


def test_a_new_role_is_unknown_to_eks_for_a_while(box: Sandbox, eks: Any, iam: Any) -> None:
    box.world.delays.role = 10
    trust = json.dumps(baseline.pods_trust())
    iam.create_role(RoleName="fresh", AssumeRolePolicyDocument=trust)
    missing = ("InvalidParameterException", "Role provided in the request does not exist.", 400)
    assert create(eks, roleArn=f"{ROLE}fresh") == missing
    box.world.clock.advance(11)
    associate(eks, "shop", "orders", "fresh")
    iam.update_assume_role_policy(RoleName="article-2023", PolicyDocument=trust)
    assert create(eks, serviceAccount="late", roleArn=f"{ROLE}article-2023")[0] == "InvalidParameterException"


def test_deleting_takes_a_while_too(box: Sandbox, eks: Any) -> None:
    box.world.delays.delete = 5
    gone = associate(eks, "shop", "orders")
    eks.delete_pod_identity_association(clusterName="demo", associationId=gone["associationId"])
    assert create(eks) == ("ResourceInUseException", f"Association already exists: {gone['associationId']}", 409)
    box.world.clock.advance(6)
    assert associate(eks, "shop", "orders")["associationId"] != gone["associationId"]


def test_the_webhook_lags(box: Sandbox, eks: Any) -> None:
    box.world.delays.association = 8
    made = associate(eks, "shop", "orders")
    assert not box.world.pod_identity_enabled("shop", "orders")
    box.world.clock.advance(9)
    assert box.world.pod_identity_enabled("shop", "orders")
    eks.update_pod_identity_association(
        clusterName="demo", associationId=made["associationId"], roleArn=f"{ROLE}storefront"
    )
    seen = box.world.association_in_effect("demo", "shop", "orders")
    assert seen is not None
    assert seen.role_arn == f"{ROLE}orders-dynamodb"
    eks.delete_pod_identity_association(clusterName="demo", associationId=made["associationId"])
    assert box.world.pod_identity_enabled("shop", "orders")
    box.world.clock.advance(9)
    assert not box.world.pod_identity_enabled("shop", "orders")


def test_update(box: Sandbox, eks: Any) -> None:
    made = associate(eks, "shop", "orders", targetRoleArn=f"{ROLE}storefront")
    named = {"clusterName": "demo", "associationId": made["associationId"]}
    assert refusal(eks.update_pod_identity_association, **named)[:2] == (
        "InvalidParameterException",
        "At least one field must be provided for the update.",
    )
    box.world.clock.advance(1)
    changed = eks.update_pod_identity_association(**named, policy=POLICY, disableSessionTags=True)["association"]
    assert (changed["policy"], changed["disableSessionTags"], changed["targetRoleArn"]) == (
        POLICY,
        True,
        f"{ROLE}storefront",
    )
    assert changed["modifiedAt"] > made["modifiedAt"]
    assert refusal(eks.update_pod_identity_association, **named, disableSessionTags=False)[0] == (
        "InvalidParameterException"
    )
    cleared = eks.update_pod_identity_association(**named, targetRoleArn="", policy="")["association"]
    assert {"targetRoleArn", "externalId", "policy"} & cleared.keys() == set()
    assert eks.describe_pod_identity_association(**named)["association"] == cleared


def test_describe_checks_the_id(eks: Any) -> None:
    assert refusal(eks.describe_pod_identity_association, clusterName="demo", associationId="a-1") == (
        "InvalidParameterException",
        "associationId should be 19 characters long",
        400,
    )
    code, _, status = refusal(
        eks.describe_pod_identity_association, clusterName="demo", associationId="a-00000000000000000"
    )
    assert (code, status) == ("ResourceNotFoundException", 404)


def test_pages_of_a_hundred(box: Sandbox, eks: Any) -> None:
    baseline.seed_associations(box.world, 250)
    first = eks.list_pod_identity_associations(clusterName="demo")
    assert len(first["associations"]) == 100
    assert set(first["associations"][0]) == {
        "clusterName",
        "namespace",
        "serviceAccount",
        "associationArn",
        "associationId",
    }
    pages = list(eks.get_paginator("list_pod_identity_associations").paginate(clusterName="demo"))
    assert [len(page["associations"]) for page in pages] == [100, 100, 50]
    assert len({item["associationId"] for page in pages for item in page["associations"]}) == 250
    small = eks.list_pod_identity_associations(clusterName="demo", namespace="team-0001", maxResults=7)
    assert {item["namespace"] for item in small["associations"]} == {"team-0001"}
    assert len(small["associations"]) == 7
    one = eks.list_pod_identity_associations(clusterName="demo", namespace="team-0001", serviceAccount="app-003")
    assert len(one["associations"]) == 1
    assert refusal(eks.list_pod_identity_associations, clusterName="demo", nextToken="x")[0] == (
        "InvalidParameterException"
    )
    assert refusal(eks.list_pod_identity_associations, clusterName="demo", maxResults=101)[:2] == (
        "InvalidParameterException",
        "1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: "
        "Member must have value less than or equal to 100",
    )


def test_another_region_has_no_cluster(connect: Connect) -> None:
    elsewhere = connect("eks", region="eu-west-1")
    assert elsewhere.list_clusters()["clusters"] == []
    assert refusal(elsewhere.describe_cluster, name="demo") == (
        "ResourceNotFoundException",
        "No cluster found for name: demo.",
        404,
    )


def test_tags_belong_to_resources_that_exist(eks: Any) -> None:
    made = associate(eks, "shop", "orders", tags={"team": "shop"})
    eks.tag_resource(resourceArn=made["associationArn"], tags={"owner": "me"})
    found = eks.describe_pod_identity_association(clusterName="demo", associationId=made["associationId"])
    assert found["association"]["tags"] == {"team": "shop", "owner": "me"}
    eks.delete_pod_identity_association(clusterName="demo", associationId=made["associationId"])
    assert refusal(eks.list_tags_for_resource, resourceArn=made["associationArn"])[0] == "NotFoundException"


def test_what_is_not_played_says_so(eks: Any) -> None:
    assert refusal(eks.delete_cluster, name="demo") == (
        "UnknownOperationException",
        "The podid sandbox does not simulate the operation DeleteCluster.",
        404,
    )
