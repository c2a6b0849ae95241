"""Check the cluster before the agent is installed: the doctor's checks of the cluster as it will be, and other agents.
Predict the conflicts of an add-on's update."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from podid.domain.aws import Addon
from podid.domain.cluster import DaemonSet, FieldWriters
from podid.domain.errors import Again, Conflict, Hint, Other, PodidError
from podid.domain.findings import Severity, Verdict
from podid.domain.names import AGENT_ADDON, role_name
from podid.domain.plan import Place, Plan
from podid.domain.snapshot import Known, Missing, Snapshot, known_or
from podid.domain.text import short_list
from podid.domain.workloads import why_not_here
from podid.facts.agent import FREES_PORT, FREES_PROBE_PORT, PlannedAgent, hybrid_kind, is_addons
from podid.facts.nodes import has_own_image, minimal_policy, why_no_agent
from podid.ops.change.kinds import ROLE_ATTACHMENT
from podid.ops.clients import Clients, KubeAccess
from podid.ops.reading.collect import ReadRequest, collect
from podid.ops.status.diagnose import Diagnosis, diagnose, select
from podid.ops.status.prediction import predict

# about the cluster itself: reported before anything else is read, such as the versions that EKS offers
OF_CLUSTER = ("unsupported-cluster-kind", "cluster-too-old")
NODE_ROLE = "node-role-missing-eks-auth"
# conflicts of the new agent, whether or not a pod needs it
CLASHES = ("agent-port80-conflict", "agent-probe-port-conflict")
OTHER_AGENT, NO_HYBRID = "addon-config-conflict", "hybrid-daemonset-missing"
# required by the agent: reported if they are unknown
NEEDED = ("agent-port80-conflict", "eks-auth-unreachable", "scp-denies-eks-auth", NODE_ROLE)
# affected by the agent, and required by it
CHECKS = (
    *("fargate-pod", "windows-pod", "agent-not-installed", "agent-not-on-node", NO_HYBRID),
    *("auto-mode-redundant-addon", OTHER_AGENT, "agent-probe-port-conflict"),
    *NEEDED,
)
FIX_NODE_ROLE = "--fix-node-role"
_HINTS: Mapping[str, tuple[str, str]] = {
    "agent-port80-conflict": ("--config", FREES_PORT),
    "agent-probe-port-conflict": ("--config", FREES_PROBE_PORT),
}
# https://docs.aws.amazon.com/eks/latest/userguide/hybrid-nodes-add-ons.html
CREDENTIALS_FILE = "hybrid.enableCredentialsFile: true"
IPV4_ONLY = "agent.additionalArgs.-b=169.254.170.23"


class PreflightRefused(Conflict, code="PreflightRefused"):
    """The agent would not start, or would break something, in this cluster as it is; nothing was written."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A reason against the installation, with its failure mode's `id`. One that does not `stop` becomes a note; `hint`
    is the solution, if it is one command."""

    id: str
    message: str
    stops: bool = True
    hint: Hint | None = None
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.id}: {self.message}"


@dataclass(frozen=True, slots=True)
class Preflight:
    """`unknowns` are sentences about facts that could not be checked."""

    obstacles: tuple[Obstacle, ...] = ()
    unknowns: tuple[str, ...] = ()

    def then(self, other: Self) -> Self:
        unknowns = dict.fromkeys((*self.unknowns, *other.unknowns))
        return replace(self, obstacles=(*self.obstacles, *other.obstacles), unknowns=tuple(unknowns))


def check_cluster(clients: Clients, place: Place, *, force: bool, now: datetime) -> Preflight:
    """Check the cluster's type and version, without a call. Raise PreflightRefused, unless `force`."""
    checks = select(OF_CLUSTER)
    report = diagnose(collect(clients, place, ReadRequest(checks=checks), now=now, journal=None), checks=checks)
    obstacles = tuple(Obstacle(verdict.check, verdict.message) for verdict in report.findings)
    if obstacles and not force:
        raise _refused(obstacles)
    return Preflight(obstacles, _by_reason(report.unknowns))


def with_outlook(
    plan: Plan, diagnosis: Diagnosis, agent: PlannedAgent, now: datetime, *, changing: bool, fix_node_role: bool
) -> tuple[Plan, Preflight]:
    """Return the plan with its outlook and the repair of node roles, and the obstacles; pure. `changing`: the add-on is
    installed already, so that only failures caused by the change stop it."""
    # the node roles that lack the permission and would get it by another policy
    named = {verdict.subject.name for verdict in diagnosis.report.findings if verdict.check == NODE_ROLE}
    decisions = known_or(diagnosis.snapshot.node_role_allowed, {}).items()
    arns = [arn for arn, part in decisions if isinstance(part, Known) and part.value.lacks_a_policy]
    lacking = {role_name(arn): arn for arn in arns if role_name(arn) in named}
    if fix_node_role:
        states = [ROLE_ATTACHMENT.state_of(name, minimal_policy(arn)) for name, arn in lacking.items()]
        note = "allows the nodes' role to redeem the pods' tokens"
        attachments = (ROLE_ATTACHMENT.action(None, state, note) for state in states)
        plan = replace(plan, actions=(*attachments, *plan.actions))
    outlook = predict(diagnosis, plan, now)
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
    """Return whether the finding stops the installation. `other_agents` reports other agents in more detail."""
    if verdict.masked_by or verdict.check == OTHER_AGENT:
        return False
    return verdict.severity is Severity.ERROR or verdict.check in CLASHES


