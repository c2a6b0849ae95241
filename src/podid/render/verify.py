"""What verify found, pod by pod."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.domain.links import link_words
from podid.domain.proof import PodProof, VerifyReport, VerifyState
from podid.render.view import Table, View, columns, document, timestamp

if TYPE_CHECKING:
    from podid.render.documents import reports as documents

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
    }


def pod_lines(report: VerifyReport) -> list[str]:
    """A line for each pod that was looked at."""
    return [_line(proof) for proof in report.pods]


def _lines(report: VerifyReport) -> list[str]:
    lines = [f"{report.ref} in cluster {report.cluster}: {report.state}", f"  {report.reason}"]
    if report.link:
        mode = f"; podid explain {report.id}" if report.id else ""
        lines.append(f"  link {link_words(report.link)}{mode}")
    lines += pod_lines(report)
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
    identity = proof.identity
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
        "identity": None
        if identity is None
        else {
            "roleArn": identity.role_arn,
            "account": identity.account,
            "sessionName": identity.session_name,
            "expiresAt": timestamp(identity.expires_at),
        },
    }


def _line(proof: PodProof) -> str:
    line = f"  {_SIGN[proof.state]}  pod {proof.namespace}/{proof.name} on {proof.node or 'no node'}"
    if proof.identity is not None:
        line += f": {proof.identity.role_arn}, session {proof.identity.session_name}"
        line += f", until {timestamp(proof.identity.expires_at) or 'its expiry'}"
    elif proof.reason:
        line += f": {proof.reason}"
    return line
