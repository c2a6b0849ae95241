"""DoctorReport → the JSON document of kind DoctorReport."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from podid.domain.findings import Subject, Verdict
from podid.domain.report import DoctorReport
from podid.render.view import Document, Json, document, timestamp

if TYPE_CHECKING:
    from podid.ops.doctor import CheckInfo


def report_document(report: DoctorReport, *, all_verdicts: bool = False) -> Document:
    """JSON-able; `verdicts` (passes and not-applicables too) only on request. Absent values are null."""
    counts = report.summary
    body: Document = {
        "cluster": report.cluster,
        "clusterArn": report.cluster_arn or None,
        "scope": report.scope or None,
        "takenAt": timestamp(report.taken_at),
        "summary": {
            "error": counts.error,
            "warn": counts.warn,
            "info": counts.info,
            "unknown": counts.unknown,
            "pass": counts.passed,
            "masked": counts.masked,
        },
        "firstBroken": [
            {"serviceAccount": b.service_account, "id": b.check, "link": b.link} for b in report.first_broken
        ],
        "findings": [_finding(v) for v in report.findings],
        "unknowns": [_unknown(v) for v in report.unknowns],
    }
    if all_verdicts:
        body["verdicts"] = [_verdict(v) for v in report.verdicts]
    return document("DoctorReport", body)


def _finding(verdict: Verdict) -> Document:
    fix = verdict.fix
    return {
        "id": verdict.check,
        "severity": verdict.severity.value,
        "link": verdict.link,
        "subject": _subject(verdict.subject),
        "message": verdict.message,
        "evidence": list(verdict.evidence),
        "fix": {
            "class": fix.kind.value if fix else "-",
            "commands": [list(command) for command in (fix.commands if fix else ())],
        },
        "serviceAccounts": list(verdict.chain),
        "maskedBy": verdict.masked_by or None,
        "docs": f"podid explain {verdict.check}",
    }


def _unknown(verdict: Verdict) -> Document:
    return {
        "id": verdict.check,
        "severity": verdict.severity.value,
        "link": verdict.link,
        "subject": _subject(verdict.subject),
        "reason": verdict.reason,
        "permission": verdict.permission or None,
    }


def _verdict(verdict: Verdict) -> Document:
    return {
        "id": verdict.check,
        "outcome": verdict.outcome.value,
        "severity": verdict.severity.value,
        "link": verdict.link,
        "subject": _subject(verdict.subject),
        "message": verdict.message,
        "maskedBy": verdict.masked_by or None,
    }


def _subject(subject: Subject) -> Document:
    return {"kind": subject.kind, "namespace": subject.namespace or None, "name": subject.name}


def check_list_document(checks: Iterable[CheckInfo]) -> Document:
    """What `podid doctor --list` shows, in causal order."""
    items: list[Json] = [
        {
            "id": c.id,
            "severity": c.severity,
            "link": c.link,
            "title": c.title,
            "fix": c.fix,
            "needs": list(c.needs),
            "wants": list(c.wants),
            "permissions": {"iam": list(c.iam), "kubernetes": list(c.kubernetes)},
        }
        for c in checks
    ]
    return document("CheckList", {"items": items})
