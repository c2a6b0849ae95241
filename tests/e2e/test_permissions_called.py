"""The rights that a command prints carry it through, and they are all that it asks for and no more."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cluster_api import Json
from harness import Answers, Podid
from permissions_support import allow, asked_for, limited
from podid.checks.all import ALL
from podid.cli import permissions
from podid.cli.tree import COMMANDS
from podid.domain.names import ServiceAccountRef
from podid.domain.permissions import Permissions
from podid.kube.project import CUSTOM
from podid.ops.reading import sections
from podid.sandbox.baseline import add_association, add_cluster, pods_trust
from worlds import ACCOUNT, CLUSTER_ARN, ORDERS, POLICY, Site, trust_for, whole_site

SHOWING = {row.name: row.load() for row in COMMANDS if "show_permissions" in row.load().shared}


def nothing(site: Site) -> None:
    """The cluster as it comes."""


def healthy(site: Site) -> None:
    site.with_agent().with_identity()


def under_cilium(site: Site) -> None:
    healthy(site)
    site.cluster.make_workload("DaemonSet", "kube-system", "cilium", "default")


def chained(site: Site) -> None:
    site.with_agent().with_identity().with_target()


def conditional(site: Site) -> None:
    """What the role may do depends on the call."""
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
    """A cluster that has an association; demo has none, and an agent."""
    site.with_agent()
    add_cluster(site.box.world, "blue")
    made = add_association(site.box.world, ref.namespace, ref.name, role, cluster_name="blue")
    site.box.world.tags[made.arn] = {"a": "b"}
    site.trust("storefront", pods_trust())


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
    """shop/cart has the identity of `chained`, and shop/orders its pods."""
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
    """As `healthy`, with a workload of each kind that can run as shop/orders; a Job is not restarted, and said."""
    healthy(site)
    for kind in ("StatefulSet", "DaemonSet"):
        site.cluster.make_workload(kind, "shop", kind.lower(), "orders")
    nowhere = {"nodeSelector": {"no": "such-node"}}  # it waits for a node, so it has not ended
    site.cluster.make_workload("Job", "shop", "job", "orders", pod=nowhere)
    site.wait(30)


def configured(site: Site) -> None:
    """As `healthy`, with variables from a ConfigMap."""
    healthy(site)
    site.cluster.post("/api/v1/namespaces/shop/configmaps", {"metadata": {"name": "settings"}, "data": {"a": "b"}})
    path = "/apis/apps/v1/namespaces/shop/deployments/orders"
    (container,) = site.cluster.get(path)["spec"]["template"]["spec"]["containers"]
    container["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    site.cluster.merge(path, {"spec": {"template": {"spec": {"containers": [container]}}}})
    site.wait(30)


def with_everything(site: Site) -> None:
    """As `healthy`, with products, a policy of the account's own that goes on to a role, and an agent pod that is
    refused."""
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
    made = site.aws("iam").create_policy(PolicyName="on", PolicyDocument=document)["Policy"]["Arn"]
    site.aws("iam").attach_role_policy(RoleName="shop-orders", PolicyArn=made)
    enforce = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    site.cluster.merge("/api/v1/namespaces/kube-system", enforce)
    (pod, *_) = site.cluster.pods("kube-system")
    site.cluster.delete(f"/api/v1/namespaces/kube-system/pods/{pod['metadata']['name']}")
    site.wait(200)


def with_attached(site: Site) -> None:
    """As `configured`, with a policy of AWS's own and a Job, whose owner is looked up too."""
    configured(site)
    policy = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    site.aws("iam").attach_role_policy(RoleName="shop-orders", PolicyArn=policy)
    site.cluster.make_workload("Job", "shop", "job", "orders", pod={"nodeSelector": {"no": "such-node"}})
    site.wait(30)


def without_node_permission(site: Site) -> None:
    """The nodes' role may not redeem tokens, and has an inline policy about something else."""
    iam, policy = site.aws("iam"), "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    iam.detach_role_policy(RoleName="demo-node-role", PolicyArn=policy)
    iam.put_role_policy(RoleName="demo-node-role", PolicyName="tables", PolicyDocument=json.dumps(POLICY))


