"""The running agents, and the planned agent of an add-on version and its configuration values: placement and ports.

The agent: https://github.com/aws/eks-pod-identity-agent (charts/) and
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html. Its ports:
https://github.com/aws/eks-pod-identity-agent/issues/10.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from podid.domain.aws import Cluster
from podid.domain.cluster import Container, DaemonSet, Node, Placement, Pod, Requirement, Toleration
from podid.domain.findings import EVERYONE, Severity
from podid.domain.foreign import Malformed, Object
from podid.domain.grouping import grouped
from podid.domain.names import AGENT_ADDON, AGENT_NAMESPACE
from podid.domain.snapshot import Known, Missing, Snapshot, known_or
from podid.domain.text import short_list
from podid.domain.versions import older
from podid.domain.workloads import NO_IMAGE, SKIP_CONTAINERS, is_agent, live, of_spec, pods_of, runs_in, why_not_here
from podid.facts.index import Affected, index, once, reach_on, users_on
from podid.facts.nodes import COMPUTE_TYPE, expects_agent, why_left_out

# the code of an add-on's issue
ADMISSION_DENIED = "AdmissionRequestDenied"
PROXY_PORT, PROBE_PORT = 80, 2703
# the value of system-node-critical, the agent's priority class
AGENT_PRIORITY = 2_000_001_000
# the scheduler's text: pkg/scheduler/framework/plugins/nodeports of Kubernetes
NO_FREE_PORT = "free ports"
_WAITS = f"no node has {NO_FREE_PORT} for the requested pod ports"
# the settings that free each of the ports for other pods
FREES_PORT, FREES_PROBE_PORT = "agent.advertiseProxyPort=false", "agent.probePort=2704"
# the DaemonSets for hybrid nodes, each with the first version that supports it:
# https://docs.aws.amazon.com/eks/latest/userguide/hybrid-nodes-add-ons.html
_BOTTLEROCKET = "hybrid-bottlerocket"
_HYBRID_SINCE = {"hybrid": "v1.3.3-eksbuild.1", _BOTTLEROCKET: "v1.3.7-eksbuild.2"}
# earlier versions tolerated no taint: https://github.com/aws/containers-roadmap/issues/2261
_TOLERATES_ALL_SINCE = "v1.2.0"
# https://github.com/aws/eks-pod-identity-agent/blob/main/charts/eks-pod-identity-agent/values.yaml
_LINUX = (
    Requirement("kubernetes.io/os", "In", ("linux",)),
    Requirement("kubernetes.io/arch", "In", ("amd64", "arm64")),
)
_OWN_TERM = (*_LINUX, Requirement(COMPUTE_TYPE, "NotIn", ("fargate", "hybrid", "auto")))
HYBRID_TERM = (*_LINUX, Requirement(COMPUTE_TYPE, "In", ("hybrid",)))
_OF_BOTTLEROCKET = "os.bottlerocket.aws/version"


def hybrid_kind(node: Node) -> str:
    """Return the DaemonSet for a hybrid node, by its name in the configuration values; empty for other nodes."""
    if node.compute_type != "hybrid" or node.os != "linux":
        return ""
    return _BOTTLEROCKET if any("bottlerocket" in key for key in node.labels) else "hybrid"


def creating(kind: str) -> str:
    """Return the setting that creates the DaemonSet for hybrid nodes."""
    return f"daemonsets.{kind}.create=true"


@dataclass(frozen=True, slots=True)
class PlannedAgent:
    """The agent of a plan: version, placement, use of the node's port 80, DaemonSets for hybrid nodes, and additional
    arguments in `further`. `placement` is None if its configuration cannot be parsed."""

    version: str
    placement: Placement | None
    takes_port: bool = True
    hybrid: tuple[str, ...] = ()
    further: tuple[str, ...] = ()
    probe_port: int = PROBE_PORT

    @property
    def host_ports(self) -> tuple[int, ...]:
        return (*((PROXY_PORT,) if self.takes_port else ()), self.probe_port)

    def serves(self, kind: str) -> bool:
        """Return whether hybrid nodes of the kind get an agent. Older versions of the add-on do not support them."""
        return kind in self.hybrid and not (self.version and older(self.version, _HYBRID_SINCE[kind]))

    def why_not_hybrid(self, kind: str) -> str:
        """Return the reason why hybrid nodes of the kind get no agent."""
        nodes = "Bottlerocket hybrid node" if kind == _BOTTLEROCKET else "hybrid node"
        if kind in self.hybrid:
            return f"{self.version} does not support {nodes}s, {_HYBRID_SINCE[kind]} does"
        return f"a {nodes} requires the DaemonSet that --config {creating(kind)} creates"

    @property
    def has_bind_address(self) -> bool:
        """Return whether its arguments include a bind address."""
        return not {"-b", "--bind-hosts"}.isdisjoint(self.further)

    def goes_to(self, node: Node) -> bool:
        """Return whether one of its DaemonSets has a pod on the node."""
        if kind := hybrid_kind(node):
            return self.serves(kind)
        return node.runs_agent and (self.placement is None or not why_not_here(node, self.placement))


def planned_agent(version: str, values: Mapping[str, object]) -> PlannedAgent:
    """Return the agent of a version and configuration values in a plan."""
    agent, sets = _inner(values, "agent"), _inner(values, "daemonsets")
    try:
        placement = _placement(version, values)
    except Malformed:
        placement = None
    probe = agent.get("probePort")
    return PlannedAgent(
        version,
        placement,
        agent.get("advertiseProxyPort") is not False,
        tuple(kind for kind in _HYBRID_SINCE if _inner(sets, kind).get("create") is True),
        tuple(str(word) for pair in _inner(agent, "additionalArgs").items() for word in pair),
        probe if isinstance(probe, int) else PROBE_PORT,
    )


def _inner(values: Mapping[str, object], name: str) -> Mapping[str, object]:
    inner = values.get(name)
    return inner if isinstance(inner, dict) else {}


def _placement(version: str, values: Object) -> Placement:
    placement = of_spec({key: values[key] for key in ("affinity", "nodeSelector", "tolerations") if values.get(key)})
    old = bool(version) and older(version, _TOLERATES_ALL_SINCE)
    return Placement(
        placement.selector,
        placement.terms if placement.terms is not None else (_OWN_TERM,),
        placement.tolerations or (() if old else (Toleration(operator="Exists"),)),
    )


def evicted(pod: Pod) -> bool:
    """Return whether the agent, with its priority, preempts the pod on a node whose port both need."""
    return pod.priority < AGENT_PRIORITY


def is_addons(agent: DaemonSet) -> bool:
    """Return whether it has the name of an add-on's DaemonSet."""
    return agent.namespace == AGENT_NAMESPACE and agent.name in map(_name, ("", *_HYBRID_SINCE))


