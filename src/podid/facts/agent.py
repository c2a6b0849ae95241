"""The agent that the add-on makes of a version and its configuration values: where it may go, which ports it takes.

What the add-on's chart says: https://github.com/aws/eks-pod-identity-agent/blob/main/charts/.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from podid.domain.aws import Cluster
from podid.domain.cluster import Container, DaemonSet, Node, Placement, Pod, Requirement, Toleration
from podid.domain.foreign import Malformed, Object
from podid.domain.names import AGENT_ADDON, AGENT_NAMESPACE
from podid.domain.placement import of_spec, why_not_here
from podid.domain.versions import older
from podid.domain.workloads import SKIP_CONTAINERS, live
from podid.facts.nodes import COMPUTE_TYPE

PROXY_PORT, PROBE_PORT = 80, 2703
# of system-node-critical, which the agent has
AGENT_PRIORITY = 2_000_001_000
# as the scheduler says it: pkg/scheduler/framework/plugins/nodeports of Kubernetes
NO_FREE_PORT = "free ports"
_WAITS = f"no node has {NO_FREE_PORT} for the requested pod ports"
# what frees each of the ports for others
FREES_PORT, FREES_PROBE_PORT = "agent.advertiseProxyPort=false", "agent.probePort=2704"
HYBRID = "daemonsets.hybrid.create=true"
# https://docs.aws.amazon.com/eks/latest/userguide/hybrid-nodes-add-ons.html
HYBRID_SINCE = "v1.3.3-eksbuild.1"
# before it the agent tolerated no taint: https://github.com/aws/containers-roadmap/issues/2261
_TOLERATES_ALL_SINCE = "v1.2.0"
# https://github.com/aws/eks-pod-identity-agent/blob/main/charts/eks-pod-identity-agent/values.yaml
_LINUX = (
    Requirement("kubernetes.io/os", "In", ("linux",)),
    Requirement("kubernetes.io/arch", "In", ("amd64", "arm64")),
)
_OWN_TERM = (*_LINUX, Requirement(COMPUTE_TYPE, "NotIn", ("fargate", "hybrid", "auto")))
HYBRID_TERM = (*_LINUX, Requirement(COMPUTE_TYPE, "In", ("hybrid",)))


@dataclass(frozen=True, slots=True)
class Coming:
    """The agent as it will be: its version, where it may go, whether it takes the node's port 80, and what it is told
    beside what it is always told. `placement` None where its configuration cannot be read."""

    version: str
    placement: Placement | None
    takes_port: bool = True
    hybrid: bool = False
    further: tuple[str, ...] = ()
    probe_port: int = PROBE_PORT

    @property
    def host_ports(self) -> tuple[int, ...]:
        return (*((PROXY_PORT,) if self.takes_port else ()), self.probe_port)

    @property
    def serves_hybrid(self) -> bool:
        """Whether hybrid nodes get an agent: the add-on has one for them from a version on."""
        return self.hybrid and not (self.version and older(self.version, HYBRID_SINCE))

    @property
    def why_not_hybrid(self) -> str:
        """Why a hybrid node gets no agent, of one that does not serve them."""
        if self.hybrid:
            return f"{self.version} has nothing for hybrid nodes, {HYBRID_SINCE} has"
        return f"a hybrid node needs the DaemonSet that --config {HYBRID} makes"

    @property
    def told_address(self) -> bool:
        """Whether it is told what to bind."""
        return not {"-b", "--bind-hosts"}.isdisjoint(self.further)

    def goes_to(self, node: Node) -> bool:
        """Whether one of its DaemonSets puts a pod there."""
        if node.compute_type == "hybrid" and node.os == "linux":
            return self.serves_hybrid
        return node.runs_agent and (self.placement is None or not why_not_here(node, self.placement))


def coming(version: str, values: Mapping[str, object]) -> Coming:
    """From the version and the configuration values that a plan asks for."""
    agent, sets = values.get("agent"), values.get("daemonsets")
    takes_port = not (isinstance(agent, dict) and agent.get("advertiseProxyPort") is False)
    hybrid = sets.get("hybrid") if isinstance(sets, dict) else None
    try:
        placement = _placement(version, values)
    except Malformed:
        placement = None
    further = agent.get("additionalArgs") if isinstance(agent, dict) else None
    probe = agent.get("probePort") if isinstance(agent, dict) else None
    return Coming(
        version,
        placement,
        takes_port,
        isinstance(hybrid, dict) and hybrid.get("create") is True,
        tuple(word for pair in further.items() for word in map(str, pair)) if isinstance(further, dict) else (),
        probe if isinstance(probe, int) else PROBE_PORT,
    )


def _placement(version: str, values: Object) -> Placement:
    """The add-on's own placement, with what the configuration puts in its place."""
    given = of_spec({key: values[key] for key in ("affinity", "nodeSelector", "tolerations") if values.get(key)})
    old = bool(version) and older(version, _TOLERATES_ALL_SINCE)
    return Placement(
        given.selector,
        given.terms if given.terms is not None else (_OWN_TERM,),
        given.tolerations or (() if old else (Toleration(operator="Exists"),)),
    )


