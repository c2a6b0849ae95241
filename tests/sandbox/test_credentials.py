"""Keys that IAM made have the rights of their user, and a caller in the cluster those of its bindings."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from harness import Podid
from permissions_support import allow, limited, role
from podid.aws.session import AwsSession
from podid.domain.errors import AccessDenied, CredentialsError
from podid.kube.connect import connect as connect_to
from podid.kube.reader import KubeReader
from podid.kube.transport import Transport
from podid.sandbox.box import Sandbox
from podid.sandbox.credentials import Credential
from sandbox.aws_checks import ROLE, Connect, associate, refusal
from worlds import Site

CI = "arn:aws:iam::111122223333:user/ci"
CLUSTER = "arn:aws:eks:us-west-2:111122223333:cluster/demo"
PODS = {"StringEquals": {"iam:PassedToService": "pods.eks.amazonaws.com"}}
ANY = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def ci(iam: Any) -> Any:
    """The user `ci`, with a key and without a right."""
    iam.create_user(UserName="ci")
    return iam.create_access_key(UserName="ci")["AccessKey"]


def key_of(made: Any) -> Credential:
    return Credential(made["AccessKeyId"], made["SecretAccessKey"], "", "", "", "")


def may(iam: Any, *statements: dict[str, Any]) -> None:
    iam.put_user_policy(UserName="ci", PolicyName="rights", PolicyDocument=policy(*statements))


def test_a_new_key_may_do_nothing_but_say_who_it_is(connect: Connect, ci: Any) -> None:
    key = key_of(ci)
    assert connect("sts", key=key).get_caller_identity()["Arn"] == CI
    said = (
        "User: {} is not authorized to perform: {} on resource: {} "
        "because no identity-based policy allows the {} action"
    )
    assert refusal(connect("eks", key=key).describe_cluster, name="demo") == (
        "AccessDeniedException",
        said.format(CI, "eks:DescribeCluster", CLUSTER, "eks:DescribeCluster"),
        403,
    )
    assert refusal(connect("iam", key=key).get_role, RoleName="storefront") == (
        "AccessDenied",
        said.format(CI, "iam:GetRole", "role storefront", "iam:GetRole"),
        403,
    )
    code, message, status = refusal(connect("ec2", key=key).describe_instances)
    assert (code, status) == ("UnauthorizedOperation", 403)
    assert message.startswith(f"You are not authorized to perform this operation. User: {CI} is not authorized")
    auth = connect("eks-auth", key=key)
    code, message, _ = refusal(auth.assume_role_for_pod_identity, clusterName="demo", token="a.b.c")
    assert (code, "eks-auth:AssumeRoleForPodIdentity" in message) == ("AccessDeniedException", True)
    assumed = connect("sts", key=key).assume_role
    assert refusal(assumed, RoleArn=f"{ROLE}storefront", RoleSessionName="me")[0] == "AccessDenied"


def test_policies_of_users_groups_and_aws_count(connect: Connect, iam: Any, ci: Any) -> None:
    key = key_of(ci)
    may(iam, {"Effect": "Allow", "Action": "eks:list*", "Resource": "*"})
    iam.create_group(GroupName="readers")
    iam.put_group_policy(
        GroupName="readers",
        PolicyName="roles",
        PolicyDocument=policy({"Effect": "Allow", "Action": "iam:Get?ole", "Resource": f"{ROLE}store*"}),
    )
    iam.add_user_to_group(GroupName="readers", UserName="ci")
    iam.attach_user_policy(UserName="ci", PolicyArn="arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy")
    eks = connect("eks", key=key)
    assert eks.list_clusters()["clusters"] == ["demo"]
    assert eks.describe_cluster(name="demo")  # AmazonEKSWorkerNodePolicy
    assert refusal(eks.list_pod_identity_associations, clusterName="nowhere")[0] == "ResourceNotFoundException"
    as_ci = connect("iam", key=key)
    assert as_ci.get_role(RoleName="storefront")
    assert refusal(as_ci.get_role, RoleName="orders-dynamodb")[0] == "AccessDenied"


def test_a_deny_wins_in_its_own_words(connect: Connect, iam: Any, ci: Any) -> None:
    may(iam, ANY, {"Effect": "Deny", "Action": "eks:DescribeCluster", "Resource": "*"})
    eks = connect("eks", key=key_of(ci))
    assert eks.list_clusters()
    message = refusal(eks.describe_cluster, name="demo")[1]
    assert message.endswith(f"on resource: {CLUSTER} with an explicit deny in an identity-based policy")


def test_passing_a_role_needs_its_own_permission(connect: Connect, iam: Any, ci: Any) -> None:
    eks = connect("eks", key=key_of(ci))
    create = {"Effect": "Allow", "Action": "eks:CreatePodIdentityAssociation", "Resource": CLUSTER}
    named = {"clusterName": "demo", "namespace": "shop", "serviceAccount": "orders", "roleArn": f"{ROLE}storefront"}
    may(iam, create)
    assert "iam:PassRole" in refusal(eks.create_pod_identity_association, **named)[1]
    elsewhere = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    may(iam, create, {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": elsewhere})
    assert "iam:PassRole" in refusal(eks.create_pod_identity_association, **named)[1]
    may(iam, create, {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": PODS})
    assert "eks:TagResource" in refusal(eks.create_pod_identity_association, **named, tags={"a": "b"})[1]
    made = associate(eks, "shop", "orders", "storefront")
    describe = {"clusterName": "demo", "associationId": made["associationId"]}
    may(iam, {"Effect": "Allow", "Action": "eks:*", "Resource": CLUSTER})
    assert made["associationArn"] in refusal(eks.describe_pod_identity_association, **describe)[1]
    may(iam, {"Effect": "Allow", "Action": "eks:*", "Resource": f"{made['associationArn'].rpartition('/')[0]}/*"})
    assert eks.describe_pod_identity_association(**describe)


def test_tags_and_attached_policies_are_condition_keys(connect: Connect, iam: Any, ci: Any, eks: Any) -> None:
    as_ci = connect("iam", key=key_of(ci))
    owned = {"StringEquals": {"aws:RequestTag/team": "shop"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    read_only = {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}}
    create = {"Effect": "Allow", "Action": "iam:CreateRole", "Resource": f"{ROLE}apps/*", "Condition": owned}
    trust = policy({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
    named = {"RoleName": "cart", "Path": "/apps/", "AssumeRolePolicyDocument": trust}
    tagged = {**named, "Tags": [{"Key": "team", "Value": "shop"}]}
    may(iam, create)
    assert f"iam:CreateRole on resource: {ROLE}apps/cart" in refusal(as_ci.create_role, **named)[1]
    assert "iam:TagRole" in refusal(as_ci.create_role, **tagged)[1]
    may(iam, create, {"Effect": "Allow", "Action": "iam:TagRole", "Resource": "*"})
    as_ci.create_role(**tagged)
    may(iam, {"Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": "*", "Condition": read_only})
    as_ci.attach_role_policy(RoleName="cart", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    denied = refusal(as_ci.attach_role_policy, RoleName="cart", PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    assert denied[0] == "AccessDenied"
    theirs = {"StringEquals": {"aws:ResourceTag/team": "shop"}}
    may(iam, {"Effect": "Allow", "Action": "eks:Describe*", "Resource": "*", "Condition": theirs})
    assert refusal(connect("eks", key=key_of(ci)).describe_cluster, name="demo")[0] == "AccessDeniedException"
    eks.tag_resource(resourceArn=CLUSTER, tags={"team": "shop"})
    assert connect("eks", key=key_of(ci)).describe_cluster(name="demo")


def test_boundaries_and_session_policies_narrow_a_role(box: Sandbox, connect: Connect, iam: Any) -> None:
    trust = policy({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "sts:*"})
    lists = policy({"Effect": "Allow", "Action": ["eks:ListClusters", "eks:DescribeCluster"], "Resource": "*"})
    arn = iam.create_policy(PolicyName="lists", PolicyDocument=lists)["Policy"]["Arn"]
    iam.create_role(RoleName="bounded", AssumeRolePolicyDocument=trust, PermissionsBoundary=arn)
    iam.put_role_policy(RoleName="bounded", PolicyName="all", PolicyDocument=policy(ANY))
    narrow = policy({"Effect": "Allow", "Action": "eks:ListClusters", "Resource": "*"})
    made = connect("sts").assume_role(RoleArn=f"{ROLE}bounded", RoleSessionName="me", Policy=narrow)["Credentials"]
    eks = connect("eks", key=box.world.credentials.find(made["AccessKeyId"]))
    assert eks.list_clusters()
    assert (
        "because no session policy allows the eks:DescribeCluster action"
        in refusal(eks.describe_cluster, name="demo")[1]
    )
    said = refusal(eks.list_addons, clusterName="demo")[1]
    assert said.endswith("because no permissions boundary allows the eks:ListAddons action")


def test_keys_that_are_inactive_or_gone(box: Sandbox, connect: Connect, iam: Any, ci: Any) -> None:
    sts = connect("sts", key=key_of(ci))
    named = {"UserName": "ci", "AccessKeyId": ci["AccessKeyId"]}
    assert sts.get_caller_identity()["UserId"]
    iam.update_access_key(**named, Status="Inactive")
    assert refusal(sts.get_caller_identity)[0] == "InvalidClientTokenId"
    iam.update_access_key(**named, Status="Active")
    assert sts.get_caller_identity()
    iam.delete_access_key(**named)
    assert refusal(sts.get_caller_identity)[0] == "InvalidClientTokenId"
    again = connect("sts", key=key_of(iam.create_access_key(UserName="ci")["AccessKey"]))
    assert again.get_caller_identity()
    box.reset()
    assert refusal(again.get_caller_identity)[0] == "InvalidClientTokenId"


def test_a_user_may_be_allowed_its_own_keys(connect: Connect, iam: Any, ci: Any) -> None:
    own = {"Effect": "Allow", "Action": "iam:*AccessKey*", "Resource": "arn:aws:iam::*:user/${aws:username}"}
    may(iam, own)
    as_ci = connect("iam", key=key_of(ci))
    assert [key["AccessKeyId"] for key in as_ci.list_access_keys()["AccessKeyMetadata"]] == [ci["AccessKeyId"]]
    assert as_ci.create_access_key(UserName="ci")
    assert refusal(as_ci.create_access_key, UserName="podid-admin")[0] == "AccessDenied"


def test_access_entries_are_made_and_taken_away(box: Sandbox, eks: Any, iam: Any, ci: Any) -> None:
    named = {"clusterName": "demo", "principalArn": CI}
    made = eks.create_access_entry(**named, kubernetesGroups=["readers"], tags={"a": "b"})["accessEntry"]
    assert (made["username"], made["type"], made["kubernetesGroups"], made["tags"]) == (
        CI,
        "STANDARD",
        ["readers"],
        {"a": "b"},
    )
    assert made["accessEntryArn"].startswith(
        "arn:aws:eks:us-west-2:111122223333:access-entry/demo/user/111122223333/ci/"
    )
    assert refusal(eks.create_access_entry, **named)[0] == "ResourceInUseException"
    other = {**named, "principalArn": f"{CI}-2"}
    assert refusal(eks.create_access_entry, **other)[1] == "The specified principalArn is invalid: invalid principal."
    admin = {**named, "principalArn": f"{ROLE}storefront", "kubernetesGroups": ["system:masters"]}
    assert "cannot start with system:" in refusal(eks.create_access_entry, **admin)[1]
    assert CI in eks.list_access_entries(clusterName="demo")["accessEntries"]
    eks.delete_access_entry(**named)
    assert refusal(eks.delete_access_entry, **named)[0] == "ResourceNotFoundException"
    box.world.clusters["demo"].body["accessConfig"]["authenticationMode"] = "CONFIG_MAP"
    assert refusal(eks.list_access_entries, clusterName="demo")[0] == "InvalidRequestException"


# --- a caller with rights in both halves ------------------------------------------------------------------------------

READ = ("eks:DescribeCluster", "eks:ListPodIdentityAssociations", "eks:DescribePodIdentityAssociation")


def reader(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> KubeReader:
    """Kubernetes as podid reaches it from this environment."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    session = AwsSession(None, "us-west-2", env=env)
    found = session.eks.get_cluster("demo")
    assert found is not None

    def token() -> tuple[str, datetime]:
        made = session.sts.get_cluster_token("demo")
        return made.token, made.expires_at

    return KubeReader(Transport(connect_to(found, token=token, env=env)))