def daemon_sets(agent: PlannedAgent, cluster: Cluster, nodes: Iterable[Node]) -> Iterator[DaemonSet]:
    """Yield the DaemonSets that EKS creates for the add-on, with all pods ready."""
    hosts = [node for node in nodes if agent.goes_to(node)]
    placements = {"": agent.placement or Placement(terms=(_OWN_TERM,))}
    for kind in filter(agent.serves, agent.hybrid):
        term = (*HYBRID_TERM, Requirement(_OF_BOTTLEROCKET, "Exists" if kind == _BOTTLEROCKET else "DoesNotExist"))
        placements[kind] = Placement(terms=(term,), tolerations=(Toleration(operator="Exists"),))
    for kind, placement in placements.items():
        arguments = ("--cluster-name", cluster.name, "--probe-port", str(agent.probe_port), *agent.further)
        count = sum(hybrid_kind(node) == kind for node in hosts)
        yield DaemonSet(
            namespace=AGENT_NAMESPACE,
            name=_name(kind),
            selector=_labels(kind),
            desired=count,
            ready=count,
            available=count,
            updated=count,
            generation=1,
            observed_generation=1,
            images=(AGENT_ADDON,),
            args=("--port", str(PROXY_PORT), *arguments),
            labels={**_labels(kind), "app.kubernetes.io/managed-by": "EKS"},
            containers=(AGENT_ADDON,),
            placement=placement,
            host_ports=agent.host_ports,
            set_by={"eks": ()},
        )