# --- as it will be seen in the cluster --------------------------------------------------------------------------------


def evicted(pod: Pod) -> bool:
    """Whether the agent, with its priority, pushes the pod off a node whose port both want."""
    return pod.priority < AGENT_PRIORITY


def is_addons(agent: DaemonSet) -> bool:
    """Whether it has a name that EKS gives the add-on's."""
    return agent.namespace == AGENT_NAMESPACE and agent.name in (AGENT_ADDON, f"{AGENT_ADDON}-hybrid")


def daemon_sets(agent: Coming, cluster: Cluster, nodes: Iterable[Node]) -> Iterator[DaemonSet]:
    """What EKS makes of the add-on, with all its pods ready."""
    hosts = [node for node in nodes if agent.goes_to(node)]
    kinds = [("", agent.placement or Placement(terms=(_OWN_TERM,)), False)]
    if agent.serves_hybrid:
        kinds.append(("-hybrid", Placement(terms=(HYBRID_TERM,), tolerations=(Toleration(operator="Exists"),)), True))
    for suffix, placement, hybrid in kinds:
        told = ("--cluster-name", cluster.name, "--probe-port", str(agent.probe_port), *agent.further)
        count = sum((node.compute_type == "hybrid") is hybrid for node in hosts)
        yield DaemonSet(
            namespace=AGENT_NAMESPACE,
            name=f"{AGENT_ADDON}{suffix}",
            selector=_labels(hybrid=hybrid),
            desired=count,
            ready=count,
            available=count,
            updated=count,
            generation=1,
            observed_generation=1,
            images=(AGENT_ADDON,),
            args=("--port", str(PROXY_PORT), *told),
            labels={**_labels(hybrid=hybrid), "app.kubernetes.io/managed-by": "EKS"},
            containers=(AGENT_ADDON,),
            placement=placement,
            host_ports=agent.host_ports,
            set_by={"eks": ()},
        )


def _labels(*, hybrid: bool) -> dict[str, str]:
    return {
        "app.kubernetes.io/instance": AGENT_ADDON,
        "app.kubernetes.io/name": f"{AGENT_ADDON}-hybrid" if hybrid else AGENT_ADDON,
    }


def agent_pods(agent: Coming, nodes: Iterable[Node], held: Collection[str], now: datetime) -> Iterator[Pod]:
    """Its pods: a Ready one on each node that is up and that it goes to; one that waits for each of the `held` nodes,
    whose port stays another pod's."""
    for node in nodes:
        if not agent.goes_to(node) or not node.ready:
            continue
        waits = node.name in held
        yield Pod(
            namespace=AGENT_NAMESPACE,
            name=f"{AGENT_ADDON}-{node.name}",
            uid=f"{AGENT_ADDON}-{node.name}-anew",
            service_account="default",
            node="" if waits else node.name,
            phase="Pending" if waits else "Running",
            created_at=now.replace(microsecond=0),
            containers=(Container(name=AGENT_ADDON, image=AGENT_ADDON, ready=not waits),),
            labels=_labels(hybrid=node.compute_type == "hybrid"),
            annotations={SKIP_CONTAINERS: f"{AGENT_ADDON},{AGENT_ADDON}-init"},
            host_network=True,
            ready=not waits,
            message=_WAITS if waits else "",
            host_ports=agent.host_ports,
            priority=AGENT_PRIORITY,
            ready_since=None if waits else now,
        )


def pushed_off(pod: Pod, agent: Coming, hosts: Collection[str]) -> Pod:
    """The pod as it is once the agent runs on these nodes: off its own where both want a port of it."""
    clash = pod.node in hosts and live(pod) and not set(pod.host_ports).isdisjoint(agent.host_ports)
    return replace(pod, node="", phase="Pending", ready=False, message=_WAITS) if clash and evicted(pod) else pod
