"""Injected fields and opt-outs of pods, the agent's DaemonSet, the webhook's registration, and the nodes on which a
daemon pod is scheduled."""

from collections.abc import Mapping
from typing import Any

from domain.values import container, daemon_set, node, pod
from harness import table
from podid.domain import workloads
from podid.domain.cluster import OwnerRef, Placement, Requirement, Taint, Toleration
from podid.domain.findings import Subject
from podid.domain.names import ServiceAccountRef
from podid.domain.network import Selector
from podid.domain.workloads import DEFAULT_CONTAINER, INJECTED_ENV, NAMESPACE_NAME, TOKEN_VOLUME, WebhookRegistration

ENV = dict.fromkeys(INJECTED_ENV, "x")
INJECTED = {"volumes": (TOKEN_VOLUME,), "containers": (container(env=ENV), container("proxy", env=ENV))}
SIDECAR_WITHOUT = {"volumes": (TOKEN_VOLUME,), "containers": (container(env=ENV), container("proxy"))}


@table(
    ("changes", "complete", "missing"),
    [
        ({}, False, ("app",)),
        (INJECTED, True, ()),
        (SIDECAR_WITHOUT, False, ("proxy",)),
        (SIDECAR_WITHOUT | {"annotations": {workloads.SKIP_CONTAINERS: "x, proxy"}}, True, ()),
        ({"labels": {workloads.SKIP_POD: ""}}, False, ()),
        ({"annotations": {workloads.MIRROR_POD: ""}}, False, ()),
    ],
)
def test_containers_without_the_injected_variables(
    changes: dict[str, Any], complete: bool, missing: tuple[str, ...]
) -> None:
    assert workloads.is_injected(pod(**changes)) is complete
    assert workloads.missing_containers(pod(**changes)) == missing


def test_pods_that_the_webhook_skips() -> None:
    assert not workloads.opted_out(pod())
    assert workloads.opted_out(pod(labels={workloads.SKIP_POD: ""}))
    assert workloads.opted_out(pod(annotations={workloads.SKIP_CONTAINERS: "app"}))


@table(
    ("changes", "is_live"),
    [({}, True), ({"phase": "Pending"}, True), ({"phase": "Succeeded"}, False), ({"deleting": True}, False)],
)
def test_pods_that_need_credentials(changes: dict[str, Any], is_live: bool) -> None:
    assert workloads.live(pod(**changes)) is is_live


def test_nodes_that_cover_all_service_accounts_come_first() -> None:
    a, b, c = (ServiceAccountRef("shop", name) for name in "abc")
    assert workloads.covering({"n1": {a}, "n2": {a, b}, "n3": {b, c}, "n4": set()}) == ["n2", "n3", "n1", "n4"]
    pods = [
        pod(**INJECTED, node="n1"),
        pod(**INJECTED, node="n2", service_account="cart"),
        pod(**INJECTED, node="n2", phase="Failed"),
        pod(**INJECTED, node=""),
        pod(node="n3"),
    ]
    users = workloads.users_of_nodes(pods)
    assert {name: {ref.name for ref in refs} for name, refs in users.items()} == {"n1": {"orders"}, "n2": {"cart"}}


@table(
    ("names", "annotations", "expected"),
    [
        (("app", "istio-proxy"), {}, ["app"]),
        (("app", "istio-proxy"), {DEFAULT_CONTAINER: "istio-proxy"}, ["istio-proxy"]),
        (("app", "istio-proxy"), {DEFAULT_CONTAINER: "none"}, ["app"]),
        (("istio-proxy",), {}, ["istio-proxy"]),
        (("a", "b"), {}, ["a", "b"]),
    ],
)
def test_main_containers(names: tuple[str, ...], annotations: Mapping[str, str], expected: list[str]) -> None:
    containers = (container("setup", init=True), *map(container, names))
    main = workloads.main_containers(pod(containers=containers, annotations=annotations))
    assert [item.name for item in main] == expected


@table(
    ("owner", "labels", "subject", "template"),
    [
        (None, {}, Subject("Pod", "orders-1", "shop"), ""),
        (
            OwnerRef("ReplicaSet", "orders-7d4", "u"),
            {"pod-template-hash": "7d4"},
            Subject("Deployment", "orders", "shop"),
            "7d4",
        ),
        (
            OwnerRef("ReplicaSet", "orders-7d4", "u"),
            {"rollouts-pod-template-hash": "7d4"},
            Subject("Rollout", "orders", "shop"),
            "u",
        ),
        (OwnerRef("ReplicaSet", "orders-7d4", "u"), {}, Subject("ReplicaSet", "orders-7d4", "shop"), "u"),
        (
            OwnerRef("DaemonSet", "log", "u"),
            {"controller-revision-hash": "5"},
            Subject("DaemonSet", "log", "shop"),
            "5",
        ),
    ],
)
def test_the_workload_of_a_pod(owner: OwnerRef | None, labels: dict[str, str], subject: Subject, template: str) -> None:
    item = pod(owner=owner, labels=labels)
    assert (workloads.workload_subject(item), workloads.template_of(item)) == (subject, template)


