"""What would go wrong with the agent on this very cluster, looked at before anything is written.

The doctor's checks say what is so already; what the agent would meet when it comes, a port that is taken and nodes that
it does not go to, is told here from the same reading.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from podid.checks.agent import agent_ipv6_bind
from podid.checks.base import Check
from podid.checks.node import node_role_missing_eks_auth
from podid.checks.shared.node_roles import NodeRole, judged_roles, minimal_policy
from podid.checks.shared.ports import FREES_PORT, PROXY_PORT, evicted, holders, names_of
from podid.domain.errors import Again, Conflict, Hint, PodidError
from podid.domain.findings import Severity, Verdict
from podid.domain.foreign import Malformed, Object
from podid.domain.model import DaemonSet, Node
from podid.domain.names import AGENT_ADDON, AGENT_NAMESPACE, parse_role_arn
from podid.domain.nodes import COMPUTE_TYPE, why_no_agent
from podid.domain.place import Place
from podid.domain.placement import of_spec, why_not_here
from podid.domain.plan import Action, Plan
from podid.domain.scheduling import Placement, Requirement, Toleration
from podid.domain.snapshot import Known, Missing, Snapshot, known_or
from podid.domain.versions import older
from podid.domain.words import short_list
from podid.domain.workloads import runs_agent
from podid.ops.agent.coverage import needy_by_node
from podid.ops.change.kinds import ROLE_ATTACHMENT
from podid.ops.clients import Clients
from podid.ops.reading.collect import Wanted, collect
from podid.ops.status.diagnose import diagnose, select

# of the cluster itself: told before anything else is asked, such as the versions that EKS offers it
OF_CLUSTER = ("unsupported-cluster-kind", "cluster-too-old")
CHECKS = ("agent-port80-conflict", "eks-auth-unreachable", "scp-denies-eks-auth", "node-role-missing-eks-auth")
HYBRID = "daemonsets.hybrid.create=true"
FIX_NODE_ROLE = "--fix-node-role"
# https://docs.aws.amazon.com/eks/latest/userguide/hybrid-nodes-add-ons.html
HYBRID_SINCE = "v1.3.3-eksbuild.1"
CREDENTIALS_FILE = "hybrid.enableCredentialsFile: true"
# before it the agent tolerated no taint: https://github.com/aws/containers-roadmap/issues/2261
_TOLERATES_ALL_SINCE = "v1.2.0"
# of the fields that EKS sets: https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-field-management.html
_ITS_OWN = ("eks", "kube-controller-manager")


class PreflightRefused(Conflict):
    """The agent would not come up, or would break something, on this cluster as it is; nothing was written."""

    code = "PreflightRefused"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What is in the way, with its failure mode's `id`. One that does not `stop` is told and no more; `hint` is the way
    out, where it is one command; `role_arn` is a node role that lacks the one right that attaching a policy gives."""

    id: str
    what: str
    stops: bool = True
    hint: Hint | None = None
    advice: str = ""
    role_arn: str = ""

    def __str__(self) -> str:
        return f"{self.id}: {self.what}"


@dataclass(frozen=True, slots=True)
class Preflight:
    """`unknowns` are sentences about what could not be looked at."""

    obstacles: tuple[Obstacle, ...] = ()
    unknowns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coming:
    """The agent as it will be: its version, where it may go, whether it takes the node's port 80, and whether it is
    told what to bind. `placement` None where its configuration cannot be read."""

    version: str
    placement: Placement | None
    takes_port: bool = True
    hybrid: bool = False
    told_address: bool = False

    @property
    def serves_hybrid(self) -> bool:
        """Whether hybrid nodes get an agent: the add-on has one for them from a version on."""
        return self.hybrid and not (self.version and older(self.version, HYBRID_SINCE))


