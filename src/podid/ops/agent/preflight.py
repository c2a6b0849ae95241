"""What stands in the agent's way on this very cluster, before anything is written: what the doctor's checks say of the
cluster as it will be, and what of another agent that is there already EKS would meet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from podid.domain.cluster import DaemonSet
from podid.domain.errors import Again, Conflict, Hint, Other
from podid.domain.findings import Severity, Verdict
from podid.domain.names import AGENT_ADDON, role_name
from podid.domain.placement import why_not_here
from podid.domain.plan import Place, Plan
from podid.domain.snapshot import Known, Missing, Snapshot, known_or
from podid.domain.text import short_list
from podid.facts.agent import FREES_PORT, FREES_PROBE_PORT, HYBRID, PlannedAgent, is_addons
from podid.facts.nodes import minimal_policy, why_no_agent
from podid.ops.change.kinds import ROLE_ATTACHMENT
from podid.ops.change.planned import lacks_a_policy
from podid.ops.clients import Clients
from podid.ops.reading.collect import ReadRequest, collect
from podid.ops.status.diagnose import Diagnosis, diagnose, select
from podid.ops.status.foresee import foresee

# of the cluster itself: told before anything else is asked, such as the versions that EKS offers it
OF_CLUSTER = ("unsupported-cluster-kind", "cluster-too-old")
NODE_ROLE = "node-role-missing-eks-auth"
# what the agent clashes with when it comes, whoever needs it
CLASHES = ("agent-port80-conflict", "agent-probe-port-conflict")
OTHER_AGENT = "addon-config-conflict"
# those that an agent needs and whose answers are said where they could not be had
NEEDED = ("agent-port80-conflict", "eks-auth-unreachable", "scp-denies-eks-auth", NODE_ROLE)
# what the agent changes, and what it depends on
CHECKS = (
    *("fargate-pod", "windows-pod", "agent-not-installed", "agent-not-on-node", "hybrid-daemonset-missing"),
    *("auto-mode-redundant-addon", OTHER_AGENT, "agent-probe-port-conflict"),
    *NEEDED,
)
FIX_NODE_ROLE = "--fix-node-role"
_HINTS: Mapping[str, tuple[str, str]] = {
    "agent-port80-conflict": ("--config", FREES_PORT),
    "agent-probe-port-conflict": ("--config", FREES_PROBE_PORT),
    "hybrid-daemonset-missing": ("--config", HYBRID),
}
# https://docs.aws.amazon.com/eks/latest/userguide/hybrid-nodes-add-ons.html
CREDENTIALS_FILE = "hybrid.enableCredentialsFile: true"
IPV4_ONLY = "agent.additionalArgs.-b=169.254.170.23"
# of the fields that EKS sets: https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-field-management.html
_ITS_OWN = ("eks", "kube-controller-manager")


class PreflightRefused(Conflict):
    """The agent would not come up, or would break something, on this cluster as it is; nothing was written."""

    code = "PreflightRefused"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What is in the way, with its failure mode's `id`. One that does not `stop` is told and no more; `hint` is the way
    out, where it is one command."""

    id: str
    message: str
    stops: bool = True
    hint: Hint | None = None
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.id}: {self.message}"


@dataclass(frozen=True, slots=True)
class Preflight:
    """`unknowns` are sentences about what could not be looked at."""

    obstacles: tuple[Obstacle, ...] = ()
    unknowns: tuple[str, ...] = ()

    def then(self, other: Preflight) -> Preflight:
        return Preflight((*self.obstacles, *other.obstacles), tuple(dict.fromkeys((*self.unknowns, *other.unknowns))))


def check_cluster(clients: Clients, place: Place, *, force: bool, now: datetime) -> Preflight:
    """What the cluster's kind and version say, without a call. Raises PreflightRefused, unless `force`."""
    checks = select(OF_CLUSTER)
    report = diagnose(collect(clients, place, ReadRequest(checks=checks), now=now), checks=checks)
    obstacles = tuple(Obstacle(verdict.check, verdict.message) for verdict in report.findings)
    if obstacles and not force:
        raise _refused(obstacles)
    return Preflight(obstacles, _by_reason(report.unknowns))


