"""The agent's status: its state, add-on, DaemonSets, coverage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from podid.domain.aws import Addon, AddonIssue
from podid.domain.errors import PodidError
from podid.domain.findings import Severity, Verdict
from podid.domain.members import AS_TEXT, OR_NULL, About, Document, From, MissingRight, Names, TextOrNull, schema_name
from podid.domain.names import AGENT_ADDON
from podid.domain.snapshot import Missing, Section
from podid.domain.text import count_of, short_list
from podid.facts.nodes import NodeKind
from podid.ops.agent.coverage import Coverage, NodeCoverage
from podid.ops.agent.status import AgentReading, AgentState, NodeRoleRight
from podid.ops.agent.trouble import issue_words
from podid.ops.agent.versions import AgentVersions
from podid.render.doctor_text import MARKS
from podid.render.view import NOTHING, SEVERITY, Column, Line, Table, View, columns, document, facts

_NODE_COLUMNS = (
    *columns("NODE", "KIND", "AGENT"),
    Column("RESTARTS", right=True, nothing="0"),
    Column("POD", folds=2),
    Column("NEEDED BY", folds=1),
    Column("WHY", prose=True),
    Column("ELIGIBLE", wide=True),
    Column("COMPUTE TYPE", wide=True),
    Column("OS", wide=True),
)


def agent_status_view(found: AgentReading) -> View:
    cluster, daemon_sets, state = found.cluster, found.daemon_sets, found.state
    coverage, report = found.coverage, found.report
    pairs = [("add-on", _addon_words(found.addon))]
    pairs += _offer_words(found.versions)
    if daemon_sets is not None:
        words = [f"{item.namespace}/{item.name} {item.ready} of {item.desired} ready" for item in daemon_sets]
        pairs.append(("DaemonSets", "; ".join(words) or "none"))
    pairs += [("node role", f"{role.arn} of {role.used_by} {_MAY[role.allowed]}") for role in found.node_roles or ()]
    if found.untold:
        pairs.append(("node role", f"of {short_list(found.untold)} is unknown: neither EKS nor EC2 tells it"))
    if coverage is not None:
        pairs += [(f"{kind.kind} nodes", _kind_words(kind)) for kind in _kinds(coverage)]
        if found.missing is not None:
            pairs.append(("needed by", f"could not be looked at: {found.missing.reason}"))
    share = coverage.words if coverage is not None else "its nodes could not be read"
    head = f"{_MARKS[state]} agent of cluster {cluster}  {state.replace('-', ' ')}"
    lines: list[str | Line] = [Line(f"{head}: {share}", _STYLES[state], len(head)), *facts(pairs)]
    if coverage is not None:
        lines += [
            Line(f"  {item.state}  {item.node}  {item.reason or item.pod}", _node_style(item), len(item.state) + 2)
            for item in coverage.nodes
            if _odd(item)
        ]
    lines += _finding_lines(report.findings)
    lines += [Line(f"? {item.check}  {item.reason}", "warn", upto=1) for item in report.unknowns]
    table = _node_table(coverage.nodes if coverage is not None else ())
    return View(document(AgentStatusDocument, found), (table,), names=(state,), lines=tuple(lines))


_MARKS = {"ready": "✓", "doubtful": "!", "unknown": "?", "broken": "✗", "not-installed": "✗"}
_STYLES = {"ready": "good", "doubtful": "warn", "unknown": "warn", "broken": "bad", "not-installed": "bad"}


def _finding_lines(findings: Iterable[Verdict]) -> Iterator[Line]:
    """A line for each cause: what follows from it, and where else it is, the nodes show."""
    causes: dict[str, list[Verdict]] = {}
    for item in findings:
        if not item.masked_by:
            causes.setdefault(item.check, []).append(item)
    for check, (first, *rest) in causes.items():
        more = f", and {len(rest)} more" if rest else ""
        yield Line(f"{MARKS[first.severity]} {check}  {first.message}{more}", SEVERITY[first.severity], upto=1)


_MAY = {True: "may redeem tokens", False: "may not redeem tokens", None: "could not be looked at"}


def _odd(item: NodeCoverage) -> bool:
    """Worth a line of its own among hundreds."""
    return item.state != "ready" or bool(item.restarts)


def _offer_words(found: AgentVersions | PodidError) -> list[tuple[str, str]]:
    if isinstance(found, PodidError):
        return [("offered", f"could not be looked at: {found.what}")]
    offer = found.offer
    if not offer.rows:
        return [("offered", f"no version for Kubernetes {offer.kubernetes}")]
    words = f"default {offer.default or NOTHING}, latest {offer.latest or NOTHING} for Kubernetes {offer.kubernetes}"
    if found.next_default:
        words += f"; default {found.next_default} for {found.next_kubernetes}"
    return [("offered", words), *([("behind", found.behind)] if found.behind else [])]


def _kinds(coverage: Coverage) -> list[NodeKindCoverage]:
    kinds = sorted({node.kind for node in coverage.nodes})
    groups = {kind: [node for node in coverage.nodes if node.kind == kind] for kind in kinds}
    return [
        NodeKindCoverage(
            kind,
            len(nodes),
            Coverage(tuple(nodes)).expected,
            Coverage(tuple(nodes)).ready,
            sum(node.restarts for node in nodes),
        )
        for kind, nodes in groups.items()
    ]


def _kind_words(kind: NodeKindCoverage) -> str:
    restarts = f", {count_of(kind.restarts, 'restart')}" if kind.restarts else ""
    if not kind.expected:
        return f"{count_of(kind.nodes, 'node')} without an agent pod"
    return f"{kind.ready} of {kind.expected} ready{restarts}"


def _addon_words(section: Section[Addon | None]) -> str:
    if isinstance(section, Missing):
        return f"could not be looked at: {section.reason}"
    addon = section.value
    if addon is None:
        return "not installed"
    issues = "; ".join(map(issue_words, addon.issues))
    return f"{addon.version} {addon.status}" + (f" ({issues})" if issues else "")


def _node_table(nodes: Sequence[NodeCoverage]) -> Table:
    rows = tuple(
        (
            item.node,
            item.kind,
            item.state,
            str(item.restarts),
            item.pod or NOTHING,
            "?" if item.needy is None else short_list(item.needy, 3) or NOTHING,
            item.reason or NOTHING,
            "yes" if item.eligible else "no",
            item.compute_type,
            item.os,
        )
        for item in nodes
    )
    styles = {(number, 2): _node_style(item) for number, item in enumerate(nodes)}
    return Table(_NODE_COLUMNS, rows, styles, empty="the cluster has no nodes")


def _node_style(node: NodeCoverage) -> str:
    if node.state in ("ready", "missing", "not-ready"):
        return "good" if node.state == "ready" else "bad"
    return "dim" if node.state == "left-out" else ""


def node_list_view(cluster: str, coverage: Coverage) -> View:
    body = document(NodeListDocument, cluster_name=cluster, items=coverage.nodes)
    return View(body, (_node_table(coverage.nodes),), tuple(item.node for item in coverage.nodes))


def version_list_view(found: AgentVersions) -> View:
    offer = found.offer
    body = document(AgentVersionListDocument, found, items=[(found, row) for row in offer.rows])
    rows = tuple(
        (
            row.version.version,
            ", ".join(state for state in found.states(row) if state not in ("fits", "does-not-fit")) or NOTHING,
            "yes" if not row.why_not else "no",
            row.why_not or NOTHING,
            ", ".join(row.version.compute_types) or NOTHING,
        )
        for row in offer.rows
    )
    titles = (
        *columns("VERSION", "STATE", "FITS"),
        Column("WHY NOT", prose=True),
        Column("COMPUTE TYPES", wide=True),
    )
    empty = f"EKS offers no version of {AGENT_ADDON} for Kubernetes {offer.kubernetes}"
    return View(body, (Table(titles, rows, empty=empty),), tuple(row.version.version for row in offer.rows))


# --- documents --------------------------------------------------------------------------------------------------------


class AddonBody(Document):
    addon_name: Annotated[str, From("name")]
    addon_version: Annotated[str, From("version")]
    status: Annotated[str, About("EKS's own word.")]
    issues: Sequence[AddonIssue]


class DaemonSetBody(Document):
    namespace: str
    name: str
    desired: int
    ready: int
    available: int
    updated: int
    host_ports: Annotated[Sequence[int], About("The ports of its nodes that it declares.")]
    images: Names


class NodeBody(Document):
    node: str
    compute_type: str
    os: str
    kind: Annotated[NodeKind, About("Who makes the node, or what keeps the agent off it.")]
    eligible: Annotated[bool, About("Whether the agent's DaemonSets go there.")]
    state: str
    agent_pod: Annotated[TextOrNull, From("pod")]
    ready: Annotated[bool, From(lambda node: node.state == "ready"), About("Whether a Ready agent pod is there.")]
    restarts: Annotated[int, About("Of the agent's containers.")]
    needy: Annotated[
        Names | None, About("The service accounts with an association whose pods run there; null where nobody looked.")
    ]
    reason: TextOrNull


@schema_name("NodeKindBody")
@dataclass(frozen=True, slots=True)
class NodeKindCoverage:
    """The nodes of one kind."""

    kind: NodeKind
    nodes: int
    expected: int
    ready: int
    restarts: int


class CoverageBody(Document):
    expected: int
    ready: int
    kinds: Annotated[Sequence[NodeKindCoverage], From(_kinds)]
    nodes: Sequence[NodeBody]


class AgentOfferBody(Document):
    kubernetes_version: Annotated[str, From("offer.kubernetes")]
    default: Annotated[TextOrNull, From("offer.default")]
    latest: Annotated[TextOrNull, From("offer.latest")]
    next_kubernetes_version: Annotated[TextOrNull, From("next_kubernetes")]
    next_default: TextOrNull
    behind: Annotated[
        bool,
        From(lambda versions: bool(versions.behind)),
        About("Whether what is installed is older than EKS's default or the newest."),
    ]


class AgentFindingBody(Document):
    id: Annotated[str, From("check")]
    severity: Severity
    subject: Annotated[str, AS_TEXT]
    message: str
    masked_by: Annotated[str, OR_NULL, About("The finding that explains this one.")]


class AgentUnknownBody(Document):
    id: Annotated[str, From("check")]
    reason: str
    permission: MissingRight


class AgentStatusDocument(Document, kind="AgentStatus"):
    """`podid agent status`."""

    cluster_name: Annotated[str, From("cluster")]
    state: AgentState
    addon: Annotated[
        AddonBody | None, About("null where it is not installed, and where it could not be looked at: see unknowns.")
    ]
    offer: Annotated[
        AgentOfferBody | None,
        From(lambda found: None if isinstance(found.versions, PodidError) else found.versions),
        About("null where the versions could not be looked at."),
    ]
    node_roles: Annotated[
        Sequence[NodeRoleRight] | None, About("Roles that live nodes have; null where nobody could tell them.")
    ]
    daemon_sets: Annotated[Sequence[DaemonSetBody] | None, About("null where the cluster could not be looked at.")]
    coverage: Annotated[CoverageBody | None, About("null where the cluster could not be looked at.")]
    findings: Annotated[Sequence[AgentFindingBody], From("report.findings")]
    unknowns: Annotated[Sequence[AgentUnknownBody], From("report.unknowns")]


class AgentVersionBody(Document):
    # of an offered version beside all that is known of them
    addon_version: Annotated[str, From(lambda pair: pair[1].version.version)]
    installed: Annotated[bool, From(lambda pair: pair[1].version.version == pair[0].installed)]
    default: Annotated[
        bool,
        From(lambda pair: pair[1].version.version == pair[0].offer.default),
        About("Whether EKS installs it where no version is named."),
    ]
    latest: Annotated[
        bool,
        From(lambda pair: pair[1].version.version == pair[0].offer.latest),
        About("Whether it is the newest that fits."),
    ]
    fits: Annotated[bool, From(lambda pair: not pair[1].why_not)]
    reason: Annotated[
        str, OR_NULL, From(lambda pair: pair[1].why_not), About("Why EKS would not take it for this cluster.")
    ]
    architectures: Annotated[Names, From(lambda pair: pair[1].version.architectures)]
    compute_types: Annotated[Names, From(lambda pair: pair[1].version.compute_types)]


class AgentVersionListDocument(Document, kind="AgentVersionList"):
    """`podid agent versions`, newest first."""

    cluster_name: Annotated[str, From("cluster")]
    addon_name: Annotated[str, From(lambda _: AGENT_ADDON)]
    kubernetes_version: Annotated[str, From("offer.kubernetes")]
    platform_version: Annotated[TextOrNull, From("platform")]
    installed: TextOrNull
    default: Annotated[TextOrNull, From("offer.default")]
    latest: Annotated[TextOrNull, From("offer.latest")]
    next_kubernetes_version: Annotated[
        str,
        OR_NULL,
        From("next_kubernetes"),
        About("The next minor version, where EKS has the add-on for it."),
    ]
    next_default: Annotated[str, OR_NULL, About("The default for it.")]
    items: Sequence[AgentVersionBody]


class NodeListDocument(Document, kind="NodeList"):
    """`podid agent nodes`."""

    cluster_name: str
    items: Sequence[NodeBody]