def with_ebs_role(site: Site) -> None:
    """The add-on owns an association of its service account."""
    listed = [{"serviceAccount": "ebs-csi-controller-sa", "roleArn": f"arn:aws:iam::{ACCOUNT}:role/storefront"}]
    site.aws("eks").update_addon(clusterName="demo", addonName="aws-ebs-csi-driver", podIdentityAssociations=listed)
    site.wait(30)


def ungrouped(site: Site) -> None:
    """A node that belongs to no node group: its instance tells its role."""
    _ungroup(site)


def self_managed(site: Site) -> None:
    healthy(site)
    _ungroup(site)


def untold(site: Site) -> None:
    """A node whose instance is gone: only the access entries may tell its role."""
    healthy(site)
    _ungroup(site)
    instance = site.cluster.items("/api/v1/nodes")[0]["spec"]["providerID"].rpartition("/")[2]
    site.aws("ec2").terminate_instances(InstanceIds=[instance])


def of_a_class(site: Site) -> None:
    """The same, and its EC2NodeClass names its role."""
    untold(site)
    site.kube.install("karpenter.k8s.aws")
    made = {"metadata": {"name": "default"}, "spec": {"role": "demo-node-role"}}
    site.cluster.post("/apis/karpenter.k8s.aws/v1/ec2nodeclasses", made)


def _ungroup(site: Site) -> None:
    # only then does an access entry tell whose a node is
    site.box.world.clusters["demo"].body["accessConfig"]["authenticationMode"] = "API"
    name = site.cluster.items("/api/v1/nodes")[0]["metadata"]["name"]
    labels = {"eks.amazonaws.com/nodegroup": None, "karpenter.k8s.aws/ec2nodeclass": "default"}
    site.cluster.merge(f"/api/v1/nodes/{name}", {"metadata": {"labels": labels}})


def with_siblings(site: Site) -> None:
    """An add-on owns the associations of two service accounts."""
    role = f"arn:aws:iam::{ACCOUNT}:role/storefront"
    names = ("adot-col-otlp-ingest", "adot-col-prom-metrics")
    listed = [{"serviceAccount": name, "roleArn": role} for name in names]
    site.aws("eks").create_addon(clusterName="demo", addonName="adot", podIdentityAssociations=listed)
    site.wait(30)


def with_recommended_role(site: Site) -> None:
    """It has its role already, and an inline policy beside what AWS recommends."""
    site.must(*EBS.split(), "--recommended", "--wait", "api")
    name = "demo-kube-system-ebs-csi-controller-sa"
    site.aws("iam").put_role_policy(RoleName=name, PolicyName="more", PolicyDocument=json.dumps(POLICY))


def with_ebs_association(site: Site) -> None:
    """The add-on's service account has an association that is nobody's."""
    site.associate("kube-system", "ebs-csi-controller-sa")


def on_delete(site: Site) -> None:
    """As `healthy`, with a workload whose pods only a deletion replaces."""
    healthy(site)
    strategy: Json = {"updateStrategy": {"type": "OnDelete"}}
    site.cluster.make_workload("DaemonSet", "shop", "logs", "orders", **strategy)
    site.wait(30)


def crashing(site: Site) -> None:
    """The agent crashes on one node."""
    healthy(site)
    node = site.cluster.items("/api/v1/nodes")[0]["metadata"]["name"]
    site.kube.faults.agent_crashing[node] = "listen tcp [fd00:ec2::23]:80: bind: cannot assign requested address"
    site.wait(30)


def without_account(site: Site) -> None:
    """The service account was deleted while its pods run."""
    healthy(site)
    site.cluster.delete("/api/v1/namespaces/shop/serviceaccounts/orders")


def unserved(site: Site) -> None:
    """New pods would get no credentials."""
    healthy(site)
    site.cluster.delete("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook")


def without_agent(site: Site) -> None:
    site.associate("shop", "orders")


