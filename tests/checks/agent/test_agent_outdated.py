from typing import Any

import pytest

from checks.builder import DENIED, addon, daemon_set, healthy, hybrid_node, node
from checks.grid import answers, only
from harness import table
from podid.domain.aws import AddonVersion

ID = "agent-outdated"
FAILS = healthy(agent_addon=addon(version="v1.1.0-eksbuild.1"))
UNKNOWN = healthy(agent_addon=DENIED)
FINDINGS = [("fail", "warn", "Addon eks-pod-identity-agent")]
UNKNOWNS = [("unknown", "warn", "Cluster prod")]


@table(
    ("version", "nodes", "expected"),
    [
        ("v1.1.0-eksbuild.1", (node(),), "fail"),
        ("v1.2.0-eksbuild.1", (node(),), "pass"),
        ("v1.3.2-eksbuild.2", (node(),), "pass"),
        ("v1.3.2-eksbuild.2", (node(), hybrid_node(name="h")), "fail"),
        ("v1.3.3-eksbuild.1", (node(), hybrid_node(name="h")), "pass"),
        ("v1.3.3-eksbuild.1", (node(), node("a", compute_type="auto")), "fail"),
        ("v1.3.4-eksbuild.1", (node(), node("a", compute_type="auto")), "pass"),
        ("something else", (node(),), "not-applicable"),
    ],
)
def test_versions_with_known_defects(version: str, nodes: Any, expected: str) -> None:
    snapshot = healthy(agent_addon=addon(version=version), nodes=nodes, agent_versions=())
    assert [answer[0] for answer in answers(ID, snapshot)] == [expected]


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
    offer = tuple(AddonVersion(version=name, default=name == offered[0]) for name in offered)
    for versions in (offer, offer[::-1]):
        snapshot = healthy(agent_addon=addon(version=version), agent_versions=versions)
        assert [answer[:2] for answer in answers(ID, snapshot)] == expected


def test_without_the_permission_to_list_versions_only_known_defects_fail() -> None:
    new = healthy(agent_versions=DENIED)
    old = healthy(agent_versions=DENIED, agent_addon=addon(version="v1.1.0-eksbuild.1"))
    assert [answers(ID, snapshot)[0][0] for snapshot in (new, old)] == ["unknown", "fail"]


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
    assert [answer[0] for answer in answers(ID, snapshot)] == [expected]


def test_the_agent_with_a_known_defect_is_reported_wherever_it_stands() -> None:
    new, old = (
        daemon_set(name=name, images=(f"r.example/eks-pod-identity-agent:{version}",))
        for name, version in (("new", "v0.1.37"), ("old", "v0.1.32"))
    )
    for sets in ((new, old), (old, new)):
        snapshot = healthy(agent_addon=None, daemon_sets=sets)
        assert answers(ID, snapshot) == [("fail", "warn", "DaemonSet kube-system/old")]
        assert only(ID, snapshot).message.startswith("agent v0.1.32 has known defects")
