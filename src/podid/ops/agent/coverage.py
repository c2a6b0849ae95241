"""Coverage of the nodes by the agent, node by node."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from podid.domain.cluster import DaemonSet, Node, Pod
from podid.domain.errors import ExitCode, PodidError
from podid.domain.grouping import grouped
from podid.domain.members import OR_NULL, About, Key, TextOrNull, members, schema_name
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Place
from podid.domain.section import Unread
from podid.domain.text import count_of
from podid.domain.workloads import live, opted_out, pods_of
from podid.facts.nodes import NodeKind, expects_agent, kind_of, why_left_out, why_no_agent
from podid.ops.clients import Clients, KubeAccess


@schema_name("NodeBody")
@members("node compute_type os kind eligible state pod ready restarts needy reason")
@dataclass(frozen=True, slots=True)
class NodeCoverage:
    """One node. `state` is ready, not-ready (its agent pod is not Ready), missing, left-out (the DaemonSet excludes
    it), node-not-ready or not-served (no agent can run there, or it is built in); `reason` says why in all but the
    first. `restarts` are its agent's; `needy` are the service accounts with an association whose pods run there, None
    if not checked."""

    node: str
    compute_type: str
    os: str
    state: str
    pod: Annotated[str, OR_NULL, Key("agentPod")] = ""
    reason: TextOrNull = ""
    kind: Annotated[NodeKind, About("The node's provider, or the reason why the agent cannot run on it.")] = (
        "self-managed"
    )
    restarts: Annotated[int, About("The restarts of the agent's containers.")] = 0
    needy: Annotated[
        tuple[str, ...] | None,
        About("The service accounts with an association whose pods run there; null if not checked."),
    ] = None

    @property
    def eligible(self) -> Annotated[bool, About("Whether the agent's DaemonSets include the node.")]:
        """Return whether the node should run an agent pod while it is up."""
        return self.state not in ("not-served", "left-out")

    @property
    def ready(self) -> Annotated[bool, About("Whether the node has a Ready agent pod.")]:
        return self.state == "ready"

    @property
    def uncovered(self) -> bool:
        """Return whether a Ready agent is missing where one should run or where pods need one."""
        return self.state in ("missing", "not-ready") or (self.depends_on_pods and bool(self.needy))

    @property
    def depends_on_pods(self) -> bool:
        """Return whether no agent should run on the node, which is a failure only if pods on it need one."""
        return self.state in ("left-out", "not-served") and self.kind != "auto"


@schema_name("NodeKindBody")
@dataclass(frozen=True, slots=True)
class NodeKindCoverage:
    """The nodes of one kind."""

    kind: NodeKind
    nodes: int
    expected: int
    ready: int
    restarts: int


@members("expected ready kinds nodes")
@dataclass(frozen=True, slots=True)
class Coverage:
    """All nodes. `expected` excludes nodes that cannot run the agent or have it built in, that the DaemonSet excludes,
    and that are down."""

    nodes: tuple[NodeCoverage, ...]

    @property
    def expected(self) -> int:
        return sum(node.state in ("ready", "not-ready", "missing") for node in self.nodes)

    @property
    def ready(self) -> int:
        return sum(node.state == "ready" for node in self.nodes)

    @property
    def kinds(self) -> tuple[NodeKindCoverage, ...]:
        kinds = []
        for kind, nodes in sorted(grouped((node.kind, node) for node in self.nodes).items()):
            part = Coverage(tuple(nodes))
            restarts = sum(node.restarts for node in nodes)
            kinds.append(NodeKindCoverage(kind, len(nodes), part.expected, part.ready, restarts))
        return tuple(kinds)

    @property
    def complete(self) -> bool:
        return self.ready == self.expected

    @property
    def exit_code(self) -> ExitCode:
        if any(node.uncovered for node in self.nodes):
            return ExitCode.ATTENTION
        unknown = any(node.depends_on_pods and node.needy is None for node in self.nodes)
        return ExitCode.UNDETERMINED if unknown else ExitCode.OK

    @property
    def words(self) -> str:
        if not self.nodes:
            return "the cluster has no nodes yet"
        left_out = [node for node in self.nodes if node.state == "left-out"]
        more = f"; {len(left_out)} excluded: {left_out[0].node}, {left_out[0].reason}" if left_out else ""
        if not self.expected:
            return f"no node needs the agent's DaemonSet{more}"
        return f"{self.ready} of {self.expected} nodes have a Ready agent pod{more}"


def coverage(
    nodes: Sequence[Node],
    daemon_sets: Sequence[DaemonSet],
    pods: Sequence[Pod],
    needy: Mapping[str, Collection[str]] | None = None,
) -> Coverage:
    """Return the coverage; pure. `pods` are the agent's; `needy` maps a node to the service accounts with an
    association whose pods run there, None if not checked."""
    by_node = grouped((pod.node, pod) for pod in pods if pod.node and not pod.deleting)
    return Coverage(
        tuple(
            NodeCoverage(
                node.name,
                node.compute_type or "ec2",
                node.os,
                *_state(node, daemon_sets, by_node.get(node.name, [])),
                kind_of(node),
                sum(container.restarts for pod in by_node.get(node.name, []) for container in pod.containers),
                None if needy is None else tuple(sorted(needy.get(node.name, ()))),
            )
            for node in nodes
        )
    )


def _state(node: Node, daemon_sets: Sequence[DaemonSet], pods: list[Pod]) -> tuple[str, str, str]:
    """Return state, agent pod and reason of a node."""
    if not expects_agent(node, daemon_sets):
        return "not-served", "", why_no_agent(node)
    if ready := [pod for pod in pods if pod.ready]:
        return "ready", ready[0].name, ""
    if not node.ready:
        return "node-not-ready", pods[0].name if pods else "", "the node itself is not Ready"
    if pods:
        waiting = next((c.waiting for pod in pods for c in pod.containers if c.waiting), "")
        return "not-ready", pods[0].name, waiting or pods[0].reason or pods[0].phase
    reason = why_left_out(node, daemon_sets)
    return ("left-out", "", reason) if reason else ("missing", "", "no agent pod on this node")


def needy_by_node(pods: Iterable[Pod], associated: Collection[ServiceAccountRef]) -> dict[str, set[str]]:
    """Return node -> the service accounts with an association whose live pods run there, without pods that the webhook
    skips."""
    needy: dict[str, set[str]] = defaultdict(set)
    for pod in pods:
        if pod.node and live(pod) and not opted_out(pod) and pod.ref in associated:
            needy[pod.node].add(str(pod.ref))
    return needy


def read_nodes(clients: Clients, place: Place) -> tuple[Coverage, tuple[Unread, ...]]:
    """Return the coverage, and the unread parts. Raise the error that prevents reading nodes and agents."""
    reader = clients.kube.reader
    sets, nodes = reader.list_agent_daemon_sets(), reader.list_nodes()
    try:
        pods = reader.list_pods()
        refs = {item.ref for item in clients.eks.list_association_summaries(place.cluster_name)}
    except PodidError as error:
        return coverage(nodes, sets, reader.list_pods_of(sets)), (Unread.of(NEEDY, error, detail=True),)
    return coverage(nodes, sets, pods_of(sets, pods), needy_by_node(pods, refs)), ()


# which of them need the agent
NEEDY = "the pods that need the agent"


@dataclass(frozen=True, slots=True)
class AgentPods:
    """The agent's DaemonSets and pods at one moment. If nodes cannot be listed, `unread` is the reason, and the
    DaemonSets' own counts are used."""

    sets: tuple[DaemonSet, ...]
    pods: tuple[Pod, ...]
    coverage: Coverage | None
    unread: str = ""

    @classmethod
    def read(cls, kube: KubeAccess) -> Self:
        reader = kube.reader
        sets = reader.list_agent_daemon_sets()
        pods = reader.list_pods_of(sets)
        try:
            return cls(sets, pods, coverage(reader.list_nodes(), sets, pods))
        except PodidError as error:
            return cls(sets, pods, None, error.message)

    @classmethod
    def find(cls, kube: KubeAccess) -> Self | None:
        """Return the agent's pods; None if they cannot be read."""
        try:
            return cls.read(kube)
        except PodidError:
            return None

    @property
    def complete(self) -> bool:
        if self.coverage is not None:
            return self.coverage.complete
        states = (ds.observed_generation >= ds.generation and ds.ready >= ds.desired for ds in self.sets)
        return bool(self.sets) and all(states)

    @property
    def words(self) -> str:
        if self.coverage is not None:
            return self.coverage.words
        ready, desired = (sum(getattr(ds, count) for ds in self.sets) for count in ("ready", "desired"))
        return f"{ready} of {count_of(desired, 'agent pod')} are Ready; nodes were not checked: {self.unread}"

    @property
    def lacking(self) -> str:
        if self.coverage is not None:
            return ", ".join(node.node for node in self.coverage.nodes if node.state in ("missing", "not-ready"))
        return ", ".join(pod.node or pod.name for pod in self.pods if live(pod) and not pod.ready)
