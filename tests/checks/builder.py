"""A healthy cluster as a snapshot, and small changes to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from podid.domain.aws import (
    Addon,
    AddonVersion,
    Association,
    Cluster,
    Decision,
    Instance,
    NodeGroup,
    Role,
    UnreadAssociation,
)
from podid.domain.cloudtrail import NodeTrail, PodSession
from podid.domain.cluster import Container, DaemonSet, Node, OwnerRef, Pod, ServiceAccount, Workload
from podid.domain.evidence import NO_CHANGES, LogSighting, Probed, Redeemed, TokenTrial
from podid.domain.findings import Subject
from podid.domain.iam import AssumePermissions, PolicyNames
from podid.domain.names import ServiceAccountRef
from podid.domain.network import Egress, RouteTable, VpcEndpoint, VpcRoute
from podid.domain.snapshot import Known, Missing, Snapshot
from podid.domain.workloads import WebhookRegistration

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
ACCOUNT = "111122223333"
CLUSTER_ARN = f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/prod"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/orders"
TARGET_ARN = f"arn:aws:iam::{ACCOUNT}:role/reports"
NODE_ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/nodes"
ADDON_ARN = f"arn:aws:eks:eu-west-1:{ACCOUNT}:addon/prod/aws-ebs-csi-driver/1"
BOUNDARY_ARN = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/ABC"
IRSA_ANNOTATION = {"eks.amazonaws.com/role-arn": ROLE_ARN}
PROFILE_ARN = f"arn:aws:iam::{ACCOUNT}:instance-profile/nodes"
IMAGE = "602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/eks-pod-identity-agent:v0.1.37"
REDEEM = "eks-auth:AssumeRoleForPodIdentity"
ALLOWED = Known(Decision(action=REDEEM, resource=CLUSTER_ARN, decision="allowed"))
REFUSED = Known(Decision(action=REDEEM, resource=CLUSTER_ARN, decision="implicitDeny"))
REDEEMED = Redeemed(role_arn=ROLE_ARN, account=ACCOUNT, session_name="eks-prod-orders-5d9c-x1")
INJECTED = {
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/"
    "eks-pod-identity-token",
}
# a policy of a role that reads one table
READS: dict[str, object] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:Query"],
            "Resource": f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/orders",
        }
    ],
}
DENIED = Missing("not allowed", permission="some:Permission", error_code="AccessDenied")
INSTANCE = Instance(id="i-node-1", profile_arn=PROFILE_ARN, hop_limit=2)
WORKER_POLICY = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
# listed, and not described
UNREAD = UnreadAssociation(
    cluster_name="prod",
    namespace="shop",
    service_account="cart",
    association_id="a-unread",
    association_arn="arn:aws:eks:eu-west-1:111122223333:podidentityassociation/prod/a-unread",
    reason="not allowed",
    permission="eks:DescribePodIdentityAssociation",
    error_code="AccessDenied",
)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def cluster(**changes: Any) -> Cluster:
    base = Cluster(
        name="prod",
        arn=CLUSTER_ARN,
        version="1.34",
        status="ACTIVE",
        endpoint="https://ABC.gr7.eu-west-1.eks.amazonaws.com",
    )
    return replace(base, **changes)


def association(namespace: str = "shop", name: str = "orders", **changes: Any) -> Association:
    base = Association(
        cluster_name="prod",
        namespace=namespace,
        service_account=name,
        association_id=f"a-{name}",
        association_arn=f"arn:aws:eks:eu-west-1:{ACCOUNT}:podidentityassociation/prod/a-{name}",
        role_arn=ROLE_ARN,
        created_at=ago(days=2),
        modified_at=ago(days=2),
    )
    return replace(base, **changes)


def trust(
    principal: object = "pods.eks.amazonaws.com", actions: object = None, **condition: object
) -> dict[str, object]:
    """Return a trust policy for the account and the cluster, or with another `condition`."""
    statement = {
        "Effect": "Allow",
        "Principal": principal if isinstance(principal, dict) else {"Service": principal},
        "Action": actions or ["sts:AssumeRole", "sts:TagSession"],
        "Condition": condition
        or {
            "StringEquals": {
                "aws:SourceAccount": ACCOUNT,
                "aws:RequestTag/kubernetes-namespace": "shop",
                "aws:RequestTag/kubernetes-service-account": "orders",
            },
            "ArnEquals": {"aws:SourceArn": CLUSTER_ARN},
        },
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def role(arn: str = ROLE_ARN, document: dict[str, object] | None = None) -> Role:
    name = arn.rsplit("/", 1)[-1]
    created = ago(days=30)
    return Role(name=name, arn=arn, path="/", role_id="AROAEXAMPLE", trust=document or trust(), created_at=created)


def service_account(name: str = "orders", **changes: Any) -> ServiceAccount:
    return replace(ServiceAccount(namespace="shop", name=name), **changes)


def node(name: str = "node-1", **changes: Any) -> Node:
    base = Node(
        name=name,
        os="linux",
        arch="amd64",
        compute_type="",
        ready=True,
        labels={"eks.amazonaws.com/nodegroup": "workers"},
        provider_id=f"aws:///eu-west-1a/i-{name}",
    )
    return replace(base, **changes)


COMPUTE_TYPE = "eks.amazonaws.com/compute-type"


def hybrid_node(**changes: Any) -> Node:
    return node(compute_type="hybrid", labels={COMPUTE_TYPE: "hybrid"}, **changes)


def pod(name: str = "orders-5d9c-x1", **changes: Any) -> Pod:
    """Return a ready, injected pod of Deployment shop/orders, younger than the association."""
    base = Pod(
        namespace="shop",
        name=name,
        uid=f"uid-{name}",
        service_account="orders",
        node="node-1",
        phase="Running",
        created_at=ago(hours=5),
        containers=(Container(name="app", image="example/app:1", env=INJECTED, ready=True),),
        labels={"app": "orders", "pod-template-hash": "5d9c"},
        ready=True,
        owner=OwnerRef("ReplicaSet", "orders-5d9c"),
        volumes=("eks-pod-identity-token",),
    )
    return replace(base, **changes)


def bare(base: Pod, **changes: Any) -> Pod:
    """Return the pod without the fields of the webhook."""
    containers = tuple(replace(c, env={}) for c in base.containers)
    return replace(base, containers=containers, volumes=(), **changes)


def agent_pod(node_name: str = "node-1", **changes: Any) -> Pod:
    base = Pod(
        namespace="kube-system",
        name=f"eks-pod-identity-agent-{node_name}",
        uid=f"uid-agent-{node_name}",
        service_account="default",
        node=node_name,
        phase="Running",
        created_at=ago(days=3),
        containers=(Container(name="eks-pod-identity-agent", image=IMAGE, ready=True),),
        labels={"app.kubernetes.io/name": "eks-pod-identity-agent"},
        annotations={"eks.amazonaws.com/skip-containers": "eks-pod-identity-agent,eks-pod-identity-agent-init"},
        host_network=True,
        ready=True,
        owner=OwnerRef("DaemonSet", "eks-pod-identity-agent"),
    )
    return replace(base, **changes)


def crashing_agent(seconds: int = 0, **changes: Any) -> Pod:
    """Return an agent's pod in CrashLoopBackOff. Its last run took that many seconds."""
    values: dict[str, Any] = {"waiting": "CrashLoopBackOff", "failed": (ago(seconds=60 + seconds), ago(seconds=60))}
    return agent_pod(ready=False, containers=(Container(name="a", image="r.example/a:1", **{**values, **changes}),))