def _name(kind: str) -> str:
    return f"{AGENT_ADDON}-{kind}" if kind else AGENT_ADDON


def _labels(kind: str) -> dict[str, str]:
    return {"app.kubernetes.io/instance": AGENT_ADDON, "app.kubernetes.io/name": _name(kind)}


def agent_pods(agent: PlannedAgent, nodes: Iterable[Node], held: Collection[str], now: datetime) -> Iterator[Pod]:
    """Yield its pods: a ready one on each ready node of its placement, and a pending one for each of the `held` nodes.
    On `held` nodes another pod keeps the port."""
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
            labels=_labels(hybrid_kind(node)),
            annotations={SKIP_CONTAINERS: f"{AGENT_ADDON},{AGENT_ADDON}-init"},
            host_network=True,
            ready=not waits,
            message=_WAITS if waits else "",
            host_ports=agent.host_ports,
            priority=AGENT_PRIORITY,
            ready_since=None if waits else now,
        )


def pushed_off(pod: Pod, agent: PlannedAgent, hosts: Collection[str]) -> Pod:
    """Return the pod after the agent runs on these nodes: pending if the agent preempts it because of a port."""
    clash = pod.node in hosts and live(pod) and not set(pod.host_ports).isdisjoint(agent.host_ports)
    return replace(pod, node="", phase="Pending", ready=False, message=_WAITS) if clash and evicted(pod) else pod


START_GRACE = timedelta(minutes=2)


def importance(snapshot: Snapshot) -> Severity:
    """Return the severity of a missing agent: info if there is no association."""
    associations = snapshot.associations
    return Severity.INFO if isinstance(associations, Known) and not associations.value else Severity.ERROR


def agents(snapshot: Snapshot) -> list[DaemonSet]:
    return [ds for ds in known_or(snapshot.daemon_sets, ()) if is_agent(ds)]


def lacks_agents(snapshot: Snapshot) -> bool:
    """Return whether an agent's DaemonSet has fewer pods than desired, or none exists; True if that is not known."""
    sets, pods = agents(snapshot), snapshot.agent_pods
    if isinstance(pods, Missing) or not sets:
        return True
    return any(sum(map(live, pods_of((ds,), pods.value))) < ds.desired for ds in sets)


@once
def unserved(snapshot: Snapshot) -> Affected:
    """Return the service accounts on nodes that lack a ready agent; all if these are not known."""
    if isinstance(snapshot.agent_pods, Missing):
        return Affected(EVERYONE)
    served, sets = {pod.node for pod in snapshot.agent_pods.value if pod.ready}, agents(snapshot)
    return reach_on(snapshot, lambda node: node.name not in served and expects_agent(node, sets))


def not_judged(snapshot: Snapshot, pod: Pod) -> str:
    """Return why an agent pod's state is not meaningful; empty if it is."""
    node = index(snapshot).nodes.get(pod.node)
    if not live(pod):
        return "the pod has ended, and the DaemonSet replaces it"
    if node is not None and not node.ready:
        return f"node {node.name} is not ready, so the states of its pods are out of date"
    return ""


def served_by(snapshot: Snapshot, daemon_set: DaemonSet) -> tuple[str, ...]:
    """Return the associated service accounts ("ns/name") with pods on nodes of the DaemonSet's agent."""
    pods = (pod for pod in known_or(snapshot.agent_pods, ()) if live(pod) and runs_in(pod, daemon_set))
    return users_on(snapshot, (pod.node for pod in pods))


def option(ds: DaemonSet, flag: str) -> str:
    """Return the value of an agent's flag, the first one if it is repeated; empty without it."""
    return next(options(ds, flag), "")