@pytest.mark.encrypted
@pytest.mark.parametrize("signs_in", ["token", "access-entry"])
def test_a_caller_has_the_permissions_that_it_was_given(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signs_in: Literal["token", "access-entry"]
) -> None:
    manifests = [role(("", "pods", ("list",)), namespace="shop"), role(("", "nodes", ("list",)))]
    kube = reader(limited(site.box, tmp_path, allow(*READ), manifests, signs_in=signs_in), monkeypatch)
    assert len(kube.list_pods("shop")) == 2
    assert len(kube.list_nodes()) == 3
    with pytest.raises(AccessDenied, match="the caller is not authorized to list pods"):
        kube.list_pods("payments")
    with pytest.raises(AccessDenied, match="the caller is not authorized to list serviceaccounts"):
        kube.list_service_accounts("shop")
    podid = Podid(env={**os.environ, "PODID_CLUSTER": "demo"})
    assert podid("list").code == 0
    denied = podid("associate", "shop/orders", "--role", "storefront", "--wait", "none", "-o", "json")
    assert (denied.code, denied.error["permission"]) == (4, "eks:CreatePodIdentityAssociation")


@pytest.mark.encrypted
def test_the_cluster_knows_only_who_has_an_access_entry(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kube = reader(limited(site.box, tmp_path, allow(*READ), signs_in="not"), monkeypatch)
    with pytest.raises(CredentialsError):
        kube.list_nodes()
