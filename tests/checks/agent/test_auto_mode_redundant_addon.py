from typing import Any

from checks.builder import DENIED, addon, cluster, healthy, hybrid_node, node
from checks.grid import answers
from harness import table

ID = "auto-mode-redundant-addon"
FAILS = healthy(cluster=cluster(auto_mode=True), nodes=(node(compute_type="auto"),))
UNKNOWN = healthy(cluster=cluster(auto_mode=True), nodes=DENIED)
PASSES = healthy(cluster=cluster(auto_mode=True), nodes=(node(), node("a", compute_type="auto")))
FINDINGS = [("fail", "info", "Cluster prod")]
UNKNOWNS = [("unknown", "warn", "Cluster prod")]


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
            {"cluster": cluster(auto_mode=True), "nodes": (node(compute_type="auto"), hybrid_node(name="h"))},
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
def test_an_agent_in_an_auto_mode_cluster(sections: dict[str, Any], expected: tuple[str, str]) -> None:
    assert [answer[:2] for answer in answers(ID, healthy(**sections))] == [expected]
