"""The state of the agent: add-on, DaemonSets, coverage and the doctor's findings."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, TypeVar

from podid.checks.affected import bearing_of
from podid.domain.aws import Addon
from podid.domain.cluster import DaemonSet
from podid.domain.errors import ExitCode, PodidError
from podid.domain.findings import Bearing, Severity
from podid.domain.members import About, ArnText, Key, schema_name
from podid.domain.plan import Place
from podid.domain.report import DoctorReport, group_unknowns
from podid.domain.section import Unread
from podid.domain.snapshot import Known, Missing, Section, Snapshot
from podid.domain.text import needing
from podid.domain.workloads import is_agent
from podid.facts.nodes import nodes_of_unknown_role, roles_of_nodes
from podid.ops.agent.coverage import NEEDY, Coverage, coverage, needy_by_node
from podid.ops.agent.versions import AgentVersions, read_versions
from podid.ops.clients import Clients
from podid.ops.reading.collect import ReadRequest, collect
from podid.ops.status.diagnose import diagnose, select

T = TypeVar("T")
AgentState = Literal["ready", "doubtful", "broken", "unknown", "not-installed"]
# on the links of the agent, but about pods, their roles, the VPC CNI and upgrades of the cluster
_OF_OTHERS = (
    *("fargate-pod", "windows-pod", "node-startup-race", "permissions-boundary-denies", "cni-depends-on-agent"),
    *("auto-mode-redundant-addon", "addon-blocks-upgrade"),
)
AGENT_CHECKS = select(skip=_OF_OTHERS, links=("6", "7", "8"))


@schema_name("NodeRoleBody")
@dataclass(frozen=True, slots=True)
class NodeRolePermission:
    """The permission of a role of live nodes to redeem tokens; None if not known."""

    arn: Annotated[ArnText, Key("roleArn")]
    used_by: str
    allowed: Annotated[bool | None, About("Whether the role is authorized to redeem tokens; null if not known.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReading:
    """`daemon_sets`, `coverage` and `node_roles` are None if they could not be read; the report says why. `untold` are
    nodes whose role is not known, `untold_reason` is the failure of EC2 or IAM. `addon` is Known(None) if it is not
    installed. `versions` is the error that prevented reading EKS's offer. If `missing` is None, the coverage includes
    which pods need the agent."""

    cluster: str
    addon: Section[Addon | None]
    daemon_sets: tuple[DaemonSet, ...] | None
    coverage: Coverage | None
    missing: Missing | None
    node_roles: tuple[NodeRolePermission, ...] | None
    untold: tuple[str, ...]
    versions: AgentVersions | PodidError
    report: DoctorReport
    untold_reason: str = ""

    @property
    def state(self) -> AgentState:
        """Return the state in the words of identities: `broken` if a pod is or may be left without an agent, or the
        add-on failed; `doubtful` for a warning that the agent may not work."""
        findings = self.report.findings
        if any(item.check == "agent-not-installed" for item in findings):
            return "not-installed"
        if any(item.severity is Severity.ERROR or item.check == "addon-degraded-or-failed" for item in findings):
            return "broken"
        if any(item.severity is Severity.ERROR for item in self.report.unknowns):
            return "unknown"
        if any(item.severity is Severity.WARN and bearing_of(item) is Bearing.STOPS for item in findings):
            return "doubtful"
        return "ready"

    @property
    def unread(self) -> tuple[Unread, ...]:
        """Return the parts that could not be read and that no check needs."""
        parts = [Unread(NEEDY, self.missing.reason, self.missing.permission, detail=True)] if self.missing else []
        if isinstance(self.versions, PodidError):
            parts.append(Unread.of("the versions that EKS offers", self.versions, detail=True))
        return tuple(parts)

    @property
    def gaps(self) -> tuple[str, ...]:
        """Return a sentence for each part that could not be read."""
        groups = group_unknowns(self.report.verdicts)
        checks = (f"{', '.join(group.checks)}: {needing(group.reason, group.permission)}" for group in groups)
        return tuple(f"not checked: {part}" for part in (*map(str, self.unread), *checks))

    @property
    def exit_code(self) -> ExitCode:
        """Return the exit code; without an agent, that of the report, because the cluster may not need one."""
        if self.state == "not-installed":
            return self.report.exit_code()
        return _CODES.get(self.state, ExitCode.UNDETERMINED)


_CODES = {"ready": ExitCode.OK, "broken": ExitCode.ATTENTION}


def read_agent(clients: Clients, place: Place, *, now: datetime) -> AgentReading:
    snapshot = collect(clients, place, ReadRequest(checks=AGENT_CHECKS), now=now, journal=None)
    sets, nodes, pods = _value(snapshot.daemon_sets), _value(snapshot.nodes), _value(snapshot.agent_pods)
    agents = None if sets is None else tuple(item for item in sets if is_agent(item))
    associations, everybody = _value(snapshot.associations), _value(snapshot.pods)
    needy = None
    if associations is not None and everybody is not None:
        needy = needy_by_node(everybody, {item.ref for item in associations})
    versions: AgentVersions | PodidError
    try:
        versions = read_versions(clients, place)
    except PodidError as error:
        versions = error
    return AgentReading(
        cluster=place.cluster_name,
        addon=snapshot.agent_addon,
        daemon_sets=agents if agents is not None and nodes is not None and pods is not None else sets,
        coverage=None if agents is None or nodes is None or pods is None else coverage(nodes, agents, pods, needy),
        missing=next((part for part in (snapshot.associations, snapshot.pods) if isinstance(part, Missing)), None),
        node_roles=_node_roles(snapshot),
        untold=tuple(nodes_of_unknown_role(snapshot)) if isinstance(snapshot.node_groups, Known) else (),
        untold_reason=snapshot.other_node_roles.reason if isinstance(snapshot.other_node_roles, Missing) else "",
        versions=versions,
        report=diagnose(snapshot, checks=AGENT_CHECKS),
    )


def _node_roles(snapshot: Snapshot) -> tuple[NodeRolePermission, ...] | None:
    """Return the roles of live nodes: EKS reports those of managed node groups and of Auto Mode."""
    sections = (snapshot.cluster, snapshot.node_groups, snapshot.node_role_allowed)
    if any(isinstance(section, Missing) for section in sections):
        return None
    return tuple(
        NodeRolePermission(
            role.arn, role.used_by, role.decision.value.allowed if isinstance(role.decision, Known) else None
        )
        for role in roles_of_nodes(snapshot)
        if role.nodes is None or role.nodes
    )


def _value(section: Section[T]) -> T | None:
    return section.value if isinstance(section, Known) else None
