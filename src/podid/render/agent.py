"""The agent's status: its state, add-on, DaemonSets, coverage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from podid.domain.aws import Addon
from podid.domain.cluster import DaemonSet
from podid.domain.errors import PodidError
from podid.domain.findings import Verdict
from podid.domain.names import AGENT_ADDON
from podid.domain.snapshot import Missing, Section, known_or
from podid.domain.text import count_of, short_list
from podid.ops.agent.coverage import Coverage, NodeCoverage
from podid.ops.agent.trouble import issue_words
from podid.render.associations import facts
from podid.render.doctor_text import MARKS
from podid.render.view import NOTHING, SEVERITY, Column, Line, Table, View, columns, document

if TYPE_CHECKING:
    from podid.ops.agent.status import AgentReading
    from podid.ops.agent.versions import AgentVersions
    from podid.render.documents import agent as documents


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
    addon = known_or(found.addon, None)
    coverage, report = found.coverage, found.report
    body: documents.AgentStatusDocument = {
        "kind": "AgentStatus",
        "clusterName": cluster,
        "state": state,
        "addon": None if addon is None else _addon(addon),
        "offer": None if isinstance(found.versions, PodidError) else _offer(found.versions),
        "nodeRoles": None
        if found.node_roles is None
        else [{"roleArn": role.arn, "usedBy": role.used_by, "allowed": role.allowed} for role in found.node_roles],
        "daemonSets": None if daemon_sets is None else [_daemon_set(item) for item in daemon_sets],
        "coverage": None
        if coverage is None
        else {
            "expected": coverage.expected,
            "ready": coverage.ready,
            "kinds": _kinds(coverage),
            "nodes": node_items(coverage.nodes),
        },
        "findings": [
            {
                "id": item.check,
                "severity": item.severity,
                "subject": str(item.subject),
                "message": item.message,
                "maskedBy": item.masked_by or None,
            }
            for item in report.findings
        ],
        "unknowns": [
            {"id": item.check, "reason": item.reason, "permission": item.permission or None} for item in report.unknowns
        ],
    }
    pairs = [("add-on", _addon_words(found.addon))]
    pairs += _offer_words(found.versions)
    if daemon_sets is not None:
        words = [f"{item.namespace}/{item.name} {item.ready} of {item.desired} ready" for item in daemon_sets]
        pairs.append(("DaemonSets", "; ".join(words) or "none"))
    pairs += [("node role", f"{role.arn} of {role.used_by} {_MAY[role.allowed]}") for role in found.node_roles or ()]
    if found.untold:
        pairs.append(("node role", f"of {short_list(found.untold)} is unknown: neither EKS nor EC2 tells it"))
    if coverage is not None:
        pairs += [(f"{kind['kind']} nodes", _kind_words(kind)) for kind in _kinds(coverage)]
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
    return View(document(body), (table,), names=(state,), lines=tuple(lines))


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


def _offer(found: AgentVersions) -> documents.AgentOfferBody:
    return {
        "kubernetesVersion": found.offer.kubernetes,
        "default": found.offer.default or None,
        "latest": found.offer.latest or None,
        "nextKubernetesVersion": found.next_kubernetes or None,
        "nextDefault": found.next_default or None,
        "behind": bool(found.behind),
    }


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


def _kinds(coverage: Coverage) -> list[documents.NodeKindBody]:
    kinds = sorted({node.kind for node in coverage.nodes})
    groups = {kind: [node for node in coverage.nodes if node.kind == kind] for kind in kinds}
    return [
        {
            "kind": kind,
            "nodes": len(nodes),
            "expected": Coverage(tuple(nodes)).expected,
            "ready": Coverage(tuple(nodes)).ready,
            "restarts": sum(node.restarts for node in nodes),
        }
        for kind, nodes in groups.items()
    ]


def _kind_words(kind: documents.NodeKindBody) -> str:
    restarts = f", {count_of(kind['restarts'], 'restart')}" if kind["restarts"] else ""
    if not kind["expected"]:
        return f"{count_of(kind['nodes'], 'node')} without an agent pod"
    return f"{kind['ready']} of {kind['expected']} ready{restarts}"


def _addon_words(section: Section[Addon | None]) -> str:
    if isinstance(section, Missing):
        return f"could not be looked at: {section.reason}"
    addon = section.value
    if addon is None:
        return "not installed"
    issues = "; ".join(map(issue_words, addon.issues))
    return f"{addon.version} {addon.status}" + (f" ({issues})" if issues else "")


def _addon(addon: Addon) -> documents.AddonBody:
    return {
        "addonName": addon.name,
        "addonVersion": addon.version,
        "status": addon.status,
        "issues": [
            {"code": issue.code, "message": issue.message, "resourceIds": issue.resource_ids} for issue in addon.issues
        ],
    }


def _daemon_set(item: DaemonSet) -> documents.DaemonSetBody:
    return {
        "namespace": item.namespace,
        "name": item.name,
        "desired": item.desired,
        "ready": item.ready,
        "available": item.available,
        "updated": item.updated,
        "hostPorts": item.host_ports,
        "images": item.images,
    }


def node_items(nodes: Sequence[NodeCoverage]) -> list[documents.NodeBody]:
    return [
        {
            "node": item.node,
            "computeType": item.compute_type,
            "os": item.os,
            "kind": item.kind,
            "eligible": item.eligible,
            "state": item.state,
            "agentPod": item.pod or None,
            "ready": item.state == "ready",
            "restarts": item.restarts,
            "needy": item.needy,
            "reason": item.reason or None,
        }
        for item in nodes
    ]


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
    body: documents.NodeListDocument = {
        "kind": "NodeList",
        "clusterName": cluster,
        "items": node_items(coverage.nodes),
    }
    return View(
        document(body),
        (_node_table(coverage.nodes),),
        tuple(item.node for item in coverage.nodes),
    )


def version_list_view(found: AgentVersions) -> View:
    offer = found.offer
    items: list[documents.AgentVersionBody] = [
        {
            "addonVersion": row.version.version,
            "installed": row.version.version == found.installed,
            "default": row.version.version == offer.default,
            "latest": row.version.version == offer.latest,
            "fits": not row.why_not,
            "reason": row.why_not or None,
            "architectures": row.version.architectures,
            "computeTypes": row.version.compute_types,
        }
        for row in offer.rows
    ]
    body: documents.AgentVersionListDocument = {
        "kind": "AgentVersionList",
        "clusterName": found.cluster,
        "addonName": AGENT_ADDON,
        "kubernetesVersion": offer.kubernetes,
        "platformVersion": found.platform or None,
        "installed": found.installed or None,
        "default": offer.default or None,
        "latest": offer.latest or None,
        "nextKubernetesVersion": found.next_kubernetes or None,
        "nextDefault": found.next_default or None,
        "items": items,
    }
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
    columns_ = (
        *columns("VERSION", "STATE", "FITS"),
        Column("WHY NOT", prose=True),
        Column("COMPUTE TYPES", wide=True),
    )
    empty = f"EKS offers no version of {AGENT_ADDON} for Kubernetes {offer.kubernetes}"
    return View(document(body), (Table(columns_, rows, empty=empty),), tuple(item["addonVersion"] for item in items))
