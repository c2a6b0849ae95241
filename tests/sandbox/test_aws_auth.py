"""EKS Auth and STS: tokens, trust of both hops, credentials that STS knows, and who may ask."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from podid.sandbox import baseline
from podid.sandbox.box import Sandbox
from podid.sandbox.contract import TokenClaims, TokenRefused
from podid.sandbox.credentials import Credential
from sandbox.aws_checks import ROLE, Connect, associate, refusal

UNAUTHORIZED = (
    "AccessDeniedException",
    "Unauthorized Exception! EKS does not have permissions to assume the associated role.",
    400,
)
CLUSTER_ARN = "arn:aws:eks:us-west-2:111122223333:cluster/demo"
PODS = {"Service": "pods.eks.amazonaws.com"}
BOTH = ["sts:AssumeRole", "sts:TagSession"]


class Tokens:
    """A Kubernetes half that knows three tokens."""

    endpoint_url = "https://127.0.0.1:6443"
    ca_pem = "PEM"

    def review_token(self, token: str, audience: str) -> TokenClaims:
        assert audience == "pods.eks.amazonaws.com"
        if token == "old.old.old":
            raise TokenRefused("ExpiredTokenException", "Token has expired")
        if token != "a.b.c":
            raise TokenRefused("InvalidTokenException", "Token is not valid")
        return TokenClaims("shop", "orders", "orders-7d4b9c6f5-x2x9z", "uid-1")


@pytest.fixture
def auth(box: Sandbox, connect: Connect) -> Any:
    box.world.attach_kubernetes(Tokens())
    return connect("eks-auth")


def trust(box: Sandbox, role: str, *statements: dict[str, Any]) -> None:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    box.iam.backend("111122223333").get_role(role).assume_role_policy_document = json.dumps(document)


def allow(principal: Any, actions: Any, condition: dict[str, Any] | None = None) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions}
    return statement | ({"Condition": condition} if condition else {})


def redeem(auth: Any) -> Any:
    return auth.assume_role_for_pod_identity(clusterName="demo", token="a.b.c")


def test_credentials_are_the_roles(box: Sandbox, eks: Any, auth: Any, connect: Connect) -> None:
    made = associate(eks, "shop", "orders")
    answer = redeem(auth)
    arn = answer["assumedRoleUser"]["arn"]
    assert arn.startswith("arn:aws:sts::111122223333:assumed-role/orders-dynamodb/eks-demo-orders-7d4-")
    assert (answer["subject"], answer["audience"], answer["podIdentityAssociation"]) == (
        {"namespace": "shop", "serviceAccount": "orders"},
        "pods.eks.amazonaws.com",
        {"associationArn": made["associationArn"], "associationId": made["associationId"]},
    )
    six_hours = box.world.clock.datetime() + timedelta(hours=6)
    assert abs(answer["credentials"]["expiration"] - six_hours) < timedelta(seconds=5)
    key = box.world.credentials.find(answer["credentials"]["accessKeyId"])
    assert key is not None
    assert dict(key.session_tags) == {
        "eks-cluster-arn": CLUSTER_ARN,
        "eks-cluster-name": "demo",
        "kubernetes-namespace": "shop",
        "kubernetes-service-account": "orders",
        "kubernetes-pod-name": "orders-7d4b9c6f5-x2x9z",
        "kubernetes-pod-uid": "uid-1",
    }
    assert connect("sts", key=key).get_caller_identity()["Arn"] == arn
    assert redeem(auth)["credentials"]["accessKeyId"] != key.access_key_id
    assert refusal(connect("iam", key=key).get_role, RoleName="storefront")[0] == "AccessDenied"
    box.world.clock.advance(6 * 3600 + 1)
    assert refusal(connect("sts", key=key).get_caller_identity) == (
        "ExpiredToken",
        "The security token included in the request is expired",
        403,
    )


def test_tokens_are_refused(eks: Any, auth: Any) -> None:
    associate(eks, "shop", "orders")
    call = auth.assume_role_for_pod_identity
    assert refusal(call, clusterName="demo", token="old.old.old") == ("ExpiredTokenException", "Token has expired", 400)
    assert refusal(call, clusterName="demo", token="x.y.z") == ("InvalidTokenException", "Token is not valid", 400)
    assert refusal(call, clusterName="demo", token="no-jwt")[0] == "InvalidParameterException"
    assert "no-jwt" not in refusal(call, clusterName="demo", token="no-jwt")[1]
    assert refusal(call, clusterName="other", token="a.b.c")[0] == "ResourceNotFoundException"


def test_no_association(auth: Any) -> None:
    code, _, status = refusal(auth.assume_role_for_pod_identity, clusterName="demo", token="a.b.c")
    assert (code, status) == ("ResourceNotFoundException", 404)


@pytest.mark.parametrize(
    ("statements", "admitted"),
    [
        ([allow(PODS, "sts:AssumeRole"), allow(PODS, "sts:TagSession")], True),
        ([allow(PODS, "sts:AssumeRole")], False),
        ([allow({"Service": ["ec2.amazonaws.com", "pods.eks.amazonaws.com"]}, "sts:*")], True),
        ([allow({"Service": "eks.amazonaws.com"}, BOTH)], False),
        ([allow(PODS, BOTH, {"ArnEquals": {"aws:SourceArn": CLUSTER_ARN}})], True),
        ([allow(PODS, BOTH, {"StringEquals": {"aws:sourceaccount": "111122223333"}})], True),
        (
            [allow(PODS, BOTH, {"ArnLike": {"aws:SourceArn": "arn:aws:eks:*:*:podidentityassociation/demo/*"}})],
            False,
        ),
        ([allow(PODS, BOTH, {"StringEquals": {"aws:RequestTag/kubernetes-namespace": ["shop", "web"]}})], True),
        ([allow(PODS, BOTH, {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "sh*"}})], False),
        ([allow(PODS, BOTH, {"StringLike": {"aws:RequestTag/kubernetes-namespace": "sh*"}})], True),
        ([allow(PODS, BOTH, {"StringEquals": {"aws:PrincipalOrgID": "o-1"}})], False),
        ([allow(PODS, BOTH, {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}})], True),
        ([allow(PODS, BOTH, {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}})], True),
        ([allow(PODS, BOTH, {"ForAnyValue:StringNotEquals": {"aws:CalledVia": "x"}})], False),
        ([allow(PODS, BOTH, {"ForAllValues:StringNotEquals": {"aws:CalledVia": "x"}})], True),
        ([allow(PODS, BOTH, {"Null": {"sts:ExternalId": "true"}})], True),
        ([allow(PODS, BOTH, {"ForAllValues:StringLike": {"aws:TagKeys": ["eks-*", "kubernetes-*"]}})], True),
        ([allow(PODS, BOTH, {"ForAllValues:StringEquals": {"aws:TagKeys": ["eks-cluster-arn"]}})], False),
        ([allow(PODS, BOTH, {"ForAnyValue:StringEquals": {"aws:TagKeys": ["eks-cluster-arn"]}})], True),
        ([allow(PODS, BOTH), {"Effect": "Deny", "Principal": PODS, "Action": "sts:TagSession"}], False),
    ],
)
def test_the_first_hop(box: Sandbox, eks: Any, auth: Any, statements: list[dict[str, Any]], admitted: bool) -> None:
    associate(eks, "shop", "orders")
    trust(box, "orders-dynamodb", *statements)
    if admitted:
        redeem(auth)
    else:
        assert refusal(auth.assume_role_for_pod_identity, clusterName="demo", token="a.b.c") == UNAUTHORIZED


def test_without_session_tags_their_conditions_fail(box: Sandbox, eks: Any, auth: Any) -> None:
    associate(eks, "shop", "orders", disableSessionTags=True)
    redeem(auth)
    trust(
        box,
        "orders-dynamodb",
        allow(PODS, BOTH, {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "shop"}}),
    )
    assert refusal(auth.assume_role_for_pod_identity, clusterName="demo", token="a.b.c") == UNAUTHORIZED


def test_the_second_hop(box: Sandbox, eks: Any, auth: Any) -> None:
    far = baseline.add_role(
        box.world,
        box.iam,
        "remote",
        {"Version": "2012-10-17", "Statement": [allow({"AWS": f"{ROLE}orders-dynamodb"}, BOTH)]},
        account="444455556666",
    )
    associate(eks, "shop", "orders", targetRoleArn=far)
    call = auth.assume_role_for_pod_identity
    # Another account's trust alone is not enough: the role needs the right to go there.
    assert refusal(call, clusterName="demo", token="a.b.c") == UNAUTHORIZED
    permission = {"Effect": "Allow", "Action": BOTH, "Resource": far}
    document = json.dumps({"Version": "2012-10-17", "Statement": [permission]})
    box.iam.backend("111122223333").put_role_policy("orders-dynamodb", "hop", document)
    answer = redeem(auth)
    assert answer["assumedRoleUser"]["arn"].startswith("arn:aws:sts::444455556666:assumed-role/remote/eks-demo-")
    assert answer["credentials"]["expiration"] < datetime.now(UTC) + timedelta(minutes=60)
    only_assume = {"Version": "2012-10-17", "Statement": [allow({"AWS": f"{ROLE}orders-dynamodb"}, "sts:AssumeRole")]}
    box.iam.backend("444455556666").get_role("remote").assume_role_policy_document = json.dumps(only_assume)
    assert refusal(call, clusterName="demo", token="a.b.c") == UNAUTHORIZED


def test_the_external_id_goes_along_without_tags(box: Sandbox, eks: Any, auth: Any) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "us-west-2/111122223333/demo/shop/orders"}}
    trust(box, "storefront", allow({"AWS": f"{ROLE}orders-dynamodb"}, "sts:AssumeRole", condition))
    associate(eks, "shop", "orders", targetRoleArn=f"{ROLE}storefront", disableSessionTags=True)
    assert "/storefront/eks-" in redeem(auth)["assumedRoleUser"]["arn"]
    trust(box, "storefront", allow({"AWS": f"{ROLE}orders-dynamodb"}, "sts:AssumeRole", {"Bool": {"a:b": "true"}}))
    assert refusal(auth.assume_role_for_pod_identity, clusterName="demo", token="a.b.c") == UNAUTHORIZED


def node_session(box: Sandbox) -> Credential:
    return box.world.credentials.add_session(
        f"{ROLE}demo-node-role", "i-0a1b2c3d4e5f60001", role_id="AROANODE", seconds=3600
    )


def test_the_node_role_needs_the_permission(box: Sandbox, eks: Any, auth: Any, connect: Connect) -> None:
    associate(eks, "shop", "orders")
    node = connect("eks-auth", key=node_session(box))
    redeem(node)
    backend = box.iam.backend("111122223333")
    backend.detach_role_policy("arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy", "demo-node-role")
    assert refusal(node.assume_role_for_pod_identity, clusterName="demo", token="a.b.c") == (
        "AccessDeniedException",
        "User: arn:aws:sts::111122223333:assumed-role/demo-node-role/i-0a1b2c3d4e5f60001 is not authorized to perform: "
        f"eks-auth:AssumeRoleForPodIdentity on resource: {CLUSTER_ARN} because no identity-based policy allows the "
        "eks-auth:AssumeRoleForPodIdentity action",
        400,
    )


def test_assume_role_asks_the_trust_policy(box: Sandbox, connect: Connect) -> None:
    sts = connect("sts")
    expected = (
        "AccessDenied",
        "User: arn:aws:iam::111122223333:user/podid-admin is not authorized to perform: sts:AssumeRole on resource: "
        f"{ROLE}storefront",
        403,
    )
    assert refusal(sts.assume_role, RoleArn=f"{ROLE}storefront", RoleSessionName="me") == expected
    assert refusal(sts.assume_role, RoleArn=f"{ROLE}nobody", RoleSessionName="me")[0] == "AccessDenied"
    trust(box, "storefront", allow({"AWS": "arn:aws:iam::111122223333:root"}, "sts:AssumeRole"))
    given = sts.assume_role(RoleArn=f"{ROLE}storefront", RoleSessionName="me")["Credentials"]
    key = box.world.credentials.find(given["AccessKeyId"])
    assert key is not None
    identity = connect("sts", key=key).get_caller_identity()
    assert identity["Arn"] == "arn:aws:sts::111122223333:assumed-role/storefront/me"
    assert identity["UserId"].startswith("AROA")
    tagged = {"Tags": [{"Key": "a", "Value": "b"}], "RoleArn": f"{ROLE}storefront", "RoleSessionName": "me"}
    assert "sts:TagSession" in refusal(sts.assume_role, **tagged)[1]


@pytest.mark.parametrize("service", ["eks", "iam", "sts", "ec2"])
def test_each_service_words_bad_credentials_its_own_way(box: Sandbox, connect: Connect, service: str) -> None:
    calls = {"eks": "list_clusters", "iam": "list_roles", "sts": "get_caller_identity", "ec2": "describe_regions"}
    key = box.world.credentials.add_user("someone", account="111122223333")
    call = getattr(connect(service, key=key), calls[service])
    call()
    box.world.credentials.expire(key.access_key_id)
    expired = refusal(call)
    box.world.credentials.forget(key.access_key_id)
    unknown = refusal(call)
    expected = {
        "eks": (("ExpiredTokenException", 403), ("UnrecognizedClientException", 403)),
        "iam": (("ExpiredToken", 403), ("InvalidClientTokenId", 403)),
        "sts": (("ExpiredToken", 403), ("InvalidClientTokenId", 403)),
        "ec2": (("RequestExpired", 400), ("AuthFailure", 401)),
    }
    assert ((expired[0], expired[2]), (unknown[0], unknown[2])) == expected[service]


def test_a_wrong_secret_is_noticed(box: Sandbox, connect: Connect) -> None:
    from dataclasses import replace

    wrong = replace(box.admin_key, secret_access_key="guessed")
    assert refusal(connect("eks", key=wrong).list_clusters)[0] == "InvalidSignatureException"
    assert refusal(connect("sts", key=wrong).get_caller_identity)[0] == "SignatureDoesNotMatch"


def test_permissions_are_taken_one_by_one(box: Sandbox, eks: Any, iam: Any, connect: Connect) -> None:
    user = "User: arn:aws:iam::111122223333:user/podid-admin is not authorized to perform: "
    because = " because no identity-based policy allows the {} action"
    deny = box.world.credentials.deny
    deny("iam:PassRole", resource=f"{ROLE}orders-*")
    assert refusal(
        eks.create_pod_identity_association,
        clusterName="demo",
        namespace="shop",
        serviceAccount="orders",
        roleArn=f"{ROLE}orders-dynamodb",
    ) == (
        "AccessDeniedException",
        f"{user}iam:PassRole on resource: {ROLE}orders-dynamodb{because.format('iam:PassRole')}",
        403,
    )
    made = associate(eks, "shop", "orders", "storefront")
    deny("eks:Describe*", explicit=True)
    assert refusal(eks.describe_cluster, name="demo") == (
        "AccessDeniedException",
        f"{user}eks:DescribeCluster on resource: {CLUSTER_ARN} with an explicit deny in an identity-based policy",
        403,
    )
    named = {"clusterName": "demo", "associationId": made["associationId"]}
    assert made["associationArn"] in refusal(eks.describe_pod_identity_association, **named)[1]
    deny("iam:GetRole")
    assert refusal(iam.get_role, RoleName="storefront") == (
        "AccessDenied",
        f"{user}iam:GetRole on resource: role storefront{because.format('iam:GetRole')}",
        403,
    )
    deny("ec2:DescribeInstances")
    assert refusal(connect("ec2").describe_instances) == (
        "UnauthorizedOperation",
        f"You are not authorized to perform this operation. {user}ec2:DescribeInstances"
        f"{because.format('ec2:DescribeInstances')}",
        403,
    )
    box.world.credentials.allow_again()
    assert iam.get_role(RoleName="storefront")["Role"]["RoleName"] == "storefront"
