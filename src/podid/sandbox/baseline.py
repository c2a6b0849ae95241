"""The initial objects of the sandbox's account, and helpers that add more.

Roles are created in IAM directly, without a request. Names are those of a small shop, so that a demo resembles a real
account.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from podid.sandbox.aws.addon_catalog import CATALOG
from podid.sandbox.aws.eks_associations import new_association
from podid.sandbox.aws.eks_clusters import new_access_entry
from podid.sandbox.aws.moto_backend import (
    CLUSTER_SECURITY_GROUP_ID,
    INSTANCE_PROFILE,
    INSTANCE_TYPE,
    NODEGROUP,
    SUBNET_IDS,
    VPC_ID,
    IamStore,
)
from podid.sandbox.world import AddonRecord, AssociationRecord, ClusterRecord, World

KUBERNETES_VERSION = "1.35"
PLATFORM_VERSION = "eks.9"
NODE_ROLE = "demo-node-role"
OIDC_ID = "EXAMPLED539D4633E53DE1B71EXAMPLE"
_CREATED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_PODS_STATEMENT = {
    "Effect": "Allow",
    "Principal": {"Service": "pods.eks.amazonaws.com"},
    "Action": ["sts:AssumeRole", "sts:TagSession"],
}
# Used until a Kubernetes half provides its own: DescribeCluster always has a certificate once a cluster is ACTIVE.
_NO_CA = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCi0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K"


def load(world: World, iam: IamStore, *, samples: bool = False) -> None:
    """Create the cluster, its node group, one add-on and the roles; `samples` adds the demo's mistyped association."""
    with world.lock:
        cluster = add_cluster(world, world.cluster_name, version=KUBERNETES_VERSION)
        _add_roles(world, iam, cluster)
        _add_nodegroup(world, cluster)
        _add_access_entries(world, cluster)
        _add_installed_addon(world, cluster, "aws-ebs-csi-driver")
        if samples:
            # EKS accepts any name; the workload's service account is payments/billing-worker
            add_association(world, "payments", "bilingworker", "apps/billing-worker")
    world.changed("associations")
    world.changed("addons")


def add_cluster(world: World, name: str, *, version: str = KUBERNETES_VERSION) -> ClusterRecord:
    """Add an ACTIVE cluster without anything in it."""
    arn = world.arn(f"cluster/{name}")
    issuer = f"https://oidc.eks.{world.region}.{_dns_suffix(world)}/id/{OIDC_ID}"
    body: dict[str, Any] = {
        "name": name,
        "arn": arn,
        "createdAt": _CREATED,
        "version": version,
        "roleArn": f"arn:{world.partition}:iam::{world.account}:role/{name}-cluster-role",
        "resourcesVpcConfig": {
            "subnetIds": list(SUBNET_IDS),
            "securityGroupIds": [],
            "clusterSecurityGroupId": CLUSTER_SECURITY_GROUP_ID,
            "vpcId": VPC_ID,
            "endpointPublicAccess": True,
            "endpointPrivateAccess": True,
            "publicAccessCidrs": ["0.0.0.0/0"],
        },
        "kubernetesNetworkConfig": {"serviceIpv4Cidr": "10.100.0.0/16", "ipFamily": "ipv4"},
        "identity": {"oidc": {"issuer": issuer}},
        "status": "ACTIVE",
        "certificateAuthority": {"data": _NO_CA},
        "platformVersion": PLATFORM_VERSION,
        "health": {"issues": []},
        "accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"},
        "upgradePolicy": {"supportType": "EXTENDED"},
        "deletionProtection": False,
    }
    cluster = ClusterRecord(name=name, arn=arn, version=version, body=body)
    world.clusters[name] = cluster
    world.tags[arn] = {}
    return cluster


def add_role(
    world: World,
    iam: IamStore,
    name: str,
    trust: dict[str, Any],
    *,
    path: str = "/",
    managed: Iterable[str] = (),
    inline: dict[str, dict[str, Any]] | None = None,
    account: str = "",
    tags: dict[str, str] | None = None,
) -> str:
    """Add a role without delay and without validation, so that tests can add one that IAM would refuse. Return its
    ARN."""
    account = account or world.account
    role = iam.make_role(account, name, json.dumps(trust), path, tags)
    role.create_date = _CREATED.replace(tzinfo=None)
    iam.attach(role, account, managed, inline)
    return str(role.arn)


def add_association(
    world: World, namespace: str, service_account: str, role: str, *, cluster_name: str = "", age: float = 86400.0
) -> AssociationRecord:
    """Add an association with the role of this name (path included), without validation. It is `age` seconds old and in
    effect."""
    cluster = world.clusters[cluster_name or world.cluster_name]
    role_arn = f"arn:{world.partition}:iam::{world.account}:role/{role}"
    association = new_association(
        world, cluster, (namespace, service_account), role_arn, created_at=world.clock.now() - age
    )
    world.put_association(cluster, association)
    return association


def seed_associations(world: World, count: int, role_name: str = "storefront", *, per_namespace: int = 50) -> None:
    """Add `count` associations in namespaces team-0000, team-0001, … for benchmarks. 5,000 take about 0.1 s."""
    with world.lock:
        for index in range(count):
            namespace = f"team-{index // per_namespace:04d}"
            add_association(world, namespace, f"app-{index % per_namespace:03d}", role_name)
    world.changed("associations")
    world.notify()