def after(*lines: str, start: Callable[[Site], None] = healthy) -> Callable[[Site], None]:
    """With what these commands have changed."""

    def run(site: Site) -> None:
        start(site)
        for line in lines:
            site.must(*line.split())
            site.wait(60)

    run.__name__ = " then ".join(lines)
    return run


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundle is written where podid runs."""
    monkeypatch.chdir(tmp_path)


@dataclass(frozen=True, slots=True)
class Way:
    """One way through a command: `start` is the world that it finds, `optional` what is granted beside the default
    rights, by the beginnings of their reasons. `code` is what it ends with when nothing is missing. `again`: it asks
    for nothing that another way does not ask for. `answers` are those of somebody at a terminal."""

    line: str
    start: Callable[[Site], None] = nothing
    optional: tuple[str, ...] = ()
    code: int = 0
    again: bool = False
    answers: tuple[str | bool, ...] = ()

    @property
    def command(self) -> str:
        words = self.line.split()
        return " ".join(words[:2]) if " ".join(words[:2]) in SHOWING else words[0]


AHEAD = sections.permissions(ALL)
# asked for only where the command line does not name the cluster, or names an account
CHOOSING = {"eks:DescribeCluster", "eks:ListClusters", "sts:GetCallerIdentity"}
EFFECT = ("checking whether", "dry-run pods")
CREATING = (*EFFECT, "--create-service-account")
FROM_BLUE = "--from-cluster blue --to-cluster demo"
NOTHING_YET = ("nothing", "service-account")
ALL_OF_MOVE = (*EFFECT, "--restart", "--wait verified")
PROOF = ("redeeming",)
CREATED = ("associate shop/pay --role storefront --tag a=b --wait api",)
ROLE = "role create r --for shop/orders --policy-file POLICY --managed-policy AmazonS3ReadOnlyAccess --tag a=b"
SETTINGS = f"{ROLE} --replace --description new --tag x=y --boundary AmazonS3ReadOnlyAccess"


def settings_undone(site: Site) -> None:
    """A boundary goes with somebody's answer alone."""
    after(ROLE, SETTINGS)(site)
    site.podid.tty, site.podid.answers = True, Answers(True)
    after(*UNDONE, start=lambda _: None)(site)
    site.podid.tty = False


