"""Link 6: agents of a wrong kind, version or configuration, and what looks like one and works."""

from typing import Any

import pytest

from harness import table
from podid.domain.aws import AddonVersion, UpgradeInsight
from podid.domain.cluster import Container, Placement

from .builder import addon, agent_pod, ago, cluster, daemon_set, healthy, node
from .grid import DENIED, answers, only, verdicts

COMPUTE = "eks.amazonaws.com/compute-type"
CLOUD = daemon_set(placement=Placement(selector={COMPUTE: "ec2"}))
HYBRID_SET = daemon_set(name="eks-pod-identity-agent-hybrid", placement=Placement(selector={COMPUTE: "hybrid"}))


def hybrid(**changes: Any) -> Any:
    return node(compute_type="hybrid", labels={COMPUTE: "hybrid"}, **changes)


@table(
    ("sections", "expected"),
    [
        ({}, ("fail", "error")),
        ({"associations": ()}, ("fail", "info")),
        ({"pods": ()}, ("fail", "info")),
        ({"daemon_sets": (CLOUD, HYBRID_SET)}, ("pass", "error")),
        # one that goes everywhere
        ({"daemon_sets": (daemon_set(),)}, ("pass", "error")),
        ({"agent_pods": (agent_pod(),)}, ("pass", "error")),
        ({"nodes": (hybrid(ready=False),)}, ("not-applicable", "error")),
        ({"nodes": (hybrid(created_at=ago(seconds=30)),)}, ("not-applicable", "error")),
    ],
)
def test_hybrid_nodes(sections: dict[str, Any], expected: tuple[str, str]) -> None:
    values = {"nodes": (hybrid(),), "daemon_sets": (CLOUD,), "agent_pods": (), **sections}
    assert [answer[:2] for answer in answers("hybrid-daemonset-missing", healthy(**values))] == [expected]


def test_windows_and_plain_nodes_are_not_hybrid() -> None:
    assert verdicts("hybrid-daemonset-missing", healthy(nodes=(node(), hybrid(os="windows")))) == ()


@pytest.mark.parametrize(("label", "kind"), [("x", "hybrid"), ("os.bottlerocket.aws/version", "hybrid-bottlerocket")])
def test_the_switch_of_the_addon(label: str, kind: str) -> None:
    machine = node(compute_type="hybrid", labels={COMPUTE: "hybrid", label: ""})
    broken = {"nodes": (machine,), "daemon_sets": (CLOUD,), "agent_pods": ()}
    fix = only("hybrid-daemonset-missing", healthy(**broken)).fix
    assert fix is not None
    assert fix.commands[0][:4] == ("podid", "install-agent", "--config", f"daemonsets.{kind}.create=true")
    own = only("hybrid-daemonset-missing", healthy(**broken, agent_addon=None)).fix
    assert own is not None
    assert own.commands == ()


@table(
    ("changes", "expected"),
    [
        ({}, "pass"),
        ({"args": ("--cluster-name=prod",)}, "pass"),
        ({"args": ("--cluster-name", "EKS_CLUSTER_NAME")}, "fail"),
        ({"args": ("--cluster-name=staging", "--probe-port", "2703")}, "fail"),
        ({"args": (), "command": ("eks-pod-identity-agent", "server", "--cluster-name", "staging")}, "fail"),
        # what the kubelet fills in
        ({"args": ("--cluster-name", "$(CLUSTER)"), "env": {"AWS_REGION": "$(REGION)"}}, "pass"),
        ({"args": ("--cluster-name",)}, "pass"),
        ({"args": ("exec agent server --cluster-name staging",), "command": ("sh", "-c")}, "fail"),
        ({"args": ("exec agent server --cluster-name 'prod' --port 80",), "command": ("sh", "-c")}, "pass"),
        ({"args": ('exec agent server --cluster-name "$CLUSTER"',), "command": ("sh", "-c")}, "pass"),
        ({"env": {"AWS_REGION": "eu-west-1"}}, "pass"),
        ({"env": {"AWS_REGION": ""}}, "pass"),
        ({"env": {"AWS_REGION": "AWS_REGION_NAME"}}, "fail"),
        ({"env": {"AWS_REGION": "us-west-2"}, "args": ("--endpoint", "https://eks-auth.example")}, "pass"),
        ({"env": {"AWS_REGION": "us-west-2"}, "command": ("agent", "--endpoint=https://eks-auth.example")}, "pass"),
    ],
)
def test_cluster_and_region_of_the_agent(changes: dict[str, Any], expected: str) -> None:
    found = answers("self-managed-cluster-name-wrong", healthy(daemon_sets=(daemon_set(**changes),)))
    assert [answer[0] for answer in found] == [expected]