@table(
    ("path", "injected"),
    [
        ("/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token", True),
        (r"C:\var\run\secrets\pods.eks.amazonaws.com\serviceaccount\eks-pod-identity-token", True),
        ("/var/run/secrets/eks.amazonaws.com/serviceaccount/token", False),
    ],
)
def test_the_path_of_the_injected_token(path: str, injected: bool) -> None:
    assert workloads.is_injected_path(path) is injected


def test_pods_on_fargate_and_windows() -> None:
    nodes = {"node-1": node(compute_type="fargate"), "node-2": node(os="windows")}
    assert [workloads.on_fargate(pod(node=name), nodes) for name in ("node-1", "node-2", "fargate-ip-1")] == [
        True,
        False,
        True,
    ]
    assert workloads.on_fargate(pod(labels={workloads.FARGATE_LABEL: "p"}), {})
    assert [workloads.on_windows(pod(node=name), nodes) for name in ("node-1", "node-2", "x")] == [False, True, False]


# --- the agent --------------------------------------------------------------------------------------------------------


@table(
    ("changes", "runs"),
    [
        ({}, False),
        ({"name": "eks-pod-identity-agent-hybrid"}, True),
        ({"images": ("registry/eks/eks-pod-identity-agent:v1",)}, True),
        ({"command": ("sh", "-c", "exec agent --cluster-name demo --probe-port=2703")}, True),
        ({"command": ("/agent", "server", "--cluster-name=prod", "--probe-port=2703")}, True),
        ({"args": ("server", "--cluster-name", "prod", "--probe-port", "2703")}, True),
        ({"args": ("--cluster-name", "demo")}, False),
        ({"args": ("--cluster-name", "demo"), "command": ("/cluster-autoscaler",)}, False),
    ],
)
def test_daemon_sets_of_the_agent(changes: dict[str, Any], runs: bool) -> None:
    assert workloads.is_agent(daemon_set(**changes)) is runs


def test_a_daemon_set_that_eks_created() -> None:
    named = daemon_set(name="eks-pod-identity-agent")
    assert workloads.of_the_addon(named)
    assert workloads.of_the_addon(daemon_set(name="eks-pod-identity-agent", set_by={"eks": ()}))
    assert not workloads.of_the_addon(daemon_set(name="eks-pod-identity-agent", set_by={"helm": ()}))
    assert not workloads.of_the_addon(daemon_set(name="eks-pod-identity-agent", namespace="other"))


@table(
    ("changes", "engine"),
    [
        ({}, ""),
        ({"labels": {"k8s-app": "cilium"}}, "Cilium"),
        ({"name": "calico-node"}, "Calico"),
        ({"name": "aws-node"}, ""),
        ({"name": "aws-node", "args": ("--enable-network-policy=true",)}, "the VPC CNI"),
        ({"name": "aws-node", "args": ("--enable-network-policy=True",)}, "the VPC CNI"),
        ({"name": "aws-node", "args": ("--enable-network-policy",)}, "the VPC CNI"),
        ({"name": "aws-node", "args": ("--enable-network-policy=false",)}, ""),
    ],
)
def test_the_product_that_enforces_network_policies(changes: dict[str, Any], engine: str) -> None:
    assert workloads.policy_engine((daemon_set(**changes),)) == engine


def test_pods_of_a_daemon_set() -> None:
    agent = daemon_set(name="agent", selector={"app": "agent"})
    owned = pod(namespace="kube-system", owner=OwnerRef("DaemonSet", "agent"))
    other = pod(namespace="kube-system", owner=OwnerRef("DaemonSet", "log"), labels={"app": "agent"})
    alone = pod(namespace="kube-system", labels={"app": "agent", "x": "y"})
    pods = (owned, other, alone, pod(labels={"app": "agent"}))
    assert workloads.pods_of((agent,), pods) == (owned, alone)
    # a selector of expressions only is read as empty, and selects no pod
    assert workloads.pods_of((daemon_set(name="agent", selector={}),), (alone,)) == ()


# --- admission --------------------------------------------------------------------------------------------------------