_SERVICES = ("S3", "SQS", "SNS", "DynamoDB", "EC2")
ELEVEN = [f"Amazon{name}{kind}Access" for name in _SERVICES for kind in ("Full", "ReadOnly")] + ["AmazonVPCFullAccess"]
ONE_TOO_MANY = "role create r --for shop/orders --policy-file POLICY " + " ".join(
    f"--managed-policy {n}" for n in ELEVEN
)
STOREFRONT = f"--target-role arn:aws:iam::{ACCOUNT}:role/storefront"
ADOPTED = "role create shop-orders --for shop/orders --policy-file POLICY --adopt --update-trust"
ATTACHED = "role attach r --managed-policy AmazonSQSFullAccess --policy-file POLICY --preset cluster-autoscaler"
DETACHED = "role detach r --managed-policy AmazonS3ReadOnlyAccess --inline-policy POLICY --yes"
DELETED = "role delete r --yes"
WITH_ROLE = "associate shop/orders --wait api --create-role " + ROLE.removeprefix("role create r --for shop/orders ")
WITH_ROLE_GONE = "disassociate shop/orders --delete-role --yes"
WITH_ROLE_CHANGED = f"{WITH_ROLE} --replace --description new --role-tag x=y --boundary AmazonS3ReadOnlyAccess"
WITH_TOO_MANY = ONE_TOO_MANY.replace("role create r --for shop/orders", "associate shop/orders --create-role")
WITH_ACCOUNT = "associate shop/new --role storefront --create-service-account --wait api"
EBS = "addon associate aws-ebs-csi-driver ebs-csi-controller-sa"
UNDONE = ("undo last --yes",)
CART = "--role shop-orders --for shop/cart --yes"
WAYS = (
    Way("install-agent"),
    Way("install-agent --addon-version v0.0.1-eksbuild.1", code=5),
    Way("install-agent", healthy),
    Way("install-agent --addon-version latest", healthy, ("changing",), again=True),
    Way("install-agent --addon-version latest --config agent.probePort=2704", healthy, ("changing", "checking a")),
    Way("install-agent", ungrouped),
    Way("install-agent --addon-version latest", untold, ("changing",)),
    Way("install-agent --fix-node-role", without_node_permission, ("--fix-node-role",)),
    Way("install-agent --timeout 5m", crashing, ("saying",), code=3, again=True),
    Way("uninstall-agent --yes", healthy),
    Way("addon list"),
    Way("addon list", with_ebs_role),
    Way("addon list --all", nothing, ("--all",)),
    Way(f"{EBS} --role storefront --wait api"),
    Way(f"{EBS} --role storefront", healthy, EFFECT),
    Way(f"{EBS} --role storefront --replace --wait api", with_ebs_association, ("--replace",)),
    Way(f"{EBS} --role shop-orders --update-trust --wait api", with_narrow_role, ("--update-trust",)),
    Way("addon associate aws-ebs-csi-driver --recommended --wait api", nothing, ("--recommended",)),
    Way(f"{EBS} --recommended --wait api", with_recommended_role, ("--recommended",)),
    Way("addon disassociate aws-ebs-csi-driver ebs-csi-controller-sa --yes", with_ebs_role, EFFECT),
    Way("addon disassociate adot adot-col-otlp-ingest --yes --wait api", with_siblings),
    Way(ROLE),
    Way(ROLE, nothing, ("having AWS check",)),
    Way(f"{ROLE} {STOREFRONT} --force", nothing, ("having AWS check",), code=3),
    Way(f"{ROLE} {STOREFRONT} --replace --force", after(ROLE), ("--target-role: seeing",), code=3),
    Way(f"{ROLE} {STOREFRONT} --update-trust", nothing, ("--target-role --update-trust",)),
    Way(
        f"{ROLE} {STOREFRONT} --no-session-tags",
        after(WITH_ROLE, start=nothing),
        ("--target-role --no-session-tags",),
        code=3,
    ),
    Way(ROLE, after(ROLE)),
    Way(ADOPTED, with_narrow_role),
    Way(SETTINGS, after(ROLE), ("--replace",)),
    Way(ONE_TOO_MANY, nothing, ("taking back",), code=6),
    Way(ATTACHED, after("role create r --for shop/orders")),
    Way(ATTACHED, after("role create r --for shop/orders"), ("having AWS check",), again=True),
    Way(f"{ATTACHED} --replace", after(ROLE, ATTACHED), again=True),
    Way("role attach s --managed-policy AmazonSQSFullAccess", after(ROLE), code=5),
    Way(DETACHED, after(ROLE)),
    Way("role detach s --inline-policy POLICY --yes", after(ROLE), code=5),
    Way(DELETED, after(ROLE), ("seeing",)),
    Way(DELETED, after(ROLE)),
    Way("role delete s --yes", after(ROLE), code=5),
    Way("undo last --yes", after(ROLE, DETACHED), again=True),
    Way("undo last --yes", after(ROLE, DELETED)),
    Way("associate shop/orders --role shop-orders --tag a=b --wait api", with_role),
    Way("associate shop/orders --role shop-order", with_role, code=5),
    Way("associate shop/orders --role shop-orders --update-trust --wait api", with_narrow_role),
    Way("associate shop/orders --role storefront --replace --wait ready", healthy, EFFECT, again=True),
    Way("associate shop/orders --role shop-orders --restart", with_role, (*EFFECT, "--restart")),
    Way("associate shop/orders --role shop-orders --wait verified", chained, (*EFFECT, "--wait verified")),
    Way("install-agent --wait verified", chained, ("--wait verified",)),
    Way("associate shop/orders --role storefront --replace --restart", every_kind, (*EFFECT, "--restart"), code=8),
    Way("associate shop/orderz --role storefront", nothing, EFFECT),
    Way(
        "associate shop/pay --role orders-dynamodb --no-session-tags --wait api",
        nothing,
        ("--no-session-tags",),
        again=True,
    ),
    Way("associate shop/pay --role storefront --no-session-tags --wait api", nothing, ("--no-session-tags",)),
    Way("associate shop/orders --role storefront --replace --tag x=y --wait api", healthy, again=True),
    Way("associate -n shop --service-account o* -l app=orders --role storefront", with_label, EFFECT, again=True),
    Way(
        "associate shop/orders --role storefront --wait api --replace --update-trust "
        f"--target-role arn:aws:iam::{ACCOUNT}:role/r",
        after(ROLE),
        ("--target-role --update-trust",),
    ),
    Way(WITH_ROLE, nothing, ("--create-role",), again=True),
    Way(
        f"{WITH_ROLE} {STOREFRONT} --replace",
        after(WITH_ROLE, start=nothing),
        ("--create-role", "--target-role: seeing"),
        code=3,
    ),
    Way(WITH_ROLE_CHANGED, after(WITH_ROLE, start=nothing), ("--create-role",)),
    Way(WITH_TOO_MANY, nothing, ("--create-role", "taking back"), code=6),
    Way("associate shop/orders --no-target-role --untag x --replace --wait api", tagged_target, ("--untag",)),
    Way(
        "associate shop/new --role storefront --create-service-account", nothing, (*EFFECT, "--create-service"), code=3
    ),
    Way("disassociate shop/orders --yes --wait api", healthy, again=True),
    Way("disassociate shop/orders --yes --restart", every_kind, (*EFFECT, "--restart"), code=8),
    Way(f"{WITH_ROLE_GONE} --wait api", after(WITH_ROLE, start=nothing), ("--delete-role",)),
    Way("copy --from-cluster blue --to-cluster demo", with_blue, EFFECT, again=True),
    Way("copy --from-cluster blue --to-cluster demo --update-trust --wait api", with_blue_narrow),
    Way("copy --from-cluster blue --to-cluster demo --map-role storefront=storefrunt", with_blue, code=5),
    Way(f"copy {FROM_BLUE} --wait api --map-role storefront=shop-orders --replace", with_blue_other),
    Way("copy --from-cluster blue --to-cluster demo --create-service-account", with_blue_new, CREATING),
    Way("copy --from-cluster blue --to-cluster demo", with_blue_new, EFFECT),
    Way("copy --from-cluster blue --to-cluster demo", with_blue_and_job, EFFECT),
    Way("copy --from-cluster blue --to-cluster demo", with_blue_same, EFFECT),
    Way("move shop/orders shop/cart --yes", with_open_identity, EFFECT, again=True),
    Way("move shop/cart shop/orders --yes", with_cart, EFFECT, again=True),
    Way("move shop/orders shop/cart --yes --update-trust --restart", every_kind, (*EFFECT, "--restart"), code=8),
    Way("move shop/cart shop/orders --yes --wait verified --restart", with_chained_cart, ALL_OF_MOVE, code=0),
    Way("move shop/orders shop/cart --yes --update-trust --remove-trust --wait api", healthy, again=True),
    Way("move shop/orders shop/cart --yes --update-trust --wait api", healthy, again=True),
    Way("move shop/orders shop/cart --yes --replace --wait api", with_both),
    Way("move shop/order shop/cart --yes", healthy, code=5),
    Way("move shop/orders shop/orderz --yes", with_open_identity, EFFECT, again=True),
    Way("move shop/orders shop/orderz --yes --create-service-account", with_open_identity, CREATING),
    Way("restart shop/orders --yes", every_kind, code=8),
    Way("restart shop/orders --yes --evict", on_delete, ("--evict",)),
    Way("restart -A --stale", healthy, ("--stale",)),
    Way("restart shop/orders", unserved, EFFECT, code=6),
    Way("restart shop/orders", without_agent, ("checking",), code=6),
    Way("restart shop/orders", healthy, ("checking",), again=True),
    Way("associate legacy/reports --role storefront", healthy, ("checking",), again=True),
    Way("disassociate shop/orders --yes", healthy, ("dry-run", "checking"), again=True),
    Way("uninstall-agent --yes", healthy, ("saying before",)),
    Way("restart shop/orders --stale", healthy, ("--stale",), again=True),
    Way("trust check --role shop-orders", healthy, ("--role",)),
    Way("trust check --role nosuch --for shop/orders", healthy, ("--role",), code=5),
    Way("trust add --role shop-orders --for shop/cart", healthy, ("--role",)),
    Way(f"trust remove {CART}", after(f"trust add {CART}"), ("--role",)),
    Way("trust add --role nosuch --for shop/cart", healthy, ("--role",), code=5),
    Way(
        "trust remove --role shop-orders --for shop/orders --yes", after(f"trust add {CART}"), ("--role", "saying what")
    ),
    Way("trust remove --role nosuch --for shop/cart", healthy, ("--role",), code=5),
    Way("trust tighten --role nosuch", healthy, ("--role",), code=5),
    Way("trust tighten --role shop-orders --yes", with_wide_role, ("--role",)),
    Way("associate", healthy, (*EFFECT, "asking"), answers=("shop", "orders", "storefront", "nothing", "no", "do")),
    Way("associate shop/orders --role r --cluster-tag a=b", healthy, ("--cluster-tag",), code=5),
    Way(
        "role create",
        healthy,
        ("asking",),
        answers=("shop", "orders", *NOTHING_YET, "demo-shop-orders", "nothing", "do"),
    ),
    Way(
        "disassociate --yes",
        healthy,
        ("seeing", "dry-run", "checking whether", "asking"),
        answers=("shop/orders", "no", "no"),
    ),
    Way("list", healthy),
    Way("list --cluster-tag a=b", healthy, ("--cluster-tag",), code=5),
    Way("list -n shpo", nothing, ("-n",), code=5),
    Way("show shop/zzz", nothing, code=5),
    Way("status shop/zzz", nothing, code=5),
    Way("status payments/billing-worker", nothing, code=5),
    Way("verify -n shpo --yes", nothing, code=5),
    Way("verify shop/zzz --yes", nothing, code=5),
    Way("restart -n shpo", nothing, ("saying",), code=5),
    Way("restart shop/zzz", nothing, ("saying",), code=5),
    Way("disassociate shop/zzz --yes", nothing, ("saying",), code=5),
    Way("list --pods", healthy, ("--pods",)),
    Way("list --stale", healthy, ("--pods",), again=True),
    Way("list --dangling", healthy, ("--dangling, column exists", "--dangling, column role-exists")),
    Way("list --columns role,exists", healthy, ("--dangling, column exists",), again=True),
    Way("list --columns role-exists", healthy, ("--dangling, column role-exists",), again=True),
    Way("list -n shop -o jsonl", healthy),
    Way("show shop/orders", healthy, again=True),
    Way("show shop/orders", chained),
    Way("show shop/orders --cloudtrail", healthy, ("--cloudtrail",)),
    Way("show shop/orders", with_attached),
    Way("show shop/order", healthy, code=5),
    Way("status", healthy),
    Way("status -n shop", healthy, again=True),
    Way("status shop/orders", chained),
    *(
        Way(line, start, optional)
        for line, optional in (("show shop/orders", ()), ("status", ()), ("list --columns status", ("column status",)))
        for start in (under_cilium, configured, self_managed, untold)
    ),
    Way("show shop/orders", with_everything),
    Way("status shop/orders", with_everything, code=3),
    Way("list --columns status", with_everything, ("column status",)),
    Way("verify shop/orders --yes", healthy, PROOF, again=True),
    Way("verify shop/orders --yes", healthy, code=9),
    Way("verify shop/orders --yes", chained, PROOF, again=True),
    Way("verify shop/orders --yes --probe", chained, (*PROOF, "--probe")),
    Way("verify shop/orders --yes --probe", without_account, (*PROOF, "--probe"), code=3),
    Way("verify shop/orders --yes --can dynamodb:GetItem", chained, PROOF, code=3, again=True),
    Way("verify shop/orders --yes --can s3:GetObject", conditional, (*PROOF, "--can: IAM", "--can: what"), code=3),
    Way("verify shop/order --yes", healthy, code=5),
    Way("verify -A --yes", healthy, code=9),
    Way("doctor", healthy),
    Way("doctor", under_cilium),
    Way("doctor --me", healthy),
    Way("bundle --yes --force", under_cilium),
    Way("bundle --yes --force", configured),
    Way("bundle --yes --force", self_managed),
    Way("bundle --yes --force", untold),
    Way("doctor", configured),
    Way("doctor --logs", healthy, ("--logs",)),
    Way("doctor --cloudtrail", healthy, ("--cloudtrail",)),
    Way("doctor --verify --yes", healthy, ("--verify",)),
    Way("doctor shop/orders --probe --yes", healthy, ("--probe",)),
    Way("doctor", with_everything, code=3),
    Way("bundle --yes --force", with_everything),
    Way("doctor shop/orders", healthy, again=True),
    Way("doctor", self_managed),
    Way("doctor", untold),
    Way("agent status", healthy, again=True),
    Way("agent status", self_managed),
    Way("agent status", untold),
    Way("agent status", of_a_class),
    Way("agent nodes", healthy),
    Way("agent versions", healthy),
    Way("agent logs", healthy),
    Way("agent logs --raw", healthy, again=True),
    Way("role show shop-orders", healthy),
    Way("role show shop-order", healthy, code=5),
    Way("role show storefront", healthy),
    Way("role list", healthy),
    Way("role list", after("role create r --for shop/orders --preset s3-read,bucket=reports"), ("seeing which",)),
    Way("role list --unused", healthy, again=True),
    Way("whoami", healthy),
    Way("undo last --yes", after(*CREATED), again=True),
    Way("undo NEWEST --yes", after(*CREATED, *UNDONE)),
    Way(
        "undo last --yes --wait verified",
        after("associate shop/orders --role storefront --replace --update-trust --wait api", start=chained),
        (*EFFECT, "--wait verified"),
    ),
    Way("undo last --yes", after("associate shop/orders --role storefront --replace --tag x=y --wait api")),
    Way(
        "undo last --yes --restart",
        after("associate shop/orders --role storefront --replace --wait api", start=every_kind),
        (*EFFECT, "--restart"),
        code=8,
    ),
    Way("undo last --yes", after("disassociate shop/orders --yes --wait api"), again=True),
    Way(
        "undo NEWEST --yes",
        after("associate shop/orders --role storefront --wait api", *UNDONE, start=nothing),
        EFFECT,
        code=3,
    ),
    Way("undo last --yes", after(ROLE)),
    Way("undo NEWEST --yes", after(ROLE, *UNDONE), again=True),
    Way("undo last --yes", after(ROLE, SETTINGS), answers=(True,)),
    Way("undo NEWEST --yes", settings_undone),
    Way("undo last --yes", after(ADOPTED, start=with_narrow_role)),
    Way("undo NEWEST --yes", after(ADOPTED, *UNDONE, start=with_narrow_role), again=True),
    Way("undo last --yes", after("install-agent", start=nothing)),
    Way("undo last --yes", after(f"{EBS} --role storefront --wait api", start=nothing)),
    Way("undo last --yes", after("install-agent --addon-version latest")),
    Way("undo NEWEST --yes", after("install-agent", *UNDONE, start=nothing)),
    Way("undo last --yes", after(WITH_ACCOUNT), ("undoing --create",)),
    Way("undo NEWEST --yes", after(WITH_ACCOUNT, *UNDONE), ("undoing --create",)),
)