@pytest.mark.parametrize(
    ("sections", "severity"),
    [({}, "error"), ({"agent_pods": ()}, "warn"), ({"pods": ()}, "warn"), ({"associations": ()}, "info")],
)
def test_a_wrong_name_counts_where_an_associated_pod_meets_it(sections: dict[str, Any], severity: str) -> None:
    wrong = daemon_set(args=("--cluster-name", "staging"))
    (answer,) = answers("self-managed-cluster-name-wrong", healthy(daemon_sets=(wrong,), **sections))
    assert answer == ("fail", severity, "DaemonSet kube-system/eks-pod-identity-agent")


@table(
    ("sections", "expected"),
    [
        ({}, ("not-applicable", "warn")),
        ({"cluster": cluster(auto_mode=True), "nodes": (node(compute_type="auto"),)}, ("fail", "info")),
        (
            {
                "cluster": cluster(auto_mode=True),
                "nodes": (node(compute_type="auto"), node("w", os="windows")),
                "agent_addon": addon(version="v1.3.2-eksbuild.2"),
            },
            ("fail", "warn"),
        ),
        ({"cluster": cluster(auto_mode=True), "nodes": (node(compute_type="auto"), node("b"))}, ("pass", "warn")),
        (
            {"cluster": cluster(auto_mode=True), "nodes": (node(compute_type="auto"), hybrid(name="h"))},
            ("pass", "warn"),
        ),
        ({"cluster": cluster(auto_mode=True), "nodes": ()}, ("not-applicable", "warn")),
        ({"cluster": cluster(auto_mode=True), "nodes": (node(compute_type="fargate"),)}, ("not-applicable", "warn")),
        (
            {
                "cluster": cluster(auto_mode=True),
                "nodes": (node(compute_type="auto"),),
                "agent_addon": None,
                "daemon_sets": (),
            },
            ("pass", "warn"),
        ),
    ],
)
def test_an_agent_beside_the_one_built_in(sections: dict[str, Any], expected: tuple[str, str]) -> None:
    assert [answer[:2] for answer in answers("auto-mode-redundant-addon", healthy(**sections))] == [expected]


@table(
    ("version", "nodes", "expected"),
    [
        ("v1.1.0-eksbuild.1", (node(),), "fail"),
        ("v1.2.0-eksbuild.1", (node(),), "pass"),
        ("v1.3.2-eksbuild.2", (node(),), "pass"),
        ("v1.3.2-eksbuild.2", (node(), hybrid(name="h")), "fail"),
        ("v1.3.3-eksbuild.1", (node(), hybrid(name="h")), "pass"),
        ("v1.3.3-eksbuild.1", (node(), node("a", compute_type="auto")), "fail"),
        ("v1.3.4-eksbuild.1", (node(), node("a", compute_type="auto")), "pass"),
        ("something else", (node(),), "not-applicable"),
    ],
)
def test_versions_with_known_faults(version: str, nodes: Any, expected: str) -> None:
    snapshot = healthy(agent_addon=addon(version=version), nodes=nodes, agent_versions=())
    assert [answer[0] for answer in answers("agent-outdated", snapshot)] == [expected]


@pytest.mark.parametrize(
    ("version", "offered", "expected"),
    [
        ("v1.3.8-eksbuild.2", ["v1.3.10-eksbuild.1", "v1.3.8-eksbuild.2"], [("fail", "info")]),
        ("v1.3.8-eksbuild.2", ["v1.3.8-eksbuild.2", "v1.3.10-eksbuild.1"], [("pass", "warn")]),
        ("v1.3.10-eksbuild.1", ["v1.3.8-eksbuild.2", "v1.3.10-eksbuild.1"], [("pass", "warn")]),
        ("v1.3.8-eksbuild.2", [], [("pass", "warn")]),
    ],
)
def test_a_version_that_is_only_old_is_a_note(version: str, offered: list[str], expected: Any) -> None:
    """The first one is EKS's default, wherever the others stand."""
    offer = tuple(AddonVersion(version=each, default=each == offered[0]) for each in offered)
    for versions in (offer, offer[::-1]):
        snapshot = healthy(agent_addon=addon(version=version), agent_versions=versions)
        assert [answer[:2] for answer in answers("agent-outdated", snapshot)] == expected


def test_without_the_permission_to_list_versions_only_the_known_faults_are_told() -> None:
    new = healthy(agent_versions=DENIED)
    old = healthy(agent_versions=DENIED, agent_addon=addon(version="v1.1.0-eksbuild.1"))
    assert [answers("agent-outdated", each)[0][0] for each in (new, old)] == ["unknown", "fail"]