def options(ds: DaemonSet, *flags: str) -> Iterator[str]:
    """Yield the values of an agent's flags, `--flag value` or `--flag=value`."""
    words = [part.strip("\"'") for word in (*ds.command, *ds.args) for part in word.split()]
    for position, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in flags:
            yield value if equals else "".join(words[position + 1 : position + 2])


_TAG = re.compile(r":v?(0\.1\.\d{1,6})(?:[-@].*)?$", re.ASCII)


def agent_versions(sets: Sequence[DaemonSet]) -> list[str]:
    """Return versions such as "0.1.37". Images of another name are ignored: their tags may have another meaning."""
    images = (image for ds in sets for image in ds.images if AGENT_ADDON in image)
    return [match[1] for image in images if (match := _TAG.search(image))]


# --- the node's ports that the agent uses; only one pod can use each --------------------------------------------------


def holders(pods: Iterable[Pod], agent_pods: Iterable[Pod], port: int = PROXY_PORT) -> Mapping[str, tuple[Pod, ...]]:
    """Return node -> the live pods, other than the agent's, that use the node's port."""
    agents = {pod.uid for pod in agent_pods}
    held = grouped(
        (pod.node, pod) for pod in pods if pod.node and live(pod) and port in pod.host_ports and pod.uid not in agents
    )
    return {node: tuple(members) for node, members in sorted(held.items())}


def contested(pods: Iterable[Pod], agent_pods: Collection[Pod], port: int) -> Mapping[str, tuple[Pod, ...]]:
    """Return the same for nodes without a ready agent."""
    served = {pod.node for pod in agent_pods if pod.ready or not live(pod)}
    return {node: members for node, members in holders(pods, agent_pods, port).items() if node not in served}


def probe_port(sets: Iterable[DaemonSet]) -> int:
    typed = next((value for ds in sets if (value := option(ds, "--probe-port"))), "")
    return int(typed) if typed.isascii() and typed.isdigit() and int(typed) != PROXY_PORT else PROBE_PORT


def port_conflict(sets: Iterable[DaemonSet], pods: Collection[Pod], agent_pods: Collection[Pod]) -> str:
    """Return the failure mode of an agent that waits for a port. `pods` are those that may use it; port 80 is named
    first, and if none of them uses a port."""
    only_probes = contested(pods, agent_pods, probe_port(sets)) and not contested(pods, agent_pods, PROXY_PORT)
    return "agent-probe-port-conflict" if only_probes else "agent-port80-conflict"


def waits_for_port(pod: Pod) -> bool:
    return not pod.node and NO_FREE_PORT in pod.message


@once
def blocked(snapshot: Snapshot) -> frozenset[str]:
    """Return the nodes on which another pod uses a port that an agent's pod waits for; if not all namespaces were read,
    also the nodes that the waiting pods are for."""
    pods, agent_pods, sets = known_or(snapshot.pods, ()), known_or(snapshot.agent_pods, ()), agents(snapshot)
    waiting = [pod for pod in agent_pods if waits_for_port(pod)]
    held = {node for pod in waiting for port in pod.host_ports for node in holders(pods, agent_pods, port)}
    if waiting and snapshot.only_namespaces:
        hosts = (node for node in known_or(snapshot.nodes, ()) if node.ready and expects_agent(node, sets))
        lacking = {node.name for node in hosts if not why_left_out(node, sets)} - {pod.node for pod in agent_pods}
        held |= lacking if len(lacking) <= len(waiting) else set()
    return frozenset(held - {pod.node for pod in agent_pods if pod.ready})


def names_of(pods: Iterable[Pod]) -> str:
    return short_list(f"{pod.namespace}/{pod.name}" for pod in pods)


def unpulled(pod: Pod) -> tuple[Container, ...]:
    """Return the containers that wait for an image, of a pod that is not ready."""
    return tuple(
        c for c in pod.containers if c.waiting in (*NO_IMAGE, "ErrImagePull", "RegistryUnavailable") and not pod.ready
    )