def with_outlook(
    plan: Plan, diagnosis: Diagnosis, agent: PlannedAgent, now: datetime, *, changing: bool, fix_node_role: bool
) -> tuple[Plan, Preflight]:
    """The plan with what comes of it, and with what mends the nodes' roles; beside it what is in its way. Pure.
    `changing`: the add-on is installed already, so that only what the change itself breaks is in its way."""
    # the node roles that lack the one right, and that another policy gives it to
    named = {verdict.subject.name for verdict in diagnosis.report.findings if verdict.check == NODE_ROLE}
    decisions = known_or(diagnosis.snapshot.node_role_allowed, {}).items()
    arns = [arn for arn, part in decisions if isinstance(part, Known) and lacks_a_policy(part.value)]
    lacking = {role_name(arn): arn for arn in arns if role_name(arn) in named}
    if fix_node_role:
        states = [ROLE_ATTACHMENT.state_of(name, minimal_policy(arn)) for name, arn in lacking.items()]
        note = "the nodes' role may then redeem the pods' tokens"
        attachments = (ROLE_ATTACHMENT.action(None, state, note) for state in states)
        plan = replace(plan, actions=(*attachments, *plan.actions))
    outlook = foresee(diagnosis, plan, now)
    obstacles = [_obstacle(verdict, lacking, stops=_stops(verdict) and not changing) for verdict in outlook.stands]
    obstacles += [_obstacle(verdict, lacking, stops=_stops(verdict)) for verdict in outlook.brings]
    snapshot = diagnosis.snapshot
    unknowns = [*_by_reason(v for v in diagnosis.report.unknowns if v.check in NEEDED)]
    if isinstance(snapshot.associations, Missing):
        unknowns.append(f"the associations: {snapshot.associations.reason}")
    unknowns += _credentials_files(snapshot, agent)
    unknowns += () if changing else _kernels(snapshot, agent)
    shown = [verdict for verdict in (*outlook.stands, *outlook.brings) if verdict.severity is not Severity.INFO]
    nodes = {verdict.subject.name for verdict in shown if verdict.subject.kind == "Node"}
    plan = replace(plan, outlook=outlook, notes=(*plan.notes, *_left_out(snapshot, agent, nodes)))
    return plan, Preflight(tuple(item for item in obstacles if item is not None), tuple(dict.fromkeys(unknowns)))


def _stops(verdict: Verdict) -> bool:
    """Of another agent `other_agents` has more to say."""
    if verdict.masked_by or verdict.check == OTHER_AGENT:
        return False
    return verdict.severity is Severity.ERROR or verdict.check in CLASHES


def _obstacle(verdict: Verdict, lacking: Mapping[str, str], *, stops: bool) -> Obstacle | None:
    """None for a note that stops nothing, and for what follows from others."""
    if verdict.masked_by or (verdict.severity is Severity.INFO and not stops):
        return None
    hint: Hint | None = None
    if words := _HINTS.get(verdict.check):
        hint = Again(add=words)
    elif verdict.check == NODE_ROLE and verdict.subject.name in lacking:
        hint = Again(add=(FIX_NODE_ROLE,))
    of = f"{verdict.subject}: " if verdict.subject.kind == "Pod" else ""
    return Obstacle(verdict.check, f"{of}{verdict.message}", stops, hint)


def _by_reason(unknowns: Iterable[Verdict]) -> tuple[str, ...]:
    """One read that fails may be what several checks lack."""
    checks: dict[str, dict[str, None]] = {}
    for item in unknowns:
        checks.setdefault(item.reason, {})[item.check] = None
    return tuple(f"{', '.join(ids)}: {reason}" for reason, ids in checks.items())


def _left_out(snapshot: Snapshot, agent: PlannedAgent, named: Collection[str]) -> Iterator[str]:
    """Nodes that get no agent, by the reason, but for those of which a finding tells."""
    reasons: dict[str, list[str]] = {}
    for node in known_or(snapshot.nodes, ()):
        if node.name in named or node.compute_type == "auto" or agent.goes_to(node):
            continue
        if node.runs_agent and agent.placement is not None:
            reason = why_not_here(node, agent.placement)
        elif node.compute_type == "hybrid" and node.os == "linux":
            reason = agent.why_not_hybrid
        else:
            reason = why_no_agent(node)
        reasons.setdefault(reason, []).append(node.name)
    for reason, names in reasons.items():
        yield f"the agent will not run on {short_list(names)}: {reason}"


def _credentials_files(snapshot: Snapshot, agent: PlannedAgent) -> Iterator[str]:
    """The agent of a hybrid node acts by a file that nodeadm writes there if it is told to."""
    nodes = known_or(snapshot.nodes, ())
    hybrid = [node.name for node in nodes if node.compute_type == "hybrid" and node.os == "linux"]
    if hybrid and agent.serves_hybrid:
        yield (
            f"hybrid-daemonset-missing: whether {short_list(hybrid)} {'has' if len(hybrid) == 1 else 'have'} the "
            f"credentials file that the agent needs there, which nodeadm writes with {CREDENTIALS_FILE}"
        )