def coming(version: str, values: Mapping[str, object]) -> Coming:
    """From the version and the configuration values that the plan asks for."""
    agent, sets = values.get("agent"), values.get("daemonsets")
    takes_port = not (isinstance(agent, dict) and agent.get("advertiseProxyPort") is False)
    hybrid = sets.get("hybrid") if isinstance(sets, dict) else None
    try:
        placement = _placement(version, values)
    except Malformed:
        placement = None
    further = agent.get("additionalArgs") if isinstance(agent, dict) else None
    return Coming(
        version,
        placement,
        takes_port,
        isinstance(hybrid, dict) and hybrid.get("create") is True,
        isinstance(further, dict) and bool({"-b", "--bind-hosts"} & further.keys()),
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


# https://github.com/aws/eks-pod-identity-agent/blob/main/charts/eks-pod-identity-agent/values.yaml
_OWN_TERM = (
    Requirement("kubernetes.io/os", "In", ("linux",)),
    Requirement("kubernetes.io/arch", "In", ("amd64", "arm64")),
    Requirement(COMPUTE_TYPE, "NotIn", ("fargate", "hybrid", "auto")),
)


def look_at_cluster(clients: Clients, place: Place, *, force: bool, now: datetime) -> Preflight:
    """What the cluster's kind and version say, without a call. Raises PreflightRefused, unless `force`."""
    checks = select(OF_CLUSTER)
    report = diagnose(collect(clients, place, Wanted(checks=checks), now=now), checks=checks)
    found = tuple(Obstacle(verdict.check, verdict.message) for verdict in report.findings)
    if found and not force:
        raise _refused(found)
    return Preflight(found, _by_reason(report.unknowns))


def look_ahead(clients: Clients, place: Place, agent: Coming, *, changing: bool, now: datetime) -> Preflight:
    """Never raises for what cannot be looked at. `changing`: the add-on is installed already, so that only what the
    change itself breaks is in its way."""
    snapshot = collect(clients, place, Wanted(checks=tuple(map(_lightly, select(CHECKS)))), now=now)
    needy, unread = _needy(clients, place, snapshot)
    found = judge(snapshot, agent, needy, changing=changing)
    return replace(found, unknowns=tuple(dict.fromkeys((*found.unknowns, *unread))))


def _lightly(check: Check) -> Check:
    """Without the description of every single association: their names are enough here."""
    return replace(check, wants=tuple(name for name in check.wants if name != "associations"))


def _needy(clients: Clients, place: Place, snapshot: Snapshot) -> tuple[dict[str, set[str]], tuple[str, ...]]:
    """Node -> the service accounts with an association whose pods run there."""
    try:
        refs = {item.ref for item in clients.eks.list_association_summaries(place.cluster_name)}
    except PodidError as error:
        return {}, (f"the associations: {error.what}",)
    pods = known_or(snapshot.pods, ())
    return needy_by_node(pods, refs), ()


def judge(snapshot: Snapshot, agent: Coming, needy: Mapping[str, Collection[str]], *, changing: bool) -> Preflight:
    """Pure."""
    report = diagnose(snapshot, checks=select(CHECKS))
    fixable = {role.case.subject: role.arn for role in _fixable(snapshot)}
    obstacles = []
    for verdict in report.findings:
        if verdict.check == "agent-port80-conflict":
            continue  # it tells of an agent that is there already; see below for the one that comes
        arn = fixable.get(verdict.subject, "") if verdict.check == "node-role-missing-eks-auth" else ""
        hint = Again(add=(FIX_NODE_ROLE,)) if arn else None
        stops = verdict.severity is Severity.ERROR and not changing
        obstacles.append(Obstacle(verdict.check, verdict.message, stops, hint, role_arn=arn))
    obstacles += _ports(snapshot, agent, stops=not changing)
    served = {pod.node for pod in known_or(snapshot.agent_pods, ())} if changing else None
    nodes = known_or(snapshot.nodes, ())
    obstacles += _nodes(nodes, agent, needy, served)
    unknowns = (*_by_reason(report.unknowns), *_credentials_files(nodes, agent))
    if not changing:
        unknowns = (*unknowns, *_kernels(snapshot, agent))
    return Preflight(tuple(obstacles), tuple(dict.fromkeys(unknowns)))


def _by_reason(unknowns: Iterable[Verdict]) -> tuple[str, ...]:
    """One read that fails may be what several checks lack."""
    checks: dict[str, dict[str, None]] = {}
    for item in unknowns:
        checks.setdefault(item.reason, {})[item.check] = None
    return tuple(f"{', '.join(ids)}: {reason}" for reason, ids in checks.items())


def _credentials_files(nodes: Iterable[Node], agent: Coming) -> Iterator[str]:
    """The agent of a hybrid node acts by a file that nodeadm writes there if it is told to."""
    hybrid = [node.name for node in nodes if node.compute_type == "hybrid" and node.os == "linux"]
    if hybrid and agent.serves_hybrid:
        yield (
            f"hybrid-daemonset-missing: whether {short_list(hybrid)} {'has' if len(hybrid) == 1 else 'have'} the "
            f"credentials file that the agent needs there, which nodeadm writes with {CREDENTIALS_FILE}"
        )


def _kernels(snapshot: Snapshot, agent: Coming) -> Iterator[str]:
    """Neither EKS nor Kubernetes says whether a node's kernel has IPv6, without which the agent cannot start."""
    clusters = [snapshot.cluster.value] if isinstance(snapshot.cluster, Known) else []
    served = any(node.runs_agent for node in known_or(snapshot.nodes, ()))
    if served and not agent.told_address and any(cluster.ip_family == "ipv4" for cluster in clusters):
        yield (
            f"{agent_ipv6_bind.CHECK.id}: whether a node has IPv6 switched off; agents crash on such nodes without "
            f"--config {agent_ipv6_bind.IPV4_ONLY}"
        )


def _fixable(snapshot: Snapshot) -> Iterator[NodeRole]:
    sections = (snapshot.cluster, snapshot.node_groups, snapshot.node_role_allowed)
    if any(isinstance(section, Missing) for section in sections):
        return
    for found in judged_roles(node_role_missing_eks_auth.CHECK, snapshot):
        if isinstance(found, NodeRole) and found.decision.decision == "implicitDeny" and not _held_back(found):
            yield found


def _held_back(role: NodeRole) -> bool:
    """Whether another policy would not become effective."""
    return role.decision.organization_allows is False or role.decision.boundary_allows is False


def _ports(snapshot: Snapshot, agent: Coming, *, stops: bool) -> Iterator[Obstacle]:
    """Pods that hold port 80 on nodes where the agent is not, and where it would go."""
    if not agent.takes_port or not isinstance(snapshot.pods, Known):
        return
    agent_pods = known_or(snapshot.agent_pods, tuple(filter(runs_agent, snapshot.pods.value)))
    served = {pod.node for pod in agent_pods}
    nodes = {node.name: node for node in known_or(snapshot.nodes, ())}
    held = {
        name: pods
        for name, pods in holders(snapshot.pods.value, agent_pods).items()
        if name not in served and (name not in nodes or _goes_to(nodes[name], agent))
    }
    for evicts in (True, False):
        pods = [pod for found in held.values() for pod in found if evicted(pod) is evicts]
        if not pods:
            continue
        where = short_list(sorted({pod.node for pod in pods}))
        becomes = "the agent's priority would evict it" if evicts else "it would keep the agent away"
        yield Obstacle(
            "agent-port80-conflict",
            f"port {PROXY_PORT} of {where} is held by {names_of(pods)}: {becomes}",
            stops,
            hint=Again(add=("--config", FREES_PORT)),
        )


def _goes_to(node: Node, agent: Coming) -> bool:
    return node.runs_agent and (agent.placement is None or not why_not_here(node, agent.placement))


def _nodes(
    nodes: Sequence[Node], agent: Coming, needy: Mapping[str, Collection[str]], served: Collection[str] | None
) -> Iterator[Obstacle]:
    """Nodes that the agent will not run on, by reason: in the way where associated pods run there, and where there is
    an agent already (`served`, None where it comes anew)."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for node in nodes:
        if found := _left_out(node, agent):
            reasons.setdefault(found, []).append(node.name)
    for (mode, reason), names in reasons.items():
        users = sorted({name for node in names for name in needy.get(node, ())})
        who = f"; pods of {short_list(users)} run there" if users else ""
        switch = mode == "hybrid-daemonset-missing" and not agent.hybrid
        hint = Again(add=("--config", HYBRID)) if switch else None
        # no agent mends what runs on Fargate or Windows: the doctor says so of the pods
        lost = served is None or any(name in served for name in names)
        stops = bool(users) and lost and mode in ("agent-not-on-node", "hybrid-daemonset-missing")
        yield Obstacle(mode, f"the agent will not run on {short_list(names)}: {reason}{who}", stops, hint)


def _left_out(node: Node, agent: Coming) -> tuple[str, str] | None:
    """(failure mode, reason) of a node without an agent; None where it comes, or is built in."""
    if node.compute_type == "auto":
        return None
    if node.compute_type == "hybrid" and node.os == "linux":
        if agent.serves_hybrid:
            return None
        if agent.hybrid:
            return "hybrid-daemonset-missing", f"{agent.version} has nothing for hybrid nodes, {HYBRID_SINCE} has"
        return "hybrid-daemonset-missing", f"a hybrid node needs the DaemonSet that --config {HYBRID} makes"
    if not node.runs_agent:
        mode = "windows-pod" if node.os == "windows" else "fargate-pod" if node.compute_type else "agent-not-on-node"
        return mode, why_no_agent(node)
    reason = "" if agent.placement is None else why_not_here(node, agent.placement)
    return ("agent-not-on-node", reason) if reason else None


# --- agents that are there already ------------------------------------------------------------------------------------


def other_agents(agents: Iterable[DaemonSet], *, overwrite: bool) -> Iterator[Obstacle]:
    """Agents that are not the add-on's, which is not installed. EKS takes one of its own name over, if it is told to
    overwrite; it clashes with every other."""
    for agent in agents:
        name, owner = f"{agent.namespace}/{agent.name}", _owner(agent)
        same = _is_addons(agent)
        if same and agent.set_by and not _others(agent):
            what = f"the add-on takes over DaemonSet {name}, which it left behind and nobody else has changed"
            yield Obstacle("addon-config-conflict", what, stops=False)
            continue
        if same and overwrite:
            what = f"the add-on takes over DaemonSet {name}{owner}; what was set on it by others is lost"
            yield Obstacle("addon-config-conflict", what, stops=False)
            continue
        clash = "EKS would not overwrite its fields" if same else "two clash on the nodes' port 80"
        yield Obstacle(
            "addon-config-conflict",
            f"another agent than the add-on's runs already: DaemonSet {name}{owner}, and {clash}",
            hint=Again(add=("--resolve-conflicts", "overwrite")) if same else None,
            advice="Keep it and leave the add-on out, or uninstall it first with what installed it, such as Helm.",
        )


def overwritten(agents: Iterable[DaemonSet]) -> Iterator[Obstacle]:
    """What EKS, told to overwrite, puts back on the DaemonSet of the add-on's name where the add-on sets it as well."""
    for agent in agents:
        told = "; ".join(f"by {who}: {short_list(fields, 8)}" for who, fields in _others(agent).items())
        if told and _is_addons(agent):
            what = f"overwriting puts back what others have set on DaemonSet {agent.namespace}/{agent.name}, {told}"
            yield Obstacle("addon-config-conflict", what, stops=False)


def _is_addons(agent: DaemonSet) -> bool:
    """Whether it has the name that EKS gives the add-on's."""
    return (agent.namespace, agent.name) == (AGENT_NAMESPACE, AGENT_ADDON)


def _others(agent: DaemonSet) -> Mapping[str, tuple[str, ...]]:
    """What others than EKS have set on it."""
    return {who: fields for who, fields in agent.set_by.items() if who not in _ITS_OWN}


def _owner(agent: DaemonSet) -> str:
    manager = agent.labels.get("app.kubernetes.io/managed-by", "")
    chart = agent.labels.get("helm.sh/chart", "")
    told = [word for word in (f"managed by {manager}" if manager else "", chart) if word]
    return f" ({', '.join(told)})" if told else ""


# --- what comes of it -------------------------------------------------------------------------------------------------


def with_preflight(plan: Plan, found: Preflight, *, force: bool, fix_node_role: bool) -> Plan:
    """The plan with what was found as notes, and with what mends it. Raises PreflightRefused where something is in the
    way, unless `force` says to go on."""
    repaired = [each for each in found.obstacles if each.role_arn and fix_node_role]
    left = [each for each in found.obstacles if each not in repaired]
    stopping = [each for each in left if each.stops and not force]
    if stopping:
        raise _refused(stopping)
    notes = (*map(str, left), *(f"not looked at: {each}" for each in found.unknowns))
    repairs = (_attachment(each.role_arn) for each in repaired)
    return replace(plan, actions=(*repairs, *plan.actions), notes=(*plan.notes, *notes))


def _attachment(role_arn: str) -> Action:
    state = ROLE_ATTACHMENT.state_of(parse_role_arn(role_arn).resource_name, minimal_policy(role_arn))
    return ROLE_ATTACHMENT.action(None, state, "the nodes' role may then redeem the pods' tokens")


def _refused(obstacles: Sequence[Obstacle]) -> PreflightRefused:
    told = "; ".join(map(str, obstacles))
    several = f"{len(obstacles)} things are in the way of the agent: " if len(obstacles) > 1 else ""
    hint = next((each.hint for each in obstacles if each.hint is not None), None)
    advice = next((each.advice for each in obstacles if each.advice), "")
    more = f"podid explain {obstacles[0].id} says more; --force goes on all the same. Nothing was written."
    return PreflightRefused(
        several + told, hint=hint or Again(add=("--force",)), subject=AGENT_ADDON, advice=f"{advice} {more}".strip()
    )