def pods_trust(cluster: ClusterRecord | None = None, actions: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Return a trust policy for EKS Pod Identity, limited to `cluster` if specified."""
    statement: dict[str, Any] = dict(_PODS_STATEMENT)
    if actions is not None:
        statement["Action"] = list(actions)
    if cluster is not None:
        account = cluster.arn.split(":")[4]
        statement["Condition"] = {
            "StringEquals": {"aws:SourceAccount": account},
            "ArnEquals": {"aws:SourceArn": cluster.arn},
        }
    return {"Version": "2012-10-17", "Statement": [statement]}


def service_trust(service: str) -> dict[str, Any]:
    """Return a trust policy for one AWS service."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def irsa_trust(world: World, cluster: ClusterRecord, namespace: str, service_account: str) -> dict[str, Any]:
    """Return a trust policy for IRSA (IAM roles for service accounts)."""
    issuer = str(cluster.body["identity"]["oidc"]["issuer"]).removeprefix("https://")
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:{world.partition}:iam::{world.account}:oidc-provider/{issuer}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                f"{issuer}:aud": "sts.amazonaws.com",
                f"{issuer}:sub": f"system:serviceaccount:{namespace}:{service_account}",
            }
        },
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _add_roles(world: World, iam: IamStore, cluster: ClusterRecord) -> None:
    scoped = pods_trust(cluster)
    table = {
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
        "Resource": f"arn:{world.partition}:dynamodb:{world.region}:{world.account}:table/orders",
    }
    orders = {"orders-table": {"Version": "2012-10-17", "Statement": [table]}}
    ec2_service = f"ec2.{_dns_suffix(world)}"
    add_role(
        world,
        iam,
        NODE_ROLE,
        service_trust(ec2_service),
        managed=("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"),
    )
    add_role(world, iam, "demo-cluster-role", service_trust("eks.amazonaws.com"), managed=("AmazonEKSClusterPolicy",))
    add_role(world, iam, "orders-dynamodb", pods_trust(), inline=orders)
    add_role(world, iam, "storefront", scoped, managed=("AmazonS3ReadOnlyAccess",))
    add_role(world, iam, "billing-worker", scoped, managed=("AmazonSQSFullAccess",), path="/apps/")
    add_role(world, iam, "article-2023", pods_trust(actions=("sts:AssumeRole",)), managed=("AmazonS3ReadOnlyAccess",))
    iam.make_oidc_provider(world.account, str(cluster.body["identity"]["oidc"]["issuer"]))
    add_role(
        world, iam, "irsa-reports", irsa_trust(world, cluster, "legacy", "reports"), managed=("AmazonS3FullAccess",)
    )
    add_role(
        world,
        iam,
        "AWSServiceRoleForAmazonEKS",
        service_trust("eks.amazonaws.com"),
        path="/aws-service-role/eks.amazonaws.com/",
    )
    iam.make_instance_profile(world.account, INSTANCE_PROFILE, NODE_ROLE)
    iam.attach(iam.make_user(world.account, world.region, "podid-admin"), world.account, ["AdministratorAccess"])


def _add_nodegroup(world: World, cluster: ClusterRecord) -> None:
    arn = world.arn(f"nodegroup/{cluster.name}/{NODEGROUP}/a2c8e6d4-0000-4000-8000-000000000001")
    cluster.nodegroups[NODEGROUP] = {
        "nodegroupName": NODEGROUP,
        "nodegroupArn": arn,
        "clusterName": cluster.name,
        "version": cluster.version,
        "releaseVersion": f"{cluster.version}.2-20260220",
        "createdAt": _CREATED,
        "modifiedAt": _CREATED,
        "status": "ACTIVE",
        "capacityType": "ON_DEMAND",
        "scalingConfig": {"minSize": 3, "maxSize": 6, "desiredSize": 3},
        "instanceTypes": [INSTANCE_TYPE],
        "subnets": cluster.body["resourcesVpcConfig"]["subnetIds"],
        "amiType": "AL2023_x86_64_STANDARD",
        "nodeRole": f"arn:{world.partition}:iam::{world.account}:role/{NODE_ROLE}",
        "diskSize": 20,
        "health": {"issues": []},
        "updateConfig": {"maxUnavailable": 1},
        "resources": {"autoScalingGroups": [{"name": f"eks-{NODEGROUP}-a2c8e6d4"}]},
    }
    world.tags[arn] = {}


def _add_access_entries(world: World, cluster: ClusterRecord) -> None:
    """Add the access entries of the cluster's creator and of the nodes:
    https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html"""
    prefix = f"arn:{world.partition}:iam::{world.account}:"
    new_access_entry(world, cluster, f"{prefix}user/podid-admin", (), "STANDARD")
    policy = f"arn:{world.partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    cluster.access_policies[f"{prefix}user/podid-admin"] = {policy: {"type": "cluster", "namespaces": []}}
    new_access_entry(world, cluster, f"{prefix}role/{NODE_ROLE}", ("system:nodes",), "EC2_LINUX")


def _add_installed_addon(world: World, cluster: ClusterRecord, name: str) -> None:
    created = _CREATED.timestamp()
    cluster.addons[name] = AddonRecord(
        name=name,
        version=CATALOG[name].default_for[cluster.version],
        status="ACTIVE",
        arn=world.arn(f"addon/{cluster.name}/{name}/b6d1f0a2-0000-4000-8000-000000000002"),
        created_at=created,
        modified_at=created,
        namespace=CATALOG[name].namespace,
    )


def _dns_suffix(world: World) -> str:
    return "amazonaws.com.cn" if world.partition == "aws-cn" else "amazonaws.com"