def test_selectors_that_exclude_a_pod_from_the_webhook() -> None:
    opted_out = Requirement("skip", "DoesNotExist")
    webhook = WebhookRegistration(objects=Selector(requirements=(opted_out,)))
    assert webhook.excluding_selector("shop", {"skip": ""}) == "its objectSelector"
    assert webhook.excluding_selector("shop", {}) == ""
    not_system = Requirement(NAMESPACE_NAME, "NotIn", ("kube-system",))
    webhook = WebhookRegistration(namespaces=Selector({"team": "x"}, (not_system,)))
    assert webhook.excluding_selector("kube-system", {}) == "its namespaceSelector"
    # the other labels of the namespace are not known
    assert webhook.excluding_selector("shop", {}) == ""


@table(
    ("changes", "differences"),
    [
        ({"url": "https://127.0.0.1:23443/mutate"}, 0),
        ({"url": "https://[::1]:23443/mutate", "versions": ("v1", "v1beta1")}, 0),
        ({}, 1),
        ({"url": "https://webhook.example/mutate"}, 1),
        ({"url": "https://127.0.0.1:23443/mutate", "conditions": True}, 1),
        ({"versions": ("v1",), "namespaces": Selector({"a": "b"})}, 3),
    ],
)
def test_differences_from_the_registration_of_eks(changes: dict[str, Any], differences: int) -> None:
    assert len(WebhookRegistration(**changes).differences()) == differences


def test_pod_security_levels_that_reject_the_agent() -> None:
    assert [bool(workloads.why_agent_refused("kube-system", level)) for level in ("privileged", "baseline", "")] == [
        False,
        True,
        False,
    ]
    warnings = ["pods is forbidden: violates PodSecurity", "admission webhook x denied the request", "image not found"]
    assert workloads.refusals(warnings) == warnings[:2]


# --- placement --------------------------------------------------------------------------------------------------------

GPU = Taint("gpu", "yes", "NoSchedule")
NODE = node(labels={"zone": "a"}, taints=(GPU,))
TOLERATED = (Toleration("gpu", "Exists"),)


@table(
    ("placement", "why"),
    [
        (Placement(tolerations=TOLERATED), ""),
        (Placement(tolerations=(Toleration(operator="Exists"),)), ""),
        (Placement(tolerations=(Toleration("gpu", "Equal", "yes", "NoSchedule"),)), ""),
        (Placement(), "the taint gpu=yes:NoSchedule is not tolerated"),
        (Placement(tolerations=(Toleration("gpu", "Equal", "no"),)), "the taint gpu=yes:NoSchedule is not tolerated"),
        (Placement(tolerations=(Toleration("gpu", "Exists", effect="NoExecute"),)), "the taint gpu=yes:NoSchedule is"),
        (Placement({"zone": "b"}, tolerations=TOLERATED), "the nodeSelector requires zone=b"),
        (Placement(terms=((Requirement("zone", "In", ("b",)),),)), "the affinity requires zone In b"),
        (
            Placement(terms=((Requirement("metadata.name", "In", ("x",), of_name=True),),)),
            "the affinity requires the node's name In x",
        ),
        (Placement(terms=((Requirement("zone", "In", ("b",)),), (Requirement("zone", "Exists"),))), "the taint"),
        (Placement(terms=()), "the affinity matches no node"),
    ],
)
def test_why_a_daemon_pod_is_not_scheduled_on_a_node(placement: Placement, why: str) -> None:
    reason = workloads.why_not_here(NODE, placement)
    assert reason.startswith(why) if why else reason == ""


def test_daemon_pods_tolerate_a_node_that_is_not_ready() -> None:
    taints = (Taint("node.kubernetes.io/not-ready", effect="NoExecute"), Taint("x", effect="PreferNoSchedule"))
    assert workloads.why_not_here(node(taints=taints), Placement()) == ""


def test_the_reason_against_all_daemon_pods() -> None:
    assert workloads.why_none_here(NODE, []) == ""
    assert workloads.why_none_here(NODE, [Placement(), Placement(tolerations=TOLERATED)]) == ""
    both = [Placement({"zone": "b"}), Placement()]
    assert workloads.why_none_here(NODE, both) == "the nodeSelector requires zone=b"


def test_the_placement_of_a_pod_spec() -> None:
    expression = {"key": "zone", "operator": "In", "values": ["a"]}
    field = {"key": "metadata.name", "operator": "In", "values": ["n"]}
    term = {"matchExpressions": [expression], "matchFields": [field]}
    spec = {
        "nodeSelector": {"os": "linux"},
        "affinity": {"nodeAffinity": {workloads._REQUIRED: {"nodeSelectorTerms": [term]}}},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
    }
    assert workloads.of_spec(spec) == Placement(
        {"os": "linux"},
        ((Requirement("zone", "In", ("a",)), Requirement("metadata.name", "In", ("n",), of_name=True)),),
        (Toleration("gpu", "Exists"),),
    )
    assert workloads.of_spec({}) == Placement()