@pytest.fixture(autouse=True)
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("POLICY").write_text(json.dumps(POLICY))


def granted(permissions: Any, reasons: tuple[str, ...]) -> tuple[Json, list[Json]]:
    """The policy and the manifests that --show-permissions printed, with those of the optional ones; Roles for shop."""
    chosen = [item for item in permissions["optional"] if item["for"].startswith(reasons)] if reasons else []
    assert len(chosen) == len(reasons)
    statements = [s for each in (permissions, *chosen) if each["iamPolicy"] for s in each["iamPolicy"]["Statement"]]
    manifests = [manifest for each in (permissions, *chosen) for manifest in each["kubernetes"]["items"]]
    for manifest in manifests:
        if manifest["kind"] == "Role":
            manifest["metadata"]["namespace"] = "shop"
    return {"Version": "2012-10-17", "Statement": statements}, manifests


@cache
def printed_by(command: str) -> str:
    """Nobody is asked for it, so it is the same everywhere."""
    outcome = Podid()(*command.split(), "--show-permissions", "-o", "json")
    assert outcome.code == 0, outcome
    return outcome.stdout


def carried_through(way: Way, directory: Path) -> Permissions:
    """What the way asks for, as a caller with just the rights that are printed for it."""
    directory.mkdir()
    with whole_site(directory) as site:
        way.start(site)
        policy, manifests = granted(json.loads(printed_by(way.command)), way.optional)
        caller = limited(site.box, directory, policy, manifests)
        for run in (directory / "state").rglob("*.jsonl"):  # a run is undone by who made it
            run.write_text(run.read_text().replace("user/podid-admin", "user/limited"))
        line = way.line
        if "NEWEST" in line:
            line = line.replace("NEWEST", site.must("history", "-o", "json").json["items"][0]["runId"])
        site.podid.tty, site.podid.answers = bool(way.answers), Answers(*way.answers)
        with asked_for() as asked:
            outcome = site(*line.split(), env=caller)
        assert outcome.code == way.code, (way, outcome)
        return Permissions(tuple(asked.iam), tuple(asked.kubernetes))


