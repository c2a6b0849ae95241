"""The initial worlds of the ways of `ways.py`: each function prepares a new site."""

import json
import math
from collections.abc import Callable
from pathlib import Path

from cluster_api import Json
from podid.domain.names import ServiceAccountRef
from podid.kube.project_custom import CUSTOM
from podid.sandbox.aws import trail
from podid.sandbox.baseline import add_association, add_cluster, pods_trust
from podid.sandbox.proxy_samples import ProxySamples
from podid.sandbox.world import Limits
from worlds import ACCOUNT, CLUSTER_ARN, ORDERS, POLICY, Site, trust_for

World = Callable[[Site], None]
SESSIONS = tuple(f"eks-demo-orders-123-4f0e4c1a-0000-4000-8000-00000000000{number}" for number in (1, 2))
EBS = "addon associate aws-ebs-csi-driver ebs-csi-controller-sa"
ANY_POD = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"},
        {"Effect": "Deny", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
READ_S3 = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}
EMPTY: Json = {"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {"name": "team"}}
DECLARED: Json = {
    "name": "declared",
    "policies": [{"name": "read", "document": READ_S3}, {"managed": "AmazonS3ReadOnlyAccess"}],
    "boundary": "AmazonS3ReadOnlyAccess",
    "tags": {"team": "shop"},
}


def declaring(*associations: Json, **members: object) -> Json:
    return {**EMPTY, "associations": associations, **members}


def linked(account: str, role: str = "storefront", **members: object) -> Json:
    return {"serviceAccount": account, "role": role, **members}


DECLARATIONS: dict[str, Json] = {
    "empty.json": EMPTY,
    "identities.json": declaring(linked("shop/declared", "declared", tags={"team": "shop"}), roles=[DECLARED]),
    "changed.json": declaring(
        linked("shop/declared", "declared", sessionTags=False),
        roles=[{"name": "declared", "description": "new", "policies": [{"name": "read", "document": POLICY}]}],
    ),
    "bounded.json": declaring(roles=[{**DECLARED, "subjects": ["shop/declared"], "boundary": "AmazonSQSFullAccess"}]),
    "pattern.json": declaring(linked("payments/b*"), linked("shop/new", createServiceAccount=True)),
    "missing.json": declaring(linked("shop/new", "storefrunt")),
    "tagged.json": declaring(linked("shop/new"), clusters=[{"tags": {"a": "b"}}]),
    "agent.json": {**EMPTY, "agent": {"configuration": {"agent": {"probePort": 2704}}}},
    "target.json": declaring(linked("shop/new", targetRole=f"arn:aws:iam::{ACCOUNT}:role/r")),
    "restart.json": declaring(linked("shop/orders")),
}
# the files that command lines name, in the current directory
FILES = {
    **DECLARATIONS,
    "POLICY": POLICY,
    "dynamodb-read.json": POLICY,
    "s3.json": READ_S3,
    "deploy.json": {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": ["iam:PassRole", "ec2:RunInstances"], "Resource": "*"},
    },
    "trust.json": trust_for(ORDERS),
    "any-pod.json": ANY_POD,
    "events.json": [{"userName": name} for name in SESSIONS],
    "cluster.json": {
        "apiVersion": "eksctl.io/v1alpha5",
        "kind": "ClusterConfig",
        "metadata": {"name": "demo", "region": "us-west-2"},
        "iam": {
            "podIdentityAssociations": [
                {"namespace": "shop", "serviceAccountName": "pay", "wellKnownPolicies": {"autoScaler": True}}
            ]
        },
    },
}


def write_files(directory: Path = Path()) -> None:
    for name, document in FILES.items():
        (directory / name).write_text(json.dumps(document))


def story(site: Site) -> None:
    """Load the samples without an agent, with a line in an agent's log, and files in the current directory."""
    site.with_samples()
    node = site.cluster.items("/api/v1/nodes")[0]["metadata"]["name"]
    message = "Service account token cannot be parsed: illegal base64 data at input byte 6"
    site.kube.add_agent_line(node, json.dumps({"level": "error", "msg": message, "client-addr": "10.0.0.9:1"}))
    add_sessions(site)
    write_files()


def half_used(site: Site) -> None:
    """Let the role of shop/orders use one service of two, and attach a managed policy."""
    healthy(site)
    arn = "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"
    site.aws("iam").attach_role_policy(RoleName="shop-orders", PolicyArn=arn)
    site.box.gateway.last_use.tried(f"arn:aws:iam::{ACCOUNT}:role/shop-orders", "sqs", "GetQueueUrl")


def long_half_used(site: Site) -> None:
    """Prepare `half_used`, with a role that is older than the window of 90 days."""
    half_used(site)
    site.clock.advance(100 * 86400.0)


def with_missing_role(site: Site) -> None:
    """Let an association name a role that does not exist any longer."""
    healthy(site)
    add_association(site.box.world, "shop", "cart", "gone")


def without_quota(site: Site) -> None:
    """Let EKS reject each new association."""
    site.box.world.limits = Limits(associations_per_cluster=0)


def shared_role(site: Site) -> None:
    """Let two service accounts have a used role that every pod of the cluster can assume."""
    healthy(site)
    for name in ("cart", "web"):
        site.associate("shop", name, "storefront")
    site.clock.advance(100 * 86400.0)
    site.box.gateway.last_use.tried(f"arn:aws:iam::{ACCOUNT}:role/storefront", "sqs", "GetQueueUrl")


def add_sessions(site: Site) -> None:
    """Add two sessions of a deleted pod of shop/orders to CloudTrail."""
    world, arn = site.box.world, f"arn:aws:iam::{ACCOUNT}:role/shop-orders"
    tags = (
        ("eks-cluster-arn", CLUSTER_ARN),
        ("eks-cluster-name", "demo"),
        ("kubernetes-namespace", "shop"),
        ("kubernetes-service-account", "orders"),
        ("kubernetes-pod-name", "orders-123"),
        ("kubernetes-pod-uid", "8f7e0000-0000-4000-8000-000000000001"),
    )
    for name in SESSIONS:
        trail.assumed(world, world.credentials.add_session(arn, name, role_id="AROA1", seconds=60, tags=tags), tags, 60)


def lab(site: Site) -> None:
    """Prepare `chained`, with a cluster whose association can be copied, and with files."""
    chained(site)
    write_files(site.directory)
    add_sessions(site)
    add_cluster(site.box.world, "blue")
    add_association(site.box.world, "shop", "cart", "storefront", cluster_name="blue")


def interruptible(site: Site) -> None:
    """Prepare `healthy`, with a cluster to copy to, sessions in CloudTrail, and files."""
    with_sessions(site)
    write_files(site.directory)
    add_cluster(site.box.world, "blue")


def nothing(site: Site) -> None:
    """Keep the cluster in its initial state."""


def healthy(site: Site) -> None:
    site.with_agent().with_identity()


def with_sessions(site: Site) -> None:
    healthy(site)
    add_sessions(site)


def under_cilium(site: Site) -> None:
    healthy(site)
    site.cluster.make_workload("DaemonSet", "kube-system", "cilium", "default")


def untagged(site: Site) -> None:
    site.with_agent().with_identity().without_session_tags()


def chained(site: Site) -> None:
    site.with_agent().with_identity().with_target()


def conditional(site: Site) -> None:
    """Give the role permissions that depend on the call."""
    healthy(site)
    asks = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*", "Condition": asks}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = site.aws("iam").create_policy(PolicyName="asks", PolicyDocument=document)["Policy"]["Arn"]
    site.aws("iam").attach_role_policy(RoleName="shop-orders", PolicyArn=arn)


def tagged_target(site: Site) -> None:
    chained(site)
    site.must(*["associate", "shop/orders", "--tag", "x=y", "--replace", "--wait", "api"])


def with_blue(site: Site, ref: ServiceAccountRef = ORDERS, role: str = "storefront") -> None:
    """Add a cluster with an association; demo has an agent and no association."""
    site.with_agent()
    add_cluster(site.box.world, "blue")
    association = add_association(site.box.world, ref.namespace, ref.name, role, cluster_name="blue")
    site.box.world.tags[association.arn] = {"a": "b"}
    site.trust("storefront", pods_trust())


def trusting_two(site: Site) -> None:
    """Add a role whose trust policy names two clusters in one list."""
    document = pods_trust(site.box.world.clusters["demo"])
    arns = [CLUSTER_ARN, CLUSTER_ARN.replace("demo", "blue")]
    document["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"] = arns
    site.box.iam.make_role(ACCOUNT, "of-two", json.dumps(document))


def with_blue_narrow(site: Site) -> None:
    make_role(site, trust_for(ORDERS, CLUSTER_ARN.replace("demo", "blue")))
    with_blue(site, role="shop-orders")


def with_blue_other(site: Site) -> None:
    make_role(site)
    with_blue(site)
    site.associate("shop", "orders")


def with_blue_new(site: Site) -> None:
    with_blue(site, ServiceAccountRef("shop", "orderz"))


def with_open_identity(site: Site) -> None:
    healthy(site)
    site.trust("shop-orders", pods_trust())


def with_blue_and_job(site: Site) -> None:
    with_blue(site)
    site.cluster.make_workload("Job", "shop", "job", "orders", pod={"nodeSelector": {"no": "such-node"}})
    site.wait(30)


def with_blue_same(site: Site) -> None:
    healthy(site)
    site.wait(300)
    add_cluster(site.box.world, "blue")
    add_association(site.box.world, "shop", "orders", "shop-orders", cluster_name="blue")


def with_cart(site: Site) -> None:
    site.with_agent()
    site.trust("storefront", pods_trust())
    site.associate("shop", "cart")


def with_chained_cart(site: Site) -> None:
    """Give shop/cart the identity of `chained`, and shop/orders its pods."""
    chained(site)
    site.trust("shop-orders", pods_trust())
    site.must("move", "shop/orders", "shop/cart", "--yes", "--wait", "api")
    site.wait(60)


def with_both(site: Site) -> None:
    with_open_identity(site)
    site.must("associate", "shop/orders", "--tag", "a=b", "--replace", "--wait", "api")
    site.associate("shop", "cart")


def with_label(site: Site) -> None:
    site.with_agent()
    site.cluster.merge("/api/v1/namespaces/shop/serviceaccounts/orders", {"metadata": {"labels": {"app": "orders"}}})


def with_role(site: Site) -> None:
    site.with_agent()
    make_role(site)


def make_role(site: Site, trust: Json | None = None) -> None:
    document = json.dumps(trust or trust_for(ORDERS))
    site.aws("iam").create_role(RoleName="shop-orders", AssumeRolePolicyDocument=document)


def with_narrow_role(site: Site) -> None:
    trust = trust_for(ORDERS)
    trust["Statement"][0]["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] = "other"
    make_role(site, trust)


def with_wide_role(site: Site) -> None:
    healthy(site)
    wide = trust_for(ORDERS)
    wide["Statement"][0].pop("Condition")
    site.aws("iam").update_assume_role_policy(RoleName="shop-orders", PolicyDocument=json.dumps(wide))


def every_kind(site: Site) -> None:
    """Prepare `healthy`, with a workload of each kind that can run as shop/orders. podid does not restart a Job, and
    prints that."""
    healthy(site)
    for kind in ("StatefulSet", "DaemonSet"):
        site.cluster.make_workload(kind, "shop", kind.lower(), "orders")
    nowhere = {"nodeSelector": {"no": "such-node"}}  # it waits for a node, so it has not ended
    site.cluster.make_workload("Job", "shop", "job", "orders", pod=nowhere)
    site.wait(30)


def configured(site: Site) -> None:
    """Prepare `healthy`, with variables from a ConfigMap."""
    healthy(site)
    site.cluster.post("/api/v1/namespaces/shop/configmaps", {"metadata": {"name": "settings"}, "data": {"a": "b"}})
    path = "/apis/apps/v1/namespaces/shop/deployments/orders"
    (container,) = site.cluster.get(path)["spec"]["template"]["spec"]["containers"]
    container["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    site.cluster.merge(path, {"spec": {"template": {"spec": {"containers": [container]}}}})
    site.wait(30)


def with_everything(site: Site) -> None:
    """Prepare `healthy`, with products, a customer managed policy that allows to assume a role, and a refused agent
    pod."""
    healthy(site)
    for group in CUSTOM:
        site.kube.install(group)
    spec = {"provider": "aws", "parameters": {"usePodIdentity": "true"}}
    path = "/apis/secrets-store.csi.x-k8s.io/v1/namespaces/shop/secretproviderclasses"
    site.cluster.post(path, {"metadata": {"name": "db"}, "spec": spec})
    image = {"name": "s3", "image": "public.ecr.aws/mountpoint-s3-csi-driver/aws-mountpoint-s3-csi-driver:v2.1.0"}
    site.cluster.make_workload("DaemonSet", "kube-system", "s3-csi-node", "default", pod={"containers": [image]})
    arn = f"arn:aws:iam::{ACCOUNT}:role/storefront"
    grant = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [grant]})
    policy_arn = site.aws("iam").create_policy(PolicyName="on", PolicyDocument=document)["Policy"]["Arn"]
    site.aws("iam").attach_role_policy(RoleName="shop-orders", PolicyArn=policy_arn)
    enforce = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    site.cluster.merge("/api/v1/namespaces/kube-system", enforce)
    (pod, *_) = site.cluster.pods("kube-system")
    site.cluster.delete(f"/api/v1/namespaces/kube-system/pods/{pod['metadata']['name']}")
    site.wait(200)


def audited(site: Site) -> None:
    """Prepare `with_attached`, with access keys in a ConfigMap and in a Secret."""
    with_attached(site)
    data = {"id": "AKIAZZZZ2222PODIDWAY"}
    for kind in ("configmaps", "secrets"):
        member = "data" if kind == "configmaps" else "stringData"
        site.cluster.post(f"/api/v1/namespaces/shop/{kind}", {"metadata": {"name": "keys"}, member: data})


def with_attached(site: Site) -> None:
    """Prepare `configured`, with an AWS managed policy and a Job, whose owner is looked up too."""
    configured(site)
    policy = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    site.aws("iam").attach_role_policy(RoleName="shop-orders", PolicyArn=policy)
    site.cluster.make_workload("Job", "shop", "job", "orders", pod={"nodeSelector": {"no": "such-node"}})
    site.wait(30)


def without_node_permission(site: Site) -> None:
    """Remove the permission to redeem tokens from the nodes' role, and add an unrelated inline policy."""
    iam, policy = site.aws("iam"), "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    iam.detach_role_policy(RoleName="demo-node-role", PolicyArn=policy)
    iam.put_role_policy(RoleName="demo-node-role", PolicyName="tables", PolicyDocument=json.dumps(POLICY))


def with_ebs_role(site: Site) -> None:
    """Let the add-on own an association of its service account."""
    listed = [{"serviceAccount": "ebs-csi-controller-sa", "roleArn": f"arn:aws:iam::{ACCOUNT}:role/storefront"}]
    site.aws("eks").update_addon(clusterName="demo", addonName="aws-ebs-csi-driver", podIdentityAssociations=listed)
    site.wait(30)


def with_old_cni(site: Site) -> None:
    """Install an older version of an add-on, and a role that does not allow its service account."""
    with_narrow_role(site)
    site.aws("eks").create_addon(clusterName="demo", addonName="vpc-cni", addonVersion="v1.20.4-eksbuild.2")
    site.wait(30)


def with_cni_association(site: Site) -> None:
    """Associate the service account of an add-on that is not installed."""
    site.aws("eks").create_pod_identity_association(
        clusterName="demo",
        namespace="kube-system",
        serviceAccount="aws-node",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/orders-dynamodb",
    )


def ungrouped(site: Site) -> None:
    """Add a node without a node group: its instance has the role."""
    _ungroup(site)


def self_managed(site: Site) -> None:
    healthy(site)
    _ungroup(site)


def untold(site: Site) -> None:
    """Add a node whose instance is gone: only access entries may show its role."""
    healthy(site)
    _ungroup(site)
    instance = site.cluster.items("/api/v1/nodes")[0]["spec"]["providerID"].rpartition("/")[2]
    site.aws("ec2").terminate_instances(InstanceIds=[instance])


def of_a_class(site: Site) -> None:
    """Prepare `untold`, with an EC2NodeClass that names the node's role."""
    untold(site)
    site.kube.install("karpenter.k8s.aws")
    node_class = {"metadata": {"name": "default"}, "spec": {"role": "demo-node-role"}}
    site.cluster.post("/apis/karpenter.k8s.aws/v1/ec2nodeclasses", node_class)


def _ungroup(site: Site) -> None:
    # only then does an access entry show the role of a node
    site.box.world.clusters["demo"].body["accessConfig"]["authenticationMode"] = "API"
    name = site.cluster.items("/api/v1/nodes")[0]["metadata"]["name"]
    labels = {"eks.amazonaws.com/nodegroup": None, "karpenter.k8s.aws/ec2nodeclass": "default"}
    site.cluster.merge(f"/api/v1/nodes/{name}", {"metadata": {"labels": labels}})


def with_siblings(site: Site) -> None:
    """Let an add-on own the associations of two service accounts."""
    role = f"arn:aws:iam::{ACCOUNT}:role/storefront"
    names = ("adot-col-otlp-ingest", "adot-col-prom-metrics")
    listed = [{"serviceAccount": name, "roleArn": role} for name in names]
    site.aws("eks").create_addon(clusterName="demo", addonName="adot", podIdentityAssociations=listed)
    site.wait(30)


def with_recommended_role(site: Site) -> None:
    """Give the add-on its recommended role, with one more inline policy."""
    site.must(*EBS.split(), "--recommended", "--wait", "api")
    name = "demo-kube-system-ebs-csi-controller-sa"
    site.aws("iam").put_role_policy(RoleName=name, PolicyName="more", PolicyDocument=json.dumps(POLICY))


def with_ebs_association(site: Site) -> None:
    """Give the add-on's service account an association without an owner."""
    site.associate("kube-system", "ebs-csi-controller-sa")


def on_delete(site: Site) -> None:
    """Prepare `healthy`, with a workload whose pods only a deletion replaces."""
    healthy(site)
    strategy: Json = {"updateStrategy": {"type": "OnDelete"}}
    site.cluster.make_workload("DaemonSet", "shop", "logs", "orders", **strategy)
    site.wait(30)


def crashing(site: Site) -> None:
    """Let the agent crash on one node."""
    healthy(site)
    node = site.cluster.items("/api/v1/nodes")[0]["metadata"]["name"]
    site.kube.faults.agent_crashing[node] = "listen tcp [fd00:ec2::23]:80: bind: cannot assign requested address"
    site.wait(30)


def without_account(site: Site) -> None:
    """Delete the service account while its pods run."""
    healthy(site)
    site.cluster.delete("/api/v1/namespaces/shop/serviceaccounts/orders")


def unserved(site: Site) -> None:
    """Let new pods get no credentials."""
    healthy(site)
    site.cluster.delete("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook")


def without_agent(site: Site) -> None:
    site.associate("shop", "orders")


def after(*lines: str, start: World = healthy) -> World:
    """Return the world after these commands."""

    def run(site: Site) -> None:
        start(site)
        for line in lines:
            site.must(*line.split())
            site.wait(60)

    run.__name__ = " then ".join(lines)
    return run


def with_irsa(site: Site) -> None:
    """Prepare `healthy`, and shop/cart with a role of its own by IRSA."""
    healthy(site)
    arn = _irsa_role(site, "shop-cart", ISSUER, "shop:cart")
    annotations = {"eks.amazonaws.com/role-arn": arn}
    body = {"metadata": {"name": "cart", "annotations": annotations}}
    site.cluster.post("/api/v1/namespaces/shop/serviceaccounts", body)
    for kind in ("Deployment", "StatefulSet", "DaemonSet"):
        site.cluster.make_workload(kind, "shop", f"cart-{kind.lower()}", "cart")
    site.wait(30)


def with_an_addon(site: Site) -> None:
    """Prepare `with_irsa`, and the add-on of the EBS CSI driver, which uses IRSA too."""
    with_irsa(site)
    account = "ebs-csi-controller-sa"
    arn = _irsa_role(site, "ebs-csi", ISSUER, f"kube-system:{account}")
    site.cluster.post("/api/v1/namespaces/kube-system/serviceaccounts", {"metadata": {"name": account}})
    site.aws("eks").update_addon(clusterName="demo", addonName="aws-ebs-csi-driver", serviceAccountRoleArn=arn)
    site.cluster.make_workload("Deployment", "kube-system", "ebs-csi-controller", account)
    site.wait(60)


def owned_by_helm(site: Site) -> None:
    """Prepare `with_irsa`, with Helm as the manager of the annotation."""
    with_irsa(site)
    annotations = {"meta.helm.sh/release-name": "cart", "meta.helm.sh/release-namespace": "shop"}
    site.cluster.merge("/api/v1/namespaces/shop/serviceaccounts/cart", {"metadata": {"annotations": annotations}})


def with_irsa_and_no_agent(site: Site) -> None:
    with_irsa(site)
    site.aws("eks").delete_addon(clusterName="demo", addonName="eks-pod-identity-agent")
    site.wait(60)


def with_a_role_of_another_account(site: Site) -> None:
    """Prepare `healthy`, and shop/cart with a role of another account, whose owner allows this account to assume it."""
    healthy(site)
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:*"}
    site.box.iam.make_role("444455556666", "far", json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    annotations = {"eks.amazonaws.com/role-arn": "arn:aws:iam::444455556666:role/far"}
    body = {"metadata": {"name": "cart", "annotations": annotations}}
    site.cluster.post("/api/v1/namespaces/shop/serviceaccounts", body)
    site.cluster.make_workload("Deployment", "shop", "cart", "cart")
    site.wait(30)


def with_irsa_and_no_webhook(site: Site) -> None:
    """Prepare `with_irsa`, with a webhook that misses every new pod, so that the migration fails."""
    with_irsa(site)
    site.kube.faults.webhook_misses = math.inf


def with_idle_kube2iam(site: Site) -> None:
    """Prepare `healthy`, and kube2iam, which no workload needs."""
    healthy(site)
    ProxySamples(site.box.reach(), "kube2iam").agent()
    site.wait(30)


def with_idle_kiam(site: Site) -> None:
    """Prepare `healthy`, and kiam, which no workload needs; its server is a Deployment."""
    healthy(site)
    ProxySamples(site.box.reach(), "kiam").agent()
    (template,) = (
        item["spec"]["template"]
        for item in site.cluster.items("/apis/apps/v1/namespaces/kube-system/daemonsets")
        if item["metadata"]["name"] == "kiam-server"
    )
    selector = {"matchLabels": {"app": "kiam-server"}}
    body = {"metadata": {"name": "kiam-server"}, "spec": {"selector": selector, "template": template}}
    site.cluster.post("/apis/apps/v1/namespaces/kube-system/deployments", body)
    site.wait(30)


PROXY_WORKLOADS = {"reader": "Deployment", "sender": "StatefulSet", "collector": "DaemonSet", "nightly": "CronJob"}


def with_kube2iam(site: Site) -> None:
    """Prepare `healthy`, and a workload of each kind, of one service account with roles by kube2iam."""
    healthy(site)
    samples = ProxySamples(site.box.reach(), "kube2iam")
    samples.agent()
    for name, kind in PROXY_WORKLOADS.items():
        samples.one(name, samples.role(f"apps-{name}"), account="default", kind=kind)
    site.wait(30)


ISSUER = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
UNUSED_PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/UNUSED"
UNUSED_ROLE = f"arn:aws:iam::{ACCOUNT}:role/of-a-deleted-cluster"


def with_leftovers(site: Site) -> None:
    """Add an OIDC provider that no role trusts, and a role for one that is gone."""
    site.aws("iam").create_open_id_connect_provider(
        Url=f"https://{UNUSED_PROVIDER.partition('/')[2]}",
        ClientIDList=["sts.amazonaws.com"],
        ThumbprintList=["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"],
        Tags=[{"Key": "team", "Value": "shop"}],
    )
    _irsa_role(site, UNUSED_ROLE.rpartition("/")[2], "oidc.eks.us-west-2.amazonaws.com/id/GONE", "shop:cart")


def _irsa_role(site: Site, name: str, issuer: str, subject: str) -> str:
    """Return the ARN of a role that one service account can assume by the OIDC provider."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": f"system:serviceaccount:{subject}"}
        },
    }
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    created = site.aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    site.aws("iam").attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    site.aws("iam").put_role_policy(RoleName=name, PolicyName="more", PolicyDocument=json.dumps(READ_S3))
    return str(created["Role"]["Arn"])