CRASHED = agent_pod(
    ready=False,
    containers=(Container(name="eks-pod-identity-agent", image="x", waiting="CrashLoopBackOff", restarts=7),),
)


def daemon_set(**changes: Any) -> DaemonSet:
    base = DaemonSet(
        namespace="kube-system",
        name="eks-pod-identity-agent",
        selector={"app.kubernetes.io/name": "eks-pod-identity-agent"},
        desired=1,
        ready=1,
        available=1,
        updated=1,
        generation=1,
        observed_generation=1,
        images=(IMAGE,),
        args=("--port", "80", "--cluster-name", "prod", "--probe-port", "2703"),
    )
    return replace(base, **changes)


def addon(**changes: Any) -> Addon:
    base = Addon(
        name="eks-pod-identity-agent",
        arn=f"arn:aws:eks:eu-west-1:{ACCOUNT}:addon/prod/eks-pod-identity-agent/1",
        version="v1.3.10-eksbuild.1",
        status="ACTIVE",
        created_at=ago(days=3),
    )
    return replace(base, **changes)


def workload(kind: str = "Deployment", name: str = "orders", **changes: Any) -> Workload:
    base = Workload(
        kind=kind,
        namespace="shop",
        name=name,
        uid=f"uid-{name}",
        service_account="orders",
        replicas=1,
        ready=1,
        updated=1,
    )
    return replace(base, **changes)


def trial(pod_name: str = "orders-5d9c-x1", **changes: Any) -> TokenTrial:
    """Return the trial of a token of the healthy pod, redeemed."""
    base = TokenTrial(
        namespace="shop",
        pod=pod_name,
        node="node-1",
        workload=Subject("Deployment", "orders", "shop"),
        template="5d9c",
        at=NOW,
        redeemed=REDEEMED,
    )
    return replace(base, **changes)