def _obstacle(verdict: Verdict, lacking: Mapping[str, str], *, stops: bool) -> Obstacle | None:
    """Return None for a note that stops nothing, and for a consequence of another finding."""
    if verdict.masked_by or (verdict.severity is Severity.INFO and not stops):
        return None
    hint: Hint | None = None
    if words := _HINTS.get(verdict.check):
        hint = Again(add=words)
    elif verdict.check == NO_HYBRID and verdict.fix is not None and verdict.fix.commands:
        # podid install-agent --config VALUE
        hint = Again(add=verdict.fix.commands[0][2:4])
    elif verdict.check == NODE_ROLE and verdict.subject.name in lacking:
        hint = Again(add=(FIX_NODE_ROLE,))
    return Obstacle(verdict.check, verdict.full_message, stops, hint)


def _by_reason(unknowns: Iterable[Verdict]) -> tuple[str, ...]:
    """Group by the failed read, which several checks may need."""
    checks: dict[str, dict[str, None]] = {}
    for item in unknowns:
        checks.setdefault(item.reason, {})[item.check] = None
    return tuple(f"{', '.join(ids)}: {reason}" for reason, ids in checks.items())


def _left_out(snapshot: Snapshot, agent: PlannedAgent, named: Collection[str]) -> Iterator[str]:
    """Yield the nodes without an agent by reason, except those with a finding."""
    reasons: dict[str, list[str]] = {}
    for node in known_or(snapshot.nodes, ()):
        if node.name in named or node.compute_type == "auto" or agent.goes_to(node):
            continue
        if node.runs_agent and agent.placement is not None:
            reason = why_not_here(node, agent.placement)
        elif kind := hybrid_kind(node):
            reason = agent.why_not_hybrid(kind)
        else:
            reason = why_no_agent(node)
        reasons.setdefault(reason, []).append(node.name)
    for reason, names in reasons.items():
        yield f"the agent will not run on {short_list(names)}: {reason}"


def _credentials_files(snapshot: Snapshot, agent: PlannedAgent) -> Iterator[str]:
    """Yield the unknown about hybrid nodes: their agent uses a file that nodeadm writes only if configured."""
    hybrid = [node.name for node in known_or(snapshot.nodes, ()) if agent.serves(hybrid_kind(node))]
    if hybrid:
        yield (
            f"whether {short_list(hybrid)} {'has' if len(hybrid) == 1 else 'have'} the credentials file that the agent "
            f"needs ({NO_HYBRID}); nodeadm writes it with {CREDENTIALS_FILE}"
        )


def _kernels(snapshot: Snapshot, agent: PlannedAgent) -> Iterator[str]:
    """Yield the unknown about IPv6 in the kernels of nodes that may have another image or user data than EKS's own.
    Without IPv6 the agent cannot start."""
    clusters = [snapshot.cluster.value] if isinstance(snapshot.cluster, Known) else []
    names = [n.name for n in known_or(snapshot.nodes, ()) if n.runs_agent and has_own_image(n)]
    if names and not agent.has_bind_address and any(cluster.ip_family == "ipv4" for cluster in clusters):
        yield (
            f"whether IPv6 is disabled on {short_list(names)} (agent-ipv6-bind); the agent crashes on such a node "
            f"without --config {IPV4_ONLY}"
        )


# --- agents that are there already ------------------------------------------------------------------------------------


def other_agents(agents: Iterable[DaemonSet], cluster: str, *, overwrite: bool) -> Iterator[Obstacle]:
    """Yield agents that do not belong to the add-on, while the add-on is not installed. EKS takes over an agent with
    the add-on's name if it may overwrite; any other agent conflicts with it."""
    for agent in agents:
        name, owner = f"{agent.namespace}/{agent.name}", _owner(agent)
        same = is_addons(agent)
        if same and agent.set_by and not others(agent.set_by):
            message = f"the add-on takes over DaemonSet {name}, which an earlier installation left unchanged"
            yield Obstacle(OTHER_AGENT, message, stops=False)
            continue
        if same and overwrite:
            message = f"the add-on takes over DaemonSet {name}{owner}; changes by others are lost"
            yield Obstacle(OTHER_AGENT, message, stops=False)
            continue
        clash = "EKS would not overwrite its fields" if same else "both would use port 80 of the nodes"
        take = "pass --resolve-conflicts overwrite" if same else "first uninstall it with the tool that installed it"
        yield Obstacle(
            OTHER_AGENT,
            f"DaemonSet {name}{owner} already runs an agent and does not belong to the add-on; {clash}",
            hint=Other(("agent", "status"), flags=("--cluster", cluster)),
            advice=f"It serves pods. To replace it with the add-on, {take}.",
        )


