"""DoctorReport → the JSON document of kind DoctorReport."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from podid.domain.findings import FixClass, Severity, Subject, Verdict
from podid.domain.report import DoctorReport
from podid.render.view import Document, document, timestamp

if TYPE_CHECKING:
    from podid.ops.doctor import CheckInfo
    from podid.render.documents.doctor import (
        CheckBody,
        CheckListDocument,
        DoctorReportDocument,
        FindingBody,
        SubjectBody,
        UnknownBody,
        VerdictBody,
    )


def report_document(report: DoctorReport, *, all_verdicts: bool = False) -> Document:
    """`verdicts` (passes and not-applicables too) only on request. Absent values are null."""
    counts = report.summary
    body: DoctorReportDocument = {
        "kind": "DoctorReport",
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
    return document(body)


def _finding(verdict: Verdict) -> FindingBody:
    fix = verdict.fix
    return {
        "id": verdict.check,
        "severity": verdict.severity,
        "link": verdict.link,
        "subject": _subject(verdict.subject),
        "message": verdict.message,
        "evidence": verdict.evidence,
        "fix": {
            "class": fix.kind if fix else FixClass.NONE,
            "commands": fix.commands if fix else (),
        },
        "serviceAccounts": verdict.chain,
        "maskedBy": verdict.masked_by or None,
        "docs": f"podid explain {verdict.check}",
    }


def _unknown(verdict: Verdict) -> UnknownBody:
    return {
        "id": verdict.check,
        "severity": verdict.severity,
        "link": verdict.link,
        "subject": _subject(verdict.subject),
        "reason": verdict.reason,
        "permission": verdict.permission or None,
    }


def _verdict(verdict: Verdict) -> VerdictBody:
    return {
        "id": verdict.check,
        "outcome": verdict.outcome,
        "severity": verdict.severity,
        "link": verdict.link,
        "subject": _subject(verdict.subject),
        "message": verdict.message,
        "maskedBy": verdict.masked_by or None,
    }


def _subject(subject: Subject) -> SubjectBody:
    return {"kind": subject.kind, "namespace": subject.namespace or None, "name": subject.name}


def check_list_document(checks: Iterable[CheckInfo]) -> Document:
    """What `podid doctor --list` shows, in causal order."""
    items: list[CheckBody] = [
        {
            "id": c.id,
            "severity": Severity(c.severity),
            "link": c.link,
            "title": c.title,
            "fix": FixClass(c.fix),
            "needs": c.needs,
            "wants": c.wants,
            "permissions": {"iam": c.iam, "kubernetes": c.kubernetes},
        }
        for c in checks
    ]
    body: CheckListDocument = {"kind": "CheckList", "items": items}
    return document(body)