def probed(**changes: Any) -> Probed:
    """Return a result of podid's own pod, which got the credentials of the healthy association from the agent of its
    node."""
    redeemed = Redeemed(role_arn=ROLE_ARN, account=ACCOUNT, session_name="eks-prod-podid-prob-1")
    return replace(Probed(job="shop/podid-probe-1", node="node-1", at=NOW, redeemed=redeemed), **changes)


def session(percent: int | None = 40, **changes: Any) -> PodSession:
    """Return the session of the healthy pod in CloudTrail."""
    base = PodSession(
        at=ago(minutes=30),
        role_arn=ROLE_ARN,
        session_name="eks-prod-orders-5d9c-x1",
        cluster_arn=CLUSTER_ARN,
        ref=association().ref,
        pod=pod().name,
        packed_percent=percent,
    )
    return replace(base, **changes)


def egress(*routes: VpcRoute, endpoints: tuple[VpcEndpoint, ...] = ()) -> Egress:
    """Return a VPC of one route table."""
    return Egress(
        (RouteTable(table_id="rtb-1", main=True, routes=(VpcRoute("10.0.0.0/16", "local"), *routes)),), endpoints
    )


def endpoint(service: str = "com.amazonaws.us-west-2.eks-auth", **changes: Any) -> VpcEndpoint:
    return replace(VpcEndpoint(endpoint_id="vpce-1", service=service, state="available", private_dns=True), **changes)


REGISTRY = endpoint("com.amazonaws.us-west-2.ecr.dkr")
QUOTAS = {"Roles": 20, "RolesQuota": 1000, "AssumeRolePolicySizeQuota": 2048, "AttachedPoliciesPerRoleQuota": 10}


def healthy(**sections: Any) -> Snapshot:
    """Return one associated Deployment on one node with a ready agent. A keyword replaces a section's value; a Missing
    removes the section."""
    values: dict[str, Any] = {
        "cluster": cluster(),
        "associations": (association(),),
        "agent_addon": addon(),
        "addons": (addon(),),
        "agent_versions": (AddonVersion(version=addon().version, default=True),),
        "agent_next_versions": (AddonVersion(version=addon().version, default=True),),
        "upgrade_insights": (),
        "account_quotas": QUOTAS,
        "node_groups": (
            NodeGroup(name="workers", status="ACTIVE", node_role_arn=NODE_ROLE_ARN, subnet_ids=("subnet-1",)),
        ),
        "egress": egress(VpcRoute("0.0.0.0/0", "nat-1")),
        "namespaces": frozenset({"default", "kube-system", "shop"}),
        "service_accounts": (
            service_account(created_at=ago(days=9)),
            service_account("default"),
            service_account("default", namespace="kube-system"),
        ),
        "pods": (pod(), agent_pod()),
        "nodes": (node(),),
        "daemon_sets": (daemon_set(),),
        "workloads": (workload(),),
        "config_map_keys": {},
        "webhook": WebhookRegistration(url="https://127.0.0.1:23443/mutate"),
        "network_policies": (),
        "cilium_policies": (),
        "agent_pods": (agent_pod(),),
        "roles": {ROLE_ARN: Known(role())},
        "target_roles": {},
        "target_permissions": {},
        "role_policies": {ROLE_ARN: Known(PolicyNames(inline=("orders",)))},
        "permission_policies": {ROLE_ARN: Known({"p": Known(READS)})},
        "target_policies": {},
        "boundaries": {},
        "assume_permissions": {ROLE_ARN: Known(AssumePermissions())},
        "bounded": {},
        "annotated_roles": {},
        "chained_roles": {},
        "instances": {"node-1": INSTANCE},
        "cni_permissions": {},
        "products": {},
        "csi_drivers": {},
        "clocks": {"node-1": -4},
        "agent_warnings": {},
        "pod_security": {},
        "agent_crashes": {},
        "cloudtrail": {},
        "redemptions": (),
        "node_calls": {"node-1": Known(NodeTrail(looked=3, since=ago(hours=6)))},
        "sessions": {ROLE_ARN: Known((session(),))},
        "tokens": {"shop/orders": Known((trial(),))},
        "dry_runs": {},
        "probes": {"shop/orders": Known((probed(),))},
        "changes": NO_CHANGES,
        "agent_logs": {f"kube-system/{agent_pod().name}": Known(())},
        "other_node_roles": {},
        "node_classes": (),
        "node_role_allowed": {NODE_ROLE_ARN: ALLOWED},
        "node_role_policies": {NODE_ROLE_ARN: Known(PolicyNames(attached=(WORKER_POLICY,)))},
        "principals": (),
        "access_policies": (),
        "metadata_probes": {},
        "access_keys": (),
        "secret_keys": (),
        "grants": (),
    }
    values.update(sections)
    wrapped: dict[str, Any] = {
        name: value if isinstance(value, Missing) else Known(value) for name, value in values.items()
    }
    return Snapshot(taken_at=NOW, **wrapped)


