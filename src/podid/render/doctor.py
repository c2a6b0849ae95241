"""A doctor's report, as a person reads it and as a document, and the list of its checks."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

from podid.domain.findings import FixClass, Severity, Subject, Verdict
from podid.domain.links import LINKS, link_words
from podid.domain.report import RANK, DoctorReport, LinkCounts, LinkState
from podid.domain.words import short_list
from podid.ops.doctor.diagnose import CheckInfo
from podid.render.view import Column, Document, Table, View, columns, document, timestamp

if TYPE_CHECKING:
    from podid.render.documents import reports as documents

MARKS = {
    LinkState.BROKEN: "✗",
    LinkState.WARNING: "!",
    LinkState.UNKNOWN: "?",
    LinkState.FINE: "✓",
    LinkState.NOTE: "i",
    LinkState.UNSEEN: "-",
}
_WORD = {Severity.ERROR: "ERROR", Severity.WARN: "WARN", Severity.INFO: "INFO"}


def doctor_view(report: DoctorReport, *, all_verdicts: bool) -> View:
    """`names` are the ids of the findings, each once: what `podid explain` takes."""
    whole = report_document(report, all_verdicts=all_verdicts)
    shown = report.verdicts if all_verdicts else (*report.findings, *report.unknowns)
    names = tuple(dict.fromkeys(verdict.check for verdict in report.findings))
    return View(whole, (_table(shown),), names, _lines(report, all_verdicts=all_verdicts))


def _table(verdicts: Iterable[Verdict]) -> Table:
    titles = ("ID", "OUTCOME", "SEVERITY", "LINK", "KIND", "NAMESPACE", "NAME", "MESSAGE", "MASKED BY", "PERMISSION")
    rows = tuple(
        (
            *(item.check, item.outcome, item.severity, str(item.link)),
            *(item.subject.kind, item.subject.namespace, item.subject.name),
            *(item.message or item.reason, item.masked_by, item.permission),
        )
        for item in verdicts
    )
    return Table(columns(*titles), rows)


def _lines(report: DoctorReport, *, all_verdicts: bool) -> tuple[str, ...]:
    lines = [f"cluster {report.cluster}" + (f", {report.scope}" if report.scope else "")]
    lines += ["", *_chain(report.chain)]
    if report.first_broken:
        lines += ["", "first broken link:"]
        lines += [
            f"  {_who(item.service_account)}: link {link_words(item.link)}, {item.check}"
            for item in report.first_broken
        ]
    plain = (item for item in report.findings if not item.masked_by)
    for verdict in sorted(plain, key=lambda item: -RANK[item.severity]):
        lines += ["", *_finding_lines(verdict)]
    masked = [item for item in report.findings if item.masked_by]
    if masked:
        lines += ["", "follows from the above, look again when that is mended:"]
        folded: dict[tuple[str, str], list[str]] = {}
        for item in masked:
            folded.setdefault((item.check, item.masked_by), []).append(str(item.subject))
        lines += [f"  {check}  {short_list(who, 3)}  (after {cause})" for (check, cause), who in folded.items()]
    if report.accepted:
        lines += ["", "accepted by the baseline:"]
        lines += [f"  {item.check}  {item.subject}  ({item.accepted})" for item in report.accepted]
    if report.unknowns:
        lines += ["", "could not be looked at, so neither fine nor broken:"]
        lines += _unknown_lines(report.unknowns)
    if all_verdicts:
        lines += ["", "all verdicts:"]
        lines += [f"  {item.outcome}  {item.check}  {item.subject}  {item.message}" for item in report.verdicts]
    if report.associations is not None:
        lines += ["", _looked_at(report)]
    counts = report.summary
    lines += [
        "",
        f"{_count(counts.error, 'error')}, {_count(counts.warn, 'warning')}, {_count(counts.info, 'note')}, "
        f"{counts.unknown} unknown, {counts.passed} passed",
    ]
    return tuple(lines)


def _chain(chain: Iterable[LinkCounts]) -> list[str]:
    """A row for each of the ten links, with a mark; podid's own access comes before them where it is in the way."""
    lines = [f"    {'link':<20}{'ok':>4}{'broken':>8}{'unknown':>9}"]
    for item in chain:
        if item.link == 0 and not item.unknown:
            continue
        counts = f"{item.ok or '':>4}{item.broken or '':>8}{item.unknown or '':>9}"
        if item.state is LinkState.UNSEEN:
            counts = "  not looked at"
        lines.append(f" {MARKS[item.state]} {item.link:>2} {LINKS[item.link]:<18}{counts}".rstrip())
    return lines


def _looked_at(report: DoctorReport) -> str:
    where = "in this cluster"
    if report.scope:
        where = f"{'for' if '/' in report.scope else 'in'} {report.scope}"
    clean = not report.findings and not report.unknowns
    if not report.associations:
        return f"{'nothing to look at: ' if clean else ''}there is no association {where}"
    checks = f"✓ {_count(len(report.checks), 'check')} found nothing wrong; " if clean else ""
    return f"{checks}{_count(report.associations, 'association')} looked at {where}"


def _who(service_account: str) -> str:
    return "every service account" if service_account == "*" else service_account


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _finding_lines(verdict: Verdict) -> list[str]:
    lines = [f"{_WORD[verdict.severity]}  {verdict.check}  {verdict.subject}", f"  {verdict.message}"]
    lines += [f"  - {item}" for item in verdict.evidence]
    if verdict.fix is not None:
        lines += [f"  fix: {shlex.join(command)}" for command in verdict.fix.commands]
    lines.append(f"  more: podid explain {verdict.check}")
    return lines


def _unknown_lines(verdicts: Iterable[Verdict]) -> list[str]:
    """One paragraph for each obstacle, with all that it hid: one missing right often hides many checks."""
    by_obstacle: dict[tuple[str, str], dict[str, list[str]]] = {}
    for item in verdicts:
        subjects = by_obstacle.setdefault((item.reason, item.permission), {}).setdefault(item.check, [])
        subjects.append(str(item.subject))
    lines = []
    for (reason, permission), checks in by_obstacle.items():
        lines.append(f"  {reason}" + (f" (needs {permission})" if permission and permission not in reason else ""))
        lines += [f"    {check}  {short_list(subjects, 3)}" for check, subjects in checks.items()]
    return lines


def check_list_view(checks: Iterable[CheckInfo]) -> View:
    """What --list shows: every check, in the order in which credentials reach a pod."""
    items = tuple(checks)
    columns = (
        Column("LINK", right=True),
        Column("SEVERITY"),
        Column("ID"),
        Column("HEALTHY WHEN", prose=True),
        Column("IAM", wide=True),
        Column("KUBERNETES", wide=True),
    )
    rows = tuple(
        (str(item.link), item.severity, item.id, item.title, " ".join(item.iam), ", ".join(item.kubernetes))
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
        "chain": [_link(item) for item in report.chain],
        "firstBroken": [
            {"serviceAccount": b.service_account, "id": b.check, "link": b.link} for b in report.first_broken
        ],
        "findings": [_finding(v) for v in report.findings],
        "accepted": [{**_finding(v), "accepted": v.accepted} for v in report.accepted],
        "unknowns": [_unknown(v) for v in report.unknowns],
    }
    if all_verdicts:
        body["verdicts"] = [_verdict(v) for v in report.verdicts]
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
