"""The agent: state, add-on, DaemonSets, coverage and versions; all add-ons with the roles of their service accounts."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

from podid.domain.aws import Addon
from podid.domain.cluster import DaemonSet
from podid.domain.encoding import JsonObject, encode
from podid.domain.errors import PodidError
from podid.domain.findings import Severity, Verdict
from podid.domain.grouping import grouped
from podid.domain.members import AS_TEXT, OR_NULL, About, Document, From, MissingPermission, Names, TextOrNull
from podid.domain.names import AGENT_ADDON
from podid.domain.section import Unread
from podid.domain.snapshot import Missing, Section
from podid.domain.status import IdentityState
from podid.domain.text import count_of, short_list
from podid.domain.versions import VersionRow
from podid.ops.addon.read import AddonMatrix
from podid.ops.agent.coverage import Coverage, NodeCoverage, NodeKindCoverage
from podid.ops.agent.status import AgentReading, AgentState, NodeRolePermission
from podid.ops.agent.versions import AgentVersions
from podid.ops.agent.waiting import issue_words
from podid.render.doctor import unknown_lines
from podid.render.marks import SEVERITIES, STATES, marked
from podid.render.multicluster import ClusterFailureBody
from podid.render.status import fix_lines
from podid.render.view import NOTHING, Column, Line, Table, View, document, facts, sentence, table_of


def agent_status_view(reading: AgentReading) -> View:
    cluster, daemon_sets, state = reading.cluster, reading.daemon_sets, reading.state
    coverage, report = reading.coverage, reading.report
    pairs = [("add-on", _addon_words(reading.addon))]
    pairs += _offer_words(reading.versions)
    usual = [pair for pair in pairs if pair[0] == "offered"]
    if daemon_sets is not None:
        words = [f"{item.namespace}/{item.name} {item.ready} of {item.desired} ready" for item in daemon_sets]
        pairs.append(("DaemonSets", "; ".join(words) or "none"))
        usual.append(("DaemonSets", "none"))
    roles = reading.node_roles or ()
    usual += [("node role", f"{role.arn} of {role.used_by} {_MAY[role.allowed]}") for role in roles if role.allowed]
    pairs += [("node role", f"{role.arn} of {role.used_by} {_MAY[role.allowed]}") for role in roles]
    if reading.untold:
        reason = reading.untold_reason or "neither EKS nor EC2 reports it"
        pairs.append(("node role", f"unknown for {short_list(reading.untold)}: {reason}"))
    if coverage is not None:
        pairs += [(f"{kind.kind} nodes", _kind_words(kind)) for kind in coverage.kinds]
        if reading.missing is not None:
            pairs.append(("needed by", f"not checked: {reading.missing.reason}"))
    share = coverage.words if coverage is not None else "nodes could not be read"
    mark, style = STATES[IdentityState.BROKEN if state == "not-installed" else IdentityState(state)]
    head = f"{mark} agent of cluster {cluster}  {state.replace('-', ' ')}"
    lines: list[str | Line] = [Line(f"{head}: {share}", style, len(head)), *_finding_lines(report.findings)]
    if coverage is not None:
        lines += _node_lines(coverage.nodes)
    lines += facts(pairs, usual)
    lines += unknown_lines(report.unknowns)
    table = _node_table(coverage.nodes if coverage is not None else ())
    return View(
        document(AgentStatusDocument, reading), (table,), names=(state,), lines=tuple(lines), unread=reading.gaps
    )


# nodes of one reason, by name
_MOST_NODES = 3


def _node_lines(nodes: Iterable[NodeCoverage]) -> Iterator[Line]:
    """Yield the nodes without a ready agent, or with restarts: one line for those of the same reason."""
    unusual = (item for item in nodes if item.state != "ready" or item.restarts)
    for (state, style, reason), names in grouped(
        ((item.state, _node_style(item), item.reason or item.pod), item.node) for item in unusual
    ).items():
        yield Line(f"  {state}  {short_list(names, _MOST_NODES)}: {reason}", style, len(state) + 2, hang=4)


def _finding_lines(findings: Iterable[Verdict]) -> Iterator[str | Line]:
    """Yield a line for each cause; the nodes show its consequences."""
    causes = grouped((item.check, item) for item in findings if not item.masked_by)
    for check, (first, *others) in causes.items():
        more = f", and {len(others)} more" if others else ""
        text = f"{check}  {sentence(first.message + more, first.subject.name)}"
        yield marked(SEVERITIES[first.severity], text, hang=2)
        yield from fix_lines(first)


_MAY = {True: "can redeem tokens", False: "cannot redeem tokens", None: "was not checked"}


def _offer_words(versions: AgentVersions | PodidError) -> list[tuple[str, str]]:
    if isinstance(versions, PodidError):
        return [("offered", f"could not be read: {versions.message}")]
    offer = versions.offer
    if not offer.rows:
        return [("offered", f"no version for Kubernetes {offer.kubernetes}")]
    words = f"default {offer.default or NOTHING}, latest {offer.latest or NOTHING} for Kubernetes {offer.kubernetes}"
    if versions.next_default:
        words += f"; default {versions.next_default} for {versions.next_kubernetes}"
    return [("offered", words), *([("behind", versions.behind)] if versions.behind else [])]


def _kind_words(kind: NodeKindCoverage) -> str:
    restarts = f", {count_of(kind.restarts, 'restart')}" if kind.restarts else ""
    if not kind.expected:
        return f"{count_of(kind.nodes, 'node')} without an agent pod"
    return f"{kind.ready} of {kind.expected} ready{restarts}"


def _addon_words(section: Section[Addon | None]) -> str:
    if isinstance(section, Missing):
        return f"not checked: {section.reason}"
    addon = section.value
    if addon is None:
        return "not installed"
    issues = "; ".join(map(issue_words, addon.issues))
    return f"{addon.version} {addon.status}" + (f" ({issues})" if issues else "")


def _node_table(nodes: Sequence[NodeCoverage]) -> Table:
    return table_of(
        nodes,
        ("NODE", "node"),
        ("KIND", "kind"),
        ("AGENT", "state", _node_style),
        (Column("RESTARTS", right=True, nothing="0"), "restarts"),
        (Column("POD", folds=2), lambda node: node.pod or None),
        (
            Column("NEEDED BY", folds=1),
            lambda node: "?" if node.needy is None else short_list(node.needy, 3) or None,
        ),
        (Column("WHY", prose=True), lambda node: node.reason or None),
        (Column("ELIGIBLE", wide=True), lambda node: "yes" if node.eligible else "no"),
        (Column("COMPUTE TYPE", wide=True), "compute_type"),
        (Column("OS", wide=True), "os"),
        empty="the cluster has no nodes",
    )


def _node_style(node: NodeCoverage) -> str:
    if node.state in ("ready", "missing", "not-ready"):
        return "good" if node.state == "ready" else "bad"
    return "dim" if node.state == "left-out" else ""


def node_list_view(cluster: str, coverage: Coverage, unread: Sequence[Unread]) -> View:
    """Return a row for each node. `unread` are the parts that could not be read."""
    body = document(NodeListDocument, cluster_name=cluster, items=coverage.nodes, unread=unread)
    names, gaps = tuple(item.node for item in coverage.nodes), tuple(f"not checked: {item}" for item in unread)
    return View(body, (_node_table(coverage.nodes),), names, unread=gaps)


def version_list_view(versions: AgentVersions) -> View:
    offer = versions.offer
    body = document(AgentVersionListDocument, versions, items=[_version(versions, row) for row in offer.rows])
    table = table_of(
        offer.rows,
        ("VERSION", "version.version"),
        ("STATE", lambda row: ", ".join(versions.states(row.version.version)) or None),
        ("FITS", lambda row: "no" if row.why_not else "yes"),
        (Column("REASON", prose=True), lambda row: row.why_not or None),
        (Column("COMPUTE TYPES", wide=True), lambda row: ", ".join(row.version.compute_types) or None),
        empty=f"EKS offers no version of {AGENT_ADDON} for Kubernetes {offer.kubernetes}",
    )
    notes = [f"note: {versions.behind}"] if versions.behind else []
    if versions.next_default:
        notes.append(f"note: the default for Kubernetes {versions.next_kubernetes} is {versions.next_default}")
    return View(body, (table,), tuple(row.version.version for row in offer.rows), notes=tuple(notes))


class AgentOfferBody(Document):
    kubernetes_version: Annotated[str, From("offer.kubernetes")]
    default: Annotated[TextOrNull, From("offer.default")]
    latest: Annotated[TextOrNull, From("offer.latest")]
    next_kubernetes_version: Annotated[TextOrNull, From("next_kubernetes")]
    next_default: TextOrNull
    behind: Annotated[
        bool,
        From(lambda versions: bool(versions.behind)),
        About("Whether the installed version is older than EKS's default or the newest version."),
    ]


class AgentFindingBody(Document):
    id: Annotated[str, From("check")]
    severity: Severity
    subject: Annotated[str, AS_TEXT]
    message: str
    masked_by: Annotated[str, OR_NULL, About("The finding that may cause this one.")]


class AgentUnknownBody(Document):
    id: Annotated[str, From("check")]
    reason: str
    permission: MissingPermission


class AgentStatusDocument(Document, kind="AgentStatus"):
    """`podid agent status`."""

    cluster_name: Annotated[str, From("cluster")]
    cluster_arn: Annotated[str, From("report.cluster_arn")]
    state: AgentState
    addon: Annotated[Addon | None, About("null if it is not installed or could not be read: see unknowns.")]
    offer: Annotated[
        AgentOfferBody | None,
        From(lambda reading: None if isinstance(reading.versions, PodidError) else reading.versions),
        About("null if the versions could not be read."),
    ]
    node_roles: Annotated[
        Sequence[NodeRolePermission] | None, About("Roles of running nodes; null if they could not be read.")
    ]
    daemon_sets: Annotated[Sequence[DaemonSet] | None, About("null if the cluster could not be read.")]
    coverage: Annotated[Coverage | None, About("null if the cluster could not be read.")]
    findings: Annotated[Sequence[AgentFindingBody], From("report.findings")]
    unknowns: Annotated[Sequence[AgentUnknownBody], From("report.unknowns")]
    unread: Annotated[Sequence[Unread], About("The parts that could not be read. They do not change the exit code.")]


class AgentStatusListDocument(Document, kind="AgentStatusList"):
    """`podid agent status` in several clusters: the status of each agent."""

    items: Sequence[AgentStatusDocument]
    failures: Annotated[Sequence[ClusterFailureBody], About("The clusters without a status, and the reason.")]


class AgentVersionBody(Document):
    addon_version: Annotated[str, From("version.version")]
    installed: bool
    default: Annotated[bool, About("Whether EKS installs it if no version is specified.")]
    latest: Annotated[bool, About("Whether it is the newest compatible version.")]
    fits: Annotated[bool, From(lambda row: not row.why_not)]
    reason: Annotated[str, OR_NULL, From("why_not"), About("The reason why EKS would refuse it for this cluster.")]
    architectures: Annotated[Names, From("version.architectures")]
    compute_types: Annotated[Names, From("version.compute_types")]


def _version(versions: AgentVersions, row: VersionRow) -> JsonObject:
    version, offer = row.version.version, versions.offer
    states = {"installed": versions.installed, "default": offer.default, "latest": offer.latest}
    return encode(AgentVersionBody, row, **{state: version == named for state, named in states.items()})


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
        About("The next minor version, if EKS offers the add-on for it."),
    ]
    next_default: Annotated[str, OR_NULL, About("The default for it.")]
    items: Sequence[AgentVersionBody]


class NodeListDocument(Document, kind="NodeList"):
    """`podid agent nodes`."""

    cluster_name: str
    items: Sequence[NodeCoverage]
    unread: Annotated[Sequence[Unread], About("The parts that could not be read. They do not change the exit code.")]


_SUPPORTED = {True: "yes", False: "no", None: "?"}


def addon_list_view(matrix: AddonMatrix) -> View:
    table = table_of(
        matrix.rows,
        ("ADD-ON", "addon"),
        ("VERSION", "version"),
        ("STATUS", lambda row: row.status or "not installed"),
        ("SERVICE ACCOUNT", lambda row: _cell(row.service_account, row.supported is not None)),
        ("SUPPORTED", lambda row: _SUPPORTED[row.supported]),
        ("MECHANISM", lambda row: row.mechanism or "?"),
        (
            Column("ROLE", folds=3),
            lambda row: _cell(row.role_arn, row.mechanism is not None and not row.association_id),
        ),
        (
            Column("OWNER", folds=1),
            lambda row: _cell(row.owner or ("nobody" if row.association_id else ""), row.mechanism is not None),
        ),
        (
            Column("RECOMMENDED", folds=2),
            lambda row: _cell(", ".join(arn.rpartition("/")[2] for arn in row.policies), row.supported is not None),
        ),
        (Column("ASSOCIATION", wide=True), lambda row: _cell(row.association_id, row.mechanism is not None)),
        (Column("NAMESPACE", wide=True), "namespace"),
        empty="the cluster has no add-on",
        unread=matrix.unread,
    )
    names = tuple(dict.fromkeys(row.addon for row in matrix.rows))
    unread = tuple(f"not checked: {sentence}" for sentence in matrix.unread)
    return View(document(AddonMatrix, matrix), (table,), names, unread=unread)


def _cell(text: str, known: bool) -> str:
    """Return the text; without any `-` where that is known, else `?`."""
    return text or (NOTHING if known else "?")