@table(
    ("image", "expected"),
    [
        ("public.ecr.aws/eks/eks-pod-identity-agent:v0.1.32", "fail"),
        ("r.example/eks-pod-identity-agent:0.1.33-distroless", "fail"),
        ("r.example/eks-pod-identity-agent:v0.1.33@sha256:ab", "fail"),
        ("r.example/eks-pod-identity-agent:v0.1.34", "pass"),
        ("r.example/eks-pod-identity-agent:v0.1.321", "pass"),
        ("r.example/eks-pod-identity-agent:latest", "not-applicable"),
        ("r.example/mirror:v0.1.32", "not-applicable"),
    ],
)
def test_versions_of_a_self_managed_agent(image: str, expected: str) -> None:
    snapshot = healthy(agent_addon=None, daemon_sets=(daemon_set(images=(image,)),))
    assert [answer[0] for answer in answers("agent-outdated", snapshot)] == [expected]


def unpulled(reason: str, **changes: Any) -> Any:
    image = "602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/eks-pod-identity-agent:v0.1.37"
    return agent_pod(
        **{"ready": False, "containers": (Container(name="agent", image=image, waiting=reason),), **changes}
    )


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"])
def test_an_image_that_cannot_be_pulled_is_told_once(reason: str) -> None:
    snapshot = healthy(agent_pods=(unpulled(reason),))
    verdict = only("agent-image-pull", snapshot)
    assert (verdict.outcome.value, verdict.severity.value, verdict.chain) == ("fail", "error", ("shop/orders",))
    assert verdict.evidence[-1] == "region of the image: us-west-2, of the cluster: eu-west-1"
    assert only("agent-pod-unhealthy", snapshot).outcome.value == "not-applicable"


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"agent_pods": (unpulled("CrashLoopBackOff"),)}, ("pass", "error")),
        # it runs: a second container's image is no matter of the agent's
        ({"agent_pods": (unpulled("ErrImagePull", ready=True),)}, ("pass", "error")),
        ({"agent_pods": (unpulled("ErrImagePull", deleting=True),)}, ("not-applicable", "error")),
        ({"agent_pods": (unpulled("ErrImagePull"),), "nodes": (node(ready=False),)}, ("not-applicable", "error")),
        ({"agent_pods": (unpulled("ErrImagePull"),), "associations": ()}, ("fail", "info")),
    ],
)
def test_images(sections: dict[str, Any], expected: tuple[str, str]) -> None:
    assert [answer[:2] for answer in answers("agent-image-pull", healthy(**sections))] == [expected]


@pytest.mark.parametrize(("partition", "expected"), [("aws", "pass"), ("aws-us-gov", "pass"), ("aws-iso-b", "unknown")])
def test_partitions_that_the_sdk_knows_no_eks_auth_in(partition: str, expected: str) -> None:
    where = cluster(arn=f"arn:{partition}:eks:us-west-2:111122223333:cluster/prod")
    assert [answer[0] for answer in answers("unsupported-cluster-kind", healthy(cluster=where))] == [expected]


def insight(name: str, *versions: str, kubernetes: str = "1.36") -> UpgradeInsight:
    return UpgradeInsight(
        name="add-on versions", kubernetes_version=kubernetes, status="ERROR", addons={name: versions}
    )


@table(
    ("sections", "expected"),
    [
        ({}, "pass"),
        # EKS does not offer the next Kubernetes version yet
        ({"agent_next_versions": ()}, "pass"),
        ({"agent_next_versions": (AddonVersion(version="v1.4.0-eksbuild.1", default=True),)}, "fail"),
        ({"agent_next_versions": DENIED}, "unknown"),
        ({"upgrade_insights": DENIED}, "unknown"),
        ({"upgrade_insights": (insight("eks-pod-identity-agent", "v1.4.0-eksbuild.1"),)}, "fail"),
        ({"upgrade_insights": (insight("eks-pod-identity-agent"),)}, "fail"),
        ({"upgrade_insights": (insight("eks-pod-identity-agent", addon().version),)}, "pass"),
        ({"upgrade_insights": (insight("coredns", "v1.4.0-eksbuild.1"),)}, "pass"),
        # about an upgrade that comes later
        ({"upgrade_insights": (insight("eks-pod-identity-agent", "v1.4.0", kubernetes="1.39"),)}, "pass"),
        # what is known suffices
        (
            {"agent_next_versions": DENIED, "upgrade_insights": (insight("eks-pod-identity-agent", "v1.4.0"),)},
            "fail",
        ),
    ],
)
def test_addons_and_the_next_kubernetes_version(sections: dict[str, Any], expected: str) -> None:
    snapshot = healthy(**sections, cluster=cluster(version="1.35"))
    assert [answer[0] for answer in answers("addon-blocks-upgrade", snapshot)] == [expected]


def test_the_command_names_a_version_for_both_kubernetes_versions() -> None:
    offered = tuple(AddonVersion(version=f"v1.{n}.0-eksbuild.1", default=False) for n in (9, 10, 11))
    snapshot = healthy(agent_versions=offered[:2], agent_next_versions=offered)
    verdict = only("addon-blocks-upgrade", snapshot)
    assert verdict.fix is not None
    assert verdict.fix.commands[0][:4] == ("podid", "install-agent", "--addon-version", "v1.10.0-eksbuild.1")
