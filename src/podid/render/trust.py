"""Verdicts on trust policies as documents and as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from podid.domain import trust
from podid.domain.findings import Severity
from podid.ops.trust.check import PolicyAccess, PolicyAccesses, PolicyChecks
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


def access_view(found: PolicyAccesses) -> View:
    """A TrustAccess for one policy, else a TrustAccessList of them."""
    titles = columns("FILE", "STATEMENT", "SID", "EFFECT", "PRINCIPAL", "ACTION", "CONDITION")
    bodies = [_access(item) for item in found.items]
    rows = tuple(
        (
            called(body["file"]),
            str(each["statement"]),
            each["sid"] or NOTHING,
            each["effect"],
            ", ".join(each["principals"]),
            ", ".join(each["actions"]),
            "; ".join(each["conditions"]) or NOTHING,
        )
        for body in bodies
        for each in body["statements"]
    )
    blocks = [_access_lines(item, body) for item, body in zip(found.items, bodies, strict=True)]
    lines: list[str | Line] = [line for block in blocks for line in ("", *block)][1:]
    names = tuple(item.name for item in found.items)
    if len(bodies) == 1:
        one: documents.TrustAccessDocument = {"kind": "TrustAccess", **bodies[0]}
        return View(document(one), (Table(titles, rows),), names, tuple(lines))
    several: documents.TrustAccessListDocument = {"kind": "TrustAccessList", "items": bodies}
    return View(document(several), (Table(titles, rows),), names, tuple(lines))


def _access(item: PolicyAccess) -> documents.TrustAccessBody:
    pods = item.pods
    return {
        "file": item.name,
        "verdict": pods.verdict,
        "scopes": pods.scopes,
        "reasons": (*pods.unclear, *pods.shut),
        "statements": [_statement(each) for each in item.policy.statements],
        "findings": finding_bodies(item.findings),
        "advice": item.advice,
    }


def _statement(statement: trust.Statement) -> documents.TrustStatementBody:
    but = "all but " if statement.not_principal else ""
    every = "all but " if statement.not_action else ""
    return {
        "statement": statement.index,
        "sid": statement.sid,
        "effect": "Allow" if statement.allow else "Deny",
        "principals": [but + name for _, name in statement.principals],
        "actions": [every + action for action in statement.actions],
        "conditions": [f"{c.operator} {c.key} {', '.join(c.values)}" for c in statement.conditions],
    }


_ANY_POD = {
    trust.TrustVerdict.MATCH: "pods may assume the role",
    trust.TrustVerdict.NO_MATCH: "no pod may assume the role",
    trust.TrustVerdict.UNKNOWN: "it is not known whether pods may assume the role",
}


def _access_lines(item: PolicyAccess, body: documents.TrustAccessBody) -> Iterator[str | Line]:
    yield f"{called(item.name)}: {_ANY_POD[item.pods.verdict]}"
    yield from (f"  {sentence}" for sentence in item.pods.sentences)
    for finding in item.findings:
        style = "bad" if finding.severity is Severity.ERROR else ""
        yield Line(f"  {finding.severity} {finding.id}: {finding.message}", style=style)
        yield f"    {finding.fix}"
    for statement, each in zip(item.policy.statements, body["statements"], strict=True):
        does = "allows" if statement.allow else "denies"
        yield f"  {statement.label} {does} {', '.join(each['principals'])}: {', '.join(each['actions'])}"
        yield from (f"    if {condition}" for condition in each["conditions"])
    yield from (f"  {sentence}" for sentence in item.advice)


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
