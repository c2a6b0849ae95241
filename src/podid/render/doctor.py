"""A doctor's report, as a person reads it and as a document, and the list of its checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from podid.domain.findings import LINKS, FixClass, Severity, Subject, Verdict, link_words
from podid.domain.report import DoctorReport, LinkCounts
from podid.ops.status.diagnose import CheckInfo
from podid.render.doctor_text import report_lines
from podid.render.status import status_body
from podid.render.view import Column, Document, Items, Table, View, columns, document, timestamp

if TYPE_CHECKING:
    from podid.render.documents import reports as documents


def doctor_view(report: DoctorReport, *, all_verdicts: bool) -> View:
    """`names` are the ids of the findings, each once: what `podid explain` takes."""
    whole = report_document(report, all_verdicts=all_verdicts)
    shown = report.verdicts if all_verdicts else (*report.findings, *report.unknowns)
    names = tuple(dict.fromkeys(verdict.check for verdict in report.findings))
    return View(whole, (_table(shown),), names, report_lines(report, all_verdicts=all_verdicts))


def _table(verdicts: Sequence[Verdict]) -> Table:
    titles = ("ID", "OUTCOME", "SEVERITY", "LINK", "KIND", "NAMESPACE", "NAME", "MESSAGE", "MASKED BY", "PERMISSION")
    return Table(columns(*titles), Items(verdicts, _row))


def _row(item: Verdict) -> tuple[str, ...]:
    return (
        *(item.check, item.outcome, item.severity, str(item.link)),
        *(item.subject.kind, item.subject.namespace, item.subject.name),
        *(item.message or item.reason, item.masked_by, item.permission),
    )


def check_list_view(checks: Iterable[CheckInfo]) -> View:
    """What --list shows: every check, in the order in which credentials reach a pod."""
    items = tuple(checks)
    columns = (
        Column("LINK", folds=1),
        Column("SEVERITY"),
        Column("ID"),
        Column("HEALTHY WHEN", prose=True),
        Column("IAM", wide=True),
        Column("KUBERNETES", wide=True),
    )
    rows = tuple(
        (link_words(item.link), item.severity, item.id, item.title, " ".join(item.iam), ", ".join(item.kubernetes))
        for item in items
    )
    return View(check_list_document(items), (Table(columns, rows),), tuple(item.id for item in items))


# --- documents --------------------------------------------------------------------------------------------------------


def report_document(report: DoctorReport, *, all_verdicts: bool = False) -> Document:
    """`verdicts` (passes and not-applicables too) only on request. Absent values are null."""
    counts = report.summary
    body: documents.DoctorReportDocument = {
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
            "accepted": counts.accepted,
        },
        "associations": report.associations,
        "identities": Items(report.identities, status_body),
        "notLookedAt": report.not_asked,
        "chain": [_link(item) for item in report.chain],
        "findings": Items(report.findings, _finding),
        "accepted": [{**_finding(v), "accepted": v.accepted} for v in report.accepted],
        "unknowns": Items(report.unknowns, _unknown),
    }
    if all_verdicts:
        body["verdicts"] = Items(report.verdicts, _verdict)
    return document(body)


def _link(item: LinkCounts) -> documents.LinkBody:
    return {
        "link": item.link,
        "name": LINKS[item.link],
        "state": item.state,
        "ok": item.ok,
        "broken": item.broken,
        "warnings": item.warnings,
        "notes": item.notes,
        "unknown": item.unknown,
    }


def _checked(verdict: Verdict) -> documents.CheckedBody:
    return {
        "id": verdict.check,
        "severity": verdict.severity,
        "link": verdict.link,
        "subject": _subject(verdict.subject),
    }


def _finding(verdict: Verdict) -> documents.FindingBody:
    fix = verdict.fix
    return {
        **_checked(verdict),
        "message": verdict.message,
        "evidence": verdict.evidence,
        "fix": {"class": fix.kind if fix else FixClass.NONE, "commands": fix.commands if fix else ()},
        "serviceAccounts": verdict.chain,
        "maskedBy": verdict.masked_by or None,
        "docs": f"podid explain {verdict.check}",
    }


def _unknown(verdict: Verdict) -> documents.UnknownBody:
    return {**_checked(verdict), "reason": verdict.reason, "permission": verdict.permission or None}


def _verdict(verdict: Verdict) -> documents.VerdictBody:
    return {
        **_checked(verdict),
        "outcome": verdict.outcome,
        "message": verdict.message,
        "reason": verdict.reason or None,
        "permission": verdict.permission or None,
        "serviceAccounts": verdict.chain,
        "maskedBy": verdict.masked_by or None,
    }


def _subject(subject: Subject) -> documents.SubjectBody:
    return {"kind": subject.kind, "namespace": subject.namespace or None, "name": subject.name}


def check_list_document(checks: Iterable[CheckInfo]) -> Document:
    """What `podid doctor --list` shows, in causal order."""
    items: list[documents.CheckBody] = [
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
    body: documents.CheckListDocument = {"kind": "CheckList", "items": items}
    return document(body)
