from typing import Any

import pytest

from checks.builder import COMPUTE_TYPE, DENIED, agent_pod, ago, daemon_set, healthy, hybrid_node, node
from checks.grid import answers, only, verdicts
from harness import table
from podid.domain.cluster import Placement

CLOUD = daemon_set(placement=Placement(selector={COMPUTE_TYPE: "ec2"}))
ID = "hybrid-daemonset-missing"
FAILS = healthy(nodes=(hybrid_node(),), daemon_sets=(CLOUD,), agent_pods=())
UNKNOWN = healthy(nodes=DENIED)
PASSES = healthy(nodes=(hybrid_node(),))
FINDINGS = [("fail", "error", "Node node-1")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]
HYBRID_SET = daemon_set(name="eks-pod-identity-agent-hybrid", placement=Placement(selector={COMPUTE_TYPE: "hybrid"}))


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
        ({"nodes": (hybrid_node(ready=False),)}, ("not-applicable", "error")),
        ({"nodes": (hybrid_node(created_at=ago(seconds=30)),)}, ("not-applicable", "error")),
    ],
)
def test_hybrid_nodes(sections: dict[str, Any], expected: tuple[str, str]) -> None:
    values = {"nodes": (hybrid_node(),), "daemon_sets": (CLOUD,), "agent_pods": (), **sections}
    assert [answer[:2] for answer in answers(ID, healthy(**values))] == [expected]


def test_windows_and_plain_nodes_are_not_hybrid() -> None:
    assert verdicts(ID, healthy(nodes=(node(), hybrid_node(os="windows")))) == ()


@pytest.mark.parametrize(("label", "kind"), [("x", "hybrid"), ("os.bottlerocket.aws/version", "hybrid-bottlerocket")])
def test_the_fix_sets_the_value_of_the_add_on(label: str, kind: str) -> None:
    machine = node(compute_type="hybrid", labels={COMPUTE_TYPE: "hybrid", label: ""})
    broken = {"nodes": (machine,), "daemon_sets": (CLOUD,), "agent_pods": ()}
    fix = only(ID, healthy(**broken)).fix
    assert fix is not None
    assert fix.commands[0][:4] == ("podid", "install-agent", "--config", f"daemonsets.{kind}.create=true")
    own = only(ID, healthy(**broken, agent_addon=None)).fix
    assert own is not None
    assert own.commands == ()