@pytest.mark.rare
@pytest.mark.parametrize("way", [way for way in WAYS if way.again], ids=lambda way: f"{way.line}, {way.start.__name__}")
def test_the_printed_permissions_suffice_for_the_other_ways(way: Way, tmp_path: Path) -> None:
    permissions = SHOWING[way.command].all_permissions()
    printed = permissions.always
    for item in permissions.optional:
        printed |= item.permissions
    found = carried_through(way, tmp_path / "site")
    assert set(found.iam) <= set(printed.iam)
    assert set(found.kubernetes) <= set(printed.kubernetes)


# each way is a world and up to four commands: of most commands every fourth way is run, of these every eighth; all of
# them, and that nothing is printed beyond them, under `make fuzz`
MANY = ("associate", "doctor", "install-agent", "role create", "undo")


def ways_of(command: str) -> list[Way]:
    return [way for way in WAYS if way.command == command and not way.again]


EVERY = {command: 8 if command in MANY else 4 if len(ways_of(command)) > 2 else 1 for command in SHOWING}


@pytest.mark.parametrize(
    ("command", "every"),
    [*EVERY.items(), *(pytest.param(command, 1, marks=pytest.mark.rare) for command in EVERY if EVERY[command] > 1)],
)
def test_the_printed_permissions_suffice_and_are_those_that_are_asked_for(
    command: str, every: int, tmp_path: Path
) -> None:
    needed = SHOWING[command].all_permissions()
    printed = needed.always
    for item in needed.optional:
        printed |= item.permissions
    asked = Permissions()
    ways = ways_of(command)[::every]
    assert ways, f"WAYS wants a line of podid {command}"
    for number, way in enumerate(ways):
        found = carried_through(way, tmp_path / str(number))
        assert set(found.iam) <= set(printed.iam), way
        assert set(found.kubernetes) <= set(printed.kubernetes), way
        asked |= found
    if every > 1:
        return
    # what a change is judged by before and after it is what the doctor reads; associate's ways ask for all of that
    judging = (
        AHEAD | permissions.DRY_RUNS.permissions | permissions.TOKENS.permissions | permissions.SESSIONS.permissions
    )
    assert set(printed.iam) - set(asked.iam) <= CHOOSING | set(judging.iam)
    assert set(printed.kubernetes) - set(asked.kubernetes) <= set(judging.kubernetes)


def test_choosing_a_cluster_is_among_the_permissions_of_all(site: Site, tmp_path: Path) -> None:
    caller = limited(site.box, tmp_path, allow(*CHOOSING, "eks:ListPodIdentityAssociations"))
    with asked_for() as asked:
        outcome = site("list", "--expect-account", ACCOUNT, env=caller, without=("PODID_CLUSTER", "KUBECONFIG"))
    assert outcome.code == 0, outcome
    assert asked.iam == {*CHOOSING, "eks:ListPodIdentityAssociations"}


@pytest.mark.parametrize(
    "chosen", ["--check agent-not-installed", "--link trust", "--link trust deploy/orders -n shop"]
)
def test_a_part_of_the_checks_takes_a_part_of_the_permissions(healthy: Site, tmp_path: Path, chosen: str) -> None:
    """Fewer than all of them take, and they suffice."""
    line = ("doctor", *chosen.split())
    everything, _ = granted(json.loads(printed_by("doctor")), ())
    policy, manifests = granted(healthy.must(*line, "--show-permissions", "-o", "json").json, ())
    assert len(str(policy)) < len(str(everything)) / 2
    outcome = healthy(*line, env=limited(healthy.box, tmp_path, policy, manifests))
    assert outcome.code == 0, outcome