def overwritten(agents: Iterable[DaemonSet]) -> Iterator[Obstacle]:
    """Yield the changes by others to the add-on's DaemonSet that EKS resets when it overwrites."""
    for agent in agents:
        changes = "; ".join(f"by {who}: {short_list(fields, 8)}" for who, fields in others(agent.set_by).items())
        if changes and is_addons(agent):
            name = f"{agent.namespace}/{agent.name}"
            message = f"overwriting resets changes by others to DaemonSet {name}, {changes}"
            yield Obstacle(OTHER_AGENT, message, stops=False)


def _owner(agent: DaemonSet) -> str:
    manager = agent.labels.get("app.kubernetes.io/managed-by", "")
    chart = agent.labels.get("helm.sh/chart", "")
    labels = [word for word in (f"managed by {manager}" if manager else "", chart) if word]
    return f" ({', '.join(labels)})" if labels else ""


def checked(plan: Plan, preflight: Preflight, *, force: bool) -> Plan:
    """Return the plan with notes on obstacles that its outlook does not contain. Raise PreflightRefused if one stops
    the installation, unless `force`."""
    stopping = [item for item in preflight.obstacles if item.stops]
    if stopping and not force:
        raise _refused(stopping)
    predicted = {verdict.check for verdict in plan.outlook.brings} if plan.outlook is not None else set()
    notes = dict.fromkeys(str(item) for item in preflight.obstacles if item.id not in predicted)
    return replace(plan, notes=(*plan.notes, *notes, *(f"not checked: {item}" for item in preflight.unknowns)))


def _refused(obstacles: Sequence[Obstacle]) -> PreflightRefused:
    first, *more = obstacles
    several = f"{len(obstacles)} reasons prevent the installation: " if more else ""
    hint = next((obstacle.hint for obstacle in obstacles if obstacle.hint is not None), None)
    advice = next((obstacle.advice for obstacle in obstacles if obstacle.advice), "")
    return PreflightRefused(
        several + "; ".join(dict.fromkeys(map(str, obstacles))),
        hint=hint or (),
        subject=AGENT_ADDON,
        advice=f"{advice} Pass --force to continue anyway. Nothing was written.".strip(),
        id=first.id,
    )


# --- conflicts of an update: fields of the add-on's objects that other field managers have set ------------------------

# EKS applies an add-on with server-side apply as field manager `eks`, and resolves conflicts by UpdateAddon's
# resolveConflicts: https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-field-management.html
ITS_OWN = ("eks", "kube-controller-manager")
_LABELS = ("app.kubernetes.io/instance", "app.kubernetes.io/name", "eks.amazonaws.com/component", "k8s-app")
_EFFECTS = {
    "none": "the update fails if the new version changes them",
    "preserve": "they stay",
    "overwrite": "EKS resets those that the add-on sets",
}


def others(set_by: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    """Return the fields that field managers other than EKS have set."""
    return {who: fields for who, fields in set_by.items() if who not in ITS_OWN}


def conflict_notes(kube: KubeAccess, addon: Addon, chosen: str) -> tuple[str, ...]:
    """Return a sentence for each object of the add-on with fields that others have set, with the effect of every value
    of --resolve-conflicts, the `chosen` one first; or why they could not be checked."""
    try:
        objects = kube.reader.list_written(addon.namespace)
    except PodidError as error:
        return (f"conflicts with fields that others have set were not checked: {error.message}",)
    return tuple(_sentences(addon, objects, chosen))


def _sentences(addon: Addon, objects: Iterable[FieldWriters], chosen: str) -> Iterable[str]:
    own = [item for item in objects if "eks" in item.set_by and _is_of(addon, item)]
    if not own:
        yield f"podid does not recognize the objects of add-on {addon.name}: fields that others have set are not known"
    ways = [f"{value}: {_EFFECTS[value]}" for value in (chosen, *(value for value in _EFFECTS if value != chosen))]
    for item in own:
        changes = "; ".join(f"{who} has set {short_list(fields, 4)}" for who, fields in others(item.set_by).items())
        if changes:
            effects = f"with --resolve-conflicts {ways[0]}. {ways[1]}. {ways[2]}"
            yield f"{item.kind} {item.namespace}/{item.name}: {changes}; {effects}"


def _is_of(addon: Addon, item: FieldWriters) -> bool:
    return any(item.labels.get(label, "").removeprefix("aws-") == addon.name.removeprefix("aws-") for label in _LABELS)