def no_agent(**sections: Any) -> Snapshot:
    """Return the healthy cluster without an agent."""
    return healthy(agent_addon=None, daemon_sets=(), agent_pods=(), **sections)


def target_trust(principal: str = ROLE_ARN, actions: object = None, **condition: object) -> dict[str, object]:
    """Return the trust policy of role reports: by default it allows the association's role both actions."""
    return trust({"AWS": principal}, actions, **(condition or {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}))


def permissions(*decisions: str, **details: Any) -> tuple[Decision, ...]:
    """Return the simulator's decisions on both actions of role chaining, by default allowed."""
    actions = ("sts:AssumeRole", "sts:TagSession")
    words = decisions or ("allowed", "allowed")
    return tuple(
        Decision(action=action, resource=TARGET_ARN, decision=word, **details)
        for action, word in zip(actions, words, strict=True)
    )


def chained(*associations: Association, arn: str = TARGET_ARN, **sections: Any) -> Snapshot:
    """Return the healthy cluster whose associations have target role reports. `target` is that role's reading,
    `decisions` are the simulator's."""
    target = sections.pop("target", Known(role(TARGET_ARN, target_trust())))
    decisions = sections.pop("decisions", Known(permissions()))
    going = tuple(
        replace(a, target_role_arn=arn, external_id=f"eu-west-1/{ACCOUNT}/prod/{a.namespace}/{a.service_account}")
        for a in associations or (association(),)
    )
    values = {
        "associations": going,
        "target_roles": {arn: target},
        "target_permissions": {(a.role_arn, arn): decisions for a in going},
        "tokens": {"shop/orders": Known((trial(redeemed=replace(REDEEMED, role_arn=arn)),))},
    }
    return healthy(**{**values, **sections})


def race(*nodes: str, after: float = 20, lasted: float = 10) -> Snapshot:
    """Return a pod and an agent pod on each node, created in the same minute. The agent was ready half a minute later.
    The pod's first run began `after` seconds and failed `lasted` seconds later."""
    created = ago(hours=1)
    began = created + timedelta(seconds=after)
    failed = (began, began + timedelta(seconds=lasted))
    (container,) = pod().containers
    pods = tuple(
        pod(
            f"orders-{name}", node=name, created_at=created, containers=(replace(container, restarts=1, failed=failed),)
        )
        for name in nodes
    )
    agents = tuple(agent_pod(name, created_at=created, ready_since=created + timedelta(seconds=30)) for name in nodes)
    return healthy(pods=(*pods, *agents), agent_pods=agents, nodes=tuple(map(node, nodes)))


# --- small changes to the healthy cluster -----------------------------------------------------------------------------

NO_PODS = healthy(pods=DENIED)
NO_ROLE = healthy(roles={ROLE_ARN: DENIED})


def requested(snapshot: Snapshot, *refs: str) -> Snapshot:
    """Return the snapshot of a command that names these service accounts, by default shop/orders."""
    return replace(snapshot, targets=tuple(ServiceAccountRef.parse(ref) for ref in refs or ("shop/orders",)))


def with_env(ips: tuple[str, ...] = (), **env: str) -> Snapshot:
    """Return the healthy cluster, whose pod has more variables in its container, and these addresses."""
    (container,) = pod().containers
    changed = pod(containers=(replace(container, env={**container.env, **env}),), ips=ips)
    return healthy(pods=(changed, agent_pod()))


def with_image(image: str) -> Snapshot:
    return healthy(pods=(pod(containers=(replace(pod().containers[0], image=image),)),))


def with_role(item: Role | Missing | None, **sections: Any) -> Snapshot:
    """Return the healthy cluster with this reading of its role; None: it does not exist."""
    return healthy(roles={ROLE_ARN: item if isinstance(item, Missing) else Known(item)}, **sections)


def with_trust(document: dict[str, object] | None = None, **condition: Any) -> Snapshot:
    """Return the healthy cluster, whose role has this trust policy, or the usual one with other arguments."""
    return with_role(role(document=document or trust(**condition)))


def logged(mode: str) -> Snapshot:
    """Return the healthy cluster, whose agent's log shows this failure mode."""
    sighting = LogSighting(
        id=mode, node="node-1", count=3, sample="text", accounts=("shop/orders",), last=ago(minutes=1)
    )
    return healthy(agent_logs={"kube-system/agent": Known((sighting,))})


NO_LOG = healthy(agent_logs={"kube-system/agent": DENIED})
