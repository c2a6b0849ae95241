"""Verdicts on trust policies as documents and as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from podid.domain import trust
from podid.ops.trust.check import PolicyChecks
from podid.ops.trust.files import called
from podid.render.view import NOTHING, Document, Line, Table, View, columns, document

if TYPE_CHECKING:
    from podid.render.documents import access as documents

Request = trust.PodIdentity | trust.TargetHop


def check_view(found: PolicyChecks) -> View:
    """A TrustReport for one policy and one request, else a TrustReportList of them."""
    checks = found.checks
    reports = [_report(file, check, evaluation) for file, check in checks for evaluation in check.evaluations]
    blocks = [_lines(file, check) for file, check in checks]
    lines: list[str | Line] = [line for block in blocks for line in ("", *block)][1:]
    return View(_document(reports), (_table(checks),), tuple(file for file, _ in checks), tuple(lines))


def _table(checks: Sequence[tuple[str, trust.TrustCheck]]) -> Table:
    """A row for each policy, service account and action."""
    titles = columns("FILE", "NAMESPACE", "SERVICE ACCOUNT", "HOP", "ACTION", "VERDICT", "STATEMENT", "REASON")
    rows = []
    for file, check in checks:
        for found in check.evaluations:
            pod = _pod(found.request)
            who = (called(file), pod.namespace, pod.service_account, str(_hop(found.request)))
            for action in (found.assume_role, found.tag_session):
                statement = NOTHING if action.statement is None else str(action.statement)
                rows.append((*who, action.action, action.verdict, statement, action.reason))
    return Table(titles, tuple(rows))


def _hop(request: Request) -> Literal[1, 2]:
    return 2 if isinstance(request, trust.TargetHop) else 1


def _document(reports: list[documents.TrustReportBody]) -> Document:
    if len(reports) == 1:
        one: documents.TrustReportDocument = {"kind": "TrustReport", **reports[0]}
        return document(one)
    several: documents.TrustReportListDocument = {"kind": "TrustReportList", "items": reports}
    return document(several)


def _report(file: str, check: trust.TrustCheck, evaluation: trust.Evaluation) -> documents.TrustReportBody:
    pod = _pod(evaluation.request)
    return {
        "file": file,
        "namespace": pod.namespace,
        "serviceAccount": pod.service_account,
        "clusterArn": pod.cluster_arn,
        "hop": _hop(evaluation.request),
        **trust_body(evaluation),
        "proposed": check.proposed.to_document() if check.proposed is not None else None,
        "diff": check.diff,
        "advice": check.advice,
    }


def trust_body(found: trust.Evaluation) -> documents.TrustBody:
    scope = found.scope
    return {
        "verdict": found.verdict,
        "actions": {
            "sts:AssumeRole": _action_body(found.assume_role),
            "sts:TagSession": _action_body(found.tag_session),
        },
        "scope": None if scope is None else {"kind": scope.kind, "words": scope.words},
        "findings": finding_bodies(found.findings),
    }


def finding_bodies(findings: Sequence[trust.TrustFinding]) -> list[documents.TrustFindingBody]:
    return [{"id": item.id, "severity": item.severity, "message": item.message, "fix": item.fix} for item in findings]


def _action_body(action: trust.ActionVerdict) -> documents.ActionVerdictBody:
    return {
        "verdict": action.verdict,
        "statement": action.statement,
        "sid": action.sid,
        "reason": action.reason,
    }


def _pod(request: Request) -> trust.PodIdentity:
    return request.pod if isinstance(request, trust.TargetHop) else request


def _lines(file: str, check: trust.TrustCheck) -> list[str | Line]:
    lines: list[str | Line] = [f"{called(file)}: {check.verdict}"]
    loud = check.open_to_all
    for finding in loud:
        lines.append(Line(f"  {finding.severity} {finding.id}: {finding.message}", style="bad"))
        lines.append(f"    {finding.fix}")
    for evaluation in check.evaluations:
        pod = _pod(evaluation.request)
        lines.append(f"  {pod.namespace}/{pod.service_account} in cluster {pod.cluster_name}: {evaluation.verdict}")
        for action in (evaluation.assume_role, evaluation.tag_session):
            lines.append(f"    {action.action}: {action.verdict}" + (f", {action.reason}" if action.reason else ""))
        if evaluation.scope is not None:
            lines.append(f"    lets in {evaluation.scope.words}")
        for finding in (item for item in evaluation.findings if item not in loud):
            lines.append(f"    {finding.severity} {finding.id}: {finding.message}")
            lines.append(f"      {finding.fix}")
    lines += [f"  {sentence}" for sentence in check.advice]
    if check.diff:
        lines += ["  to change:", *(f"    {line}" for line in check.diff.split("\n"))]
    return lines
