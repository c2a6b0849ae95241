"""Where the agent runs and where it should: coverage node by node, and waiting for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podid.domain.errors import PodidError
from podid.domain.exit_codes import ExitCode
from podid.domain.model import DaemonSet, Node, Pod
from podid.domain.nodes import expects_agent, why_no_agent
from podid.domain.patience import Patience
from podid.domain.plan import Effect, EffectState

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader


@dataclass(frozen=True, slots=True)
class NodeCoverage:
    """One node. `state` is ready, not-ready (an agent pod that is not Ready), missing, node-not-ready or not-served;
    `reason` says why in the last three."""

    node: str
    compute_type: str
    os: str
    state: str
    pod: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """All nodes. Those that cannot run the agent, or have it built in, and nodes that are down are not `expected`."""

    nodes: tuple[NodeCoverage, ...]

    @property
    def expected(self) -> int:
        return sum(node.state in ("ready", "not-ready", "missing") for node in self.nodes)

    @property
    def ready(self) -> int:
        return sum(node.state == "ready" for node in self.nodes)

    @property
    def complete(self) -> bool:
        return self.ready == self.expected

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.OK if self.complete else ExitCode.ATTENTION

    @property
    def words(self) -> str:
        if not self.nodes:
            return "the cluster has no nodes yet"
        if not self.expected:
            return "no node needs the agent's DaemonSet"
        return f"{self.ready} of {self.expected} nodes have a Ready agent pod"


def coverage(nodes: Sequence[Node], daemon_sets: Sequence[DaemonSet], pods: Sequence[Pod]) -> Coverage:
    """Pure. `pods` are the agent's."""
    by_node: dict[str, list[Pod]] = {}
    for pod in pods:
        if pod.node and not pod.deleting:
            by_node.setdefault(pod.node, []).append(pod)
    return Coverage(tuple(_node(node, list(daemon_sets), by_node.get(node.name, [])) for node in nodes))


def _node(node: Node, daemon_sets: list[DaemonSet], pods: list[Pod]) -> NodeCoverage:
    def found(state: str, pod: str = "", reason: str = "") -> NodeCoverage:
        return NodeCoverage(node.name, node.compute_type or "ec2", node.os, state, pod, reason)

    if not expects_agent(node, daemon_sets):
        return found("not-served", reason=why_no_agent(node))
    ready = [pod for pod in pods if pod.ready]
    if ready:
        return found("ready", ready[0].name)
    if not node.ready:
        return found("node-not-ready", pods[0].name if pods else "", "the node itself is not Ready")
    if pods:
        waiting = next((c.waiting for pod in pods for c in pod.containers if c.waiting), "")
        return found("not-ready", pods[0].name, waiting or pods[0].reason or pods[0].phase)
    return found("missing", reason="no agent pod on this node")


def read_coverage(reader: KubeReader) -> Coverage:
    return coverage(reader.list_nodes(), reader.list_agent_daemon_sets(), reader.list_agent_pods())


def wait_covered(reader: KubeReader, patience: Patience) -> Effect:
    """Waits until every node that should run the agent has a Ready pod of it. Never raises for what cannot be read:
    that is `unknown`, with the reason."""
    seen, lacking = Coverage(()), ""
    for _ in patience.rounds(0.5, longest=5.0):
        try:
            seen = read_coverage(reader)
        except PodidError as error:
            return Effect(EffectState.UNKNOWN, f"could not look at the nodes: {error.what}")
        if seen.complete:
            # Ready says that the agent listens on its node, not that EKS Auth lets it in: that is verify's to prove
            state = EffectState.LIKELY if seen.expected else EffectState.UNKNOWN
            return Effect(state, seen.words)
        lacking = ", ".join(node.node for node in seen.nodes if node.state in ("missing", "not-ready"))
        patience.say(f"{seen.words}; waiting for {lacking}")
    return Effect(EffectState.NOT_IN_EFFECT, f"{seen.words} after {patience.seconds:g} s; lacking: {lacking}")