def _kernels(snapshot: Snapshot, agent: PlannedAgent) -> Iterator[str]:
    """Neither EKS nor Kubernetes says whether a node's kernel has IPv6, without which the agent cannot start."""
    clusters = [snapshot.cluster.value] if isinstance(snapshot.cluster, Known) else []
    served = any(node.runs_agent for node in known_or(snapshot.nodes, ()))
    if served and not agent.has_bind_address and any(cluster.ip_family == "ipv4" for cluster in clusters):
        yield (
            "agent-ipv6-bind: whether a node has IPv6 switched off; agents crash on such nodes without "
            f"--config {IPV4_ONLY}"
        )


# --- agents that are there already ------------------------------------------------------------------------------------


def other_agents(agents: Iterable[DaemonSet], cluster: str, *, overwrite: bool) -> Iterator[Obstacle]:
    """Agents that are not the add-on's, which is not installed. EKS takes one of its own name over, if it is told to
    overwrite; it clashes with every other."""
    for agent in agents:
        name, owner = f"{agent.namespace}/{agent.name}", _owner(agent)
        same = is_addons(agent)
        if same and agent.set_by and not _others(agent):
            message = f"the add-on takes over DaemonSet {name}, which it left behind and nobody else has changed"
            yield Obstacle(OTHER_AGENT, message, stops=False)
            continue
        if same and overwrite:
            message = f"the add-on takes over DaemonSet {name}{owner}; what was set on it by others is lost"
            yield Obstacle(OTHER_AGENT, message, stops=False)
            continue
        clash = "EKS would not overwrite its fields" if same else "two clash on the nodes' port 80"
        take = "add --resolve-conflicts overwrite" if same else "uninstall it first with what installed it"
        yield Obstacle(
            OTHER_AGENT,
            f"another agent than the add-on's runs already: DaemonSet {name}{owner}, and {clash}",
            hint=Other(("agent", "status"), flags=("--cluster", cluster)),
            advice=f"It serves pods as it is. To have the add-on in its place, {take}.",
        )


def overwritten(agents: Iterable[DaemonSet]) -> Iterator[Obstacle]:
    """What EKS, told to overwrite, puts back on the DaemonSet of the add-on's name where the add-on sets it as well."""
    for agent in agents:
        changes = "; ".join(f"by {who}: {short_list(fields, 8)}" for who, fields in _others(agent).items())
        if changes and is_addons(agent):
            name = f"{agent.namespace}/{agent.name}"
            message = f"overwriting puts back what others have set on DaemonSet {name}, {changes}"
            yield Obstacle(OTHER_AGENT, message, stops=False)


def _others(agent: DaemonSet) -> Mapping[str, tuple[str, ...]]:
    """What others than EKS have set on it."""
    return {who: fields for who, fields in agent.set_by.items() if who not in _ITS_OWN}


def _owner(agent: DaemonSet) -> str:
    manager = agent.labels.get("app.kubernetes.io/managed-by", "")
    chart = agent.labels.get("helm.sh/chart", "")
    labels = [word for word in (f"managed by {manager}" if manager else "", chart) if word]
    return f" ({', '.join(labels)})" if labels else ""


# --- what comes of it -------------------------------------------------------------------------------------------------


def checked(plan: Plan, preflight: Preflight, *, force: bool) -> Plan:
    """The plan, with notes on what its outlook does not tell. Raises PreflightRefused where something is in the way,
    unless `force` says to go on."""
    stopping = [item for item in preflight.obstacles if item.stops]
    if stopping and not force:
        raise _refused(stopping)
    foreseen = {verdict.check for verdict in plan.outlook.brings} if plan.outlook is not None else set()
    notes = dict.fromkeys(str(item) for item in preflight.obstacles if item.id not in foreseen)
    return replace(plan, notes=(*plan.notes, *notes, *(f"not looked at: {item}" for item in preflight.unknowns)))


def _refused(obstacles: Sequence[Obstacle]) -> PreflightRefused:
    first, *more = obstacles
    several = f"{len(obstacles)} things are in the way of the agent: " if more else ""
    hint = next((obstacle.hint for obstacle in obstacles if obstacle.hint is not None), None)
    advice = next((obstacle.advice for obstacle in obstacles if obstacle.advice), "")
    return PreflightRefused(
        several + "; ".join(dict.fromkeys(map(str, obstacles))),
        hint=hint or Again(add=("--force",)),
        subject=AGENT_ADDON,
        advice=f"{advice} --force goes on all the same. Nothing was written.".strip(),
        id=first.id,
    )
