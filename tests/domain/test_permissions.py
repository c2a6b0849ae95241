"""Permissions of operations, and the caller's own."""

import pytest

from harness import table
from podid.domain.errors import ExitCode
from podid.domain.names import Arn
from podid.domain.permissions import (
    CommandPermissions,
    KubePermission,
    OptionalPermission,
    Outcome,
    OwnPermission,
    OwnPermissions,
    Permissions,
    missing_of,
    needs,
    optional_words,
    permissions_of,
    resource_of,
)

PODS, RESTART = KubePermission("", "pods", "list"), KubePermission("apps", "deployments", "patch")


@needs("eks:ListClusters", "eks:DescribeCluster")
def list_clusters() -> None: ...


@needs(list_clusters, PODS, RESTART, "eks:DescribeCluster")
def restart() -> None: ...


@needs()
def nothing() -> None: ...


def test_an_operation_has_the_permissions_of_the_operations_that_it_calls() -> None:
    expected = Permissions(("eks:DescribeCluster", "eks:ListClusters"), (PODS, RESTART))
    assert permissions_of([restart, nothing, "eks:ListClusters"]) == expected
    assert CommandPermissions.of(restart).always == expected
    assert OptionalPermission.of("--restart", restart).permissions == expected
    assert (bool(expected), bool(permissions_of([nothing]))) == (True, False)


def test_an_operation_without_a_declaration_is_an_error() -> None:
    with pytest.raises(AttributeError):
        permissions_of([print])


def test_permissions_for_changes_belong_in_a_role_of_one_namespace() -> None:
    assert (str(PODS), PODS.namespaced, str(RESTART), RESTART.namespaced) == (
        "list pods",
        False,
        "patch deployments",
        True,
    )


@table(
    ("reason", "expected"),
    [
        ("more detail", "optional, for more detail: iam:GetRole"),
        ("--restart: pods", "optional, for --restart (pods): iam:GetRole"),
        ("--restart: pods; can be abused", "optional, for --restart (pods): iam:GetRole; can be abused"),
    ],
)
def test_optional_permissions_in_words(reason: str, expected: str) -> None:
    assert optional_words(reason, "iam:GetRole") == expected


CLUSTER = Arn.parse("arn:aws-cn:eks:cn-north-1:111122223333:cluster/demo")
EKS = "arn:aws-cn:eks:cn-north-1:111122223333:"


@table(
    ("action", "resource"),
    [
        ("iam:GetRole", "arn:aws-cn:iam::111122223333:role/*"),
        ("iam:ListRoles", "*"),
        ("ec2:DescribeInstances", "*"),
        ("eks:ListClusters", "*"),
        ("eks:DescribeCluster", f"{EKS}cluster/demo"),
        ("eks-auth:AssumeRoleForPodIdentity", f"{EKS}cluster/demo"),
        ("eks:DescribePodIdentityAssociation", f"{EKS}podidentityassociation/demo/*"),
        ("eks:DescribeAddon", f"{EKS}addon/demo/*/*"),
        ("eks:DescribeNodegroup", f"{EKS}nodegroup/demo/*/*"),
        ("eks:DescribeAccessEntry", f"{EKS}access-entry/demo/*"),
    ],
)
def test_the_resource_of_an_action(action: str, resource: str) -> None:
    assert resource_of(action, CLUSTER) == resource


def test_without_a_cluster_the_resource_of_an_action_of_eks_is_any() -> None:
    unknown = Arn("aws", "eks", "eu-west-1", "111122223333", "")
    assert resource_of("eks:DescribeCluster", unknown) == "*"
    assert resource_of("iam:GetRole", unknown) == "arn:aws:iam::111122223333:role/*"


def own(*outcomes: Outcome) -> tuple[OwnPermission, ...]:
    kinds = (PODS, "iam:GetRole", RESTART, "eks:ListClusters")
    return tuple(OwnPermission(permission=kinds[n], outcome=outcome) for n, outcome in enumerate(outcomes))


@table(
    ("outcomes", "expected"),
    [
        (("held", "held"), ExitCode.OK),
        ((), ExitCode.OK),
        (("held", "unknown"), ExitCode.UNDETERMINED),
        (("unknown", "missing"), ExitCode.ATTENTION),
        (("denied", "held"), ExitCode.ATTENTION),
    ],
)
def test_the_exit_code_for_the_permissions_of_the_caller(outcomes: tuple[Outcome, ...], expected: ExitCode) -> None:
    permissions = OwnPermissions(
        commands=("list",), caller_arn="me", principal_arn="", cluster="", namespace="", always=own(*outcomes)
    )
    assert permissions.exit_code is expected
    assert permissions.count("held") == outcomes.count("held")
    assert [item.held for item in permissions.always] == [outcome == "held" for outcome in outcomes]


def test_permissions_to_grant() -> None:
    # a denied permission stays denied, whatever is granted
    assert missing_of(own("missing", "missing", "denied", "unknown")) == Permissions(("iam:GetRole",), (PODS,))
