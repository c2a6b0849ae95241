"""What verify found, pod by pod."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.domain.findings import Severity
from podid.domain.links import link_words
from podid.domain.proof import Allowed, Hop, Identity, PodProof, ProbeProof, VerifyReport, VerifyState
from podid.domain.words import needing, utc
from podid.render.trust import finding_bodies
from podid.render.view import Line, Table, View, columns, document, timestamp

if TYPE_CHECKING:
    from podid.render.documents import reports as documents

_STYLES = {VerifyState.PROVEN: "good", VerifyState.FAILED: "bad", VerifyState.UNKNOWN: "warn"}
_SIGN = {VerifyState.PROVEN: "ok", VerifyState.FAILED: "FAILED", VerifyState.UNKNOWN: "unknown"}


def verify_view(reports: Sequence[VerifyReport], *, single: bool) -> View:
    """A VerifyReport where one service account was named (`single`), else a VerifyReportList. No secret is in it: the
    credentials were dropped before the reports were made."""
    pods = [proof for report in reports for proof in report.pods]
    names = tuple(f"pod/{proof.namespace}/{proof.name}" for proof in pods)
    lines = tuple(line for report in reports for line in ("", *_lines(report)))[1:]
    bodies = [report_body(report) for report in reports]
    if single:
        (body,) = bodies
        one: documents.VerifyReportDocument = {"kind": "VerifyReport", **body}
        return View(document(one), (_table(pods),), names, lines)
    several: documents.VerifyReportListDocument = {"kind": "VerifyReportList", "items": bodies}
    return View(document(several), (_table(pods),), names, lines)


def report_body(report: VerifyReport) -> documents.VerifyReportBody:
    """The report of one service account, without the kind of a document."""
    return {
        "clusterName": report.cluster,
        "namespace": report.ref.namespace,
        "serviceAccount": report.ref.name,
        "roleArn": report.role_arn,
        "state": report.state,
        "reason": report.reason,
        "id": report.id or None,
        "link": report.link or None,
        "permission": report.permission or None,
        "notSeen": report.not_looked_at,
        "pods": [_pod(proof) for proof in report.pods],
        "hops": [_hop(hop) for hop in report.hops],
        "probes": [_probe(probe) for probe in report.probes],
        "allowed": [
            {
                "action": item.action,
                "resource": item.resource,
                "allowed": item.allowed,
                "reason": item.reason,
                "id": item.id or None,
                "permission": item.permission or None,
            }
            for item in report.allowed
        ],
    }


def seen_lines(report: VerifyReport) -> list[str | Line]:
    """A line for each pod that was looked at and for each of podid's own, and what IAM has of the hops."""
    lines: list[str | Line] = [*map(_line, report.pods), *map(_probe_line, report.probes), *_hop_lines(report.hops)]
    return [*lines, *map(_allowed_line, report.allowed)]


def _lines(report: VerifyReport) -> list[str | Line]:
    head = f"{report.ref} in cluster {report.cluster}: {report.state}"
    lines: list[str | Line] = [Line(head, _STYLES.get(report.state, "")), f"  {report.reason}"]
    if report.link:
        mode = f"; podid explain {report.id}" if report.id else ""
        lines.append(f"  link {link_words(report.link)}{mode}")
    lines += seen_lines(report)
    lines.append(f"  not looked at: {report.not_looked_at}")
    return lines


def _table(pods: Sequence[PodProof]) -> Table:
    titles = columns("NAMESPACE", "POD", "NODE", "STATE", "ROLE", "SESSION", "REASON", "PERMISSION")
    rows = []
    for proof in pods:
        who = (proof.identity.role_arn, proof.identity.session_name) if proof.identity is not None else ("-", "-")
        rows.append((proof.namespace, proof.name, proof.node, proof.state, *who, proof.reason, proof.permission))
    return Table(titles, tuple(rows))


def _pod(proof: PodProof) -> documents.PodProofBody:
    return {
        "namespace": proof.namespace,
        "name": proof.name,
        "node": proof.node,
        "injected": proof.injected,
        "missingContainers": proof.missing_containers,
        "state": proof.state,
        "reason": proof.reason,
        "id": proof.id or None,
        "link": proof.link or None,
        "permission": proof.permission or None,
        "identity": _identity(proof.identity),
    }


def _probe(probe: ProbeProof) -> documents.ProbeBody:
    return {
        "job": probe.job,
        "node": probe.node or None,
        "state": probe.state,
        "reason": probe.reason,
        "id": probe.id or None,
        "link": probe.link or None,
        "permission": probe.permission or None,
        "identity": _identity(probe.identity),
    }


def _identity(identity: Identity | None) -> documents.IdentityBody | None:
    if identity is None:
        return None
    return {
        "roleArn": identity.role_arn,
        "account": identity.account,
        "sessionName": identity.session_name,
        "expiresAt": timestamp(identity.expires_at),
    }


def _hop(hop: Hop) -> documents.HopBody:
    return {
        "hop": hop.number,
        "roleArn": hop.role_arn,
        "verdict": hop.verdict,
        "findings": finding_bodies(hop.findings),
        "unknowns": [{"reason": item.reason, "permission": item.permission or None} for item in hop.unknowns],
    }


def _hop_lines(hops: Sequence[Hop]) -> list[str]:
    """Always what is known of a second hop; of the first, only what is not as it should be."""
    lines = []
    for hop in hops:
        what = "second hop" if hop.number == 2 else "role"
        told = [f"{item.id}: {item.message}" for item in hop.findings if item.severity is not Severity.INFO]
        told += [f"unknown: {needing(item.reason, item.permission)}" for item in hop.unknowns]
        if not told and hop.number == 2:
            told.append("the policies of both roles admit it")
        lines += [f"  {what}  {hop.role_arn}: {text}" for text in told]
    return lines


def _line(proof: PodProof) -> Line:
    return _marked(proof.state, f"pod {proof.namespace}/{proof.name} on {proof.node or 'no node'}{_outcome(proof)}")


def _probe_line(probe: ProbeProof) -> Line:
    what = f"podid's own pod of Job {probe.job} on {probe.node or 'no node'}{_outcome(probe)}"
    return _marked(probe.state, what)


def _marked(state: VerifyState, text: str) -> Line:
    return Line(f"  {_SIGN[state]}  {text}", _STYLES.get(state, ""), upto=len(_SIGN[state]) + 2)


def _allowed_line(item: Allowed) -> str:
    sign = {True: "ok", False: "DENIED", None: "unknown"}[item.allowed]
    return f"  {sign}  {item.action} on {item.resource}{f': {item.reason}' if item.reason else ''}"


def _outcome(proof: PodProof | ProbeProof) -> str:
    if proof.identity is None:
        return f": {proof.reason}" if proof.reason else ""
    expires = proof.identity.expires_at
    until = f", until {utc(expires)}" if expires is not None else ""
    # the session last: it is long, and a comma behind it would not fit 60 columns
    line = f": {proof.identity.role_arn}{until}, session {proof.identity.session_name}"
    return line + (f" ({proof.reason})" if proof.reason else "")
