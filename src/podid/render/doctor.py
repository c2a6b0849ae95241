"""A doctor's report as a person reads it: the first broken link of each service account, then the rest."""

import shlex
from collections.abc import Iterable

from podid.domain.findings import Severity, Verdict
from podid.domain.report import DoctorReport
from podid.domain.words import short_list
from podid.ops.doctor import CheckInfo
from podid.render.doctor_document import check_list_document, report_document
from podid.render.view import Column, Table, View, columns

_WORD = {Severity.ERROR: "ERROR", Severity.WARN: "WARN", Severity.INFO: "INFO"}


def doctor_view(report: DoctorReport, *, all_verdicts: bool) -> View:
    """`names` are the ids of the findings, each once: what `podid explain` takes."""
    whole = report_document(report, all_verdicts=all_verdicts)
    shown = report.verdicts if all_verdicts else (*report.findings, *report.unknowns)
    names = tuple(dict.fromkeys(verdict.check for verdict in report.findings))
    return View(whole, (_table(shown),), names, _text(report, all_verdicts=all_verdicts))


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


def _text(report: DoctorReport, *, all_verdicts: bool) -> str:
    lines = [f"cluster {report.cluster}" + (f", {report.scope}" if report.scope else "")]
    if report.first_broken:
        lines.append("first broken link:")
        lines += [f"  {_who(item.service_account)}: link {item.link}, {item.check}" for item in report.first_broken]
    for verdict in (item for item in report.findings if not item.masked_by):
        lines += ["", *_finding(verdict)]
    masked = [item for item in report.findings if item.masked_by]
    if masked:
        lines += ["", "follows from the above, look again when that is mended:"]
        lines += [f"  {item.check}  {item.subject}  (after {item.masked_by})" for item in masked]
    if report.unknowns:
        lines += ["", "could not be looked at, so neither fine nor broken:"]
        lines += _unknown(report.unknowns)
    if all_verdicts:
        lines += ["", "all verdicts:"]
        lines += [f"  {item.outcome}  {item.check}  {item.subject}  {item.message}" for item in report.verdicts]
    counts = report.summary
    lines += [
        "",
        f"{_count(counts.error, 'error')}, {_count(counts.warn, 'warning')}, {_count(counts.info, 'note')}, "
        f"{counts.unknown} unknown, {counts.passed} passed",
    ]
    return "\n".join(lines) + "\n"


def _who(service_account: str) -> str:
    return "every service account" if service_account == "*" else service_account


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _finding(verdict: Verdict) -> list[str]:
    lines = [f"{_WORD[verdict.severity]}  {verdict.check}  {verdict.subject}", f"  {verdict.message}"]
    lines += [f"  - {item}" for item in verdict.evidence]
    if verdict.fix is not None:
        lines += [f"  fix: {shlex.join(command)}" for command in verdict.fix.commands]
    lines.append(f"  more: podid explain {verdict.check}")
    return lines


def _unknown(verdicts: Iterable[Verdict]) -> list[str]:
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
        Column("HEALTHY WHEN"),
        Column("IAM", wide=True),
        Column("KUBERNETES", wide=True),
    )
    rows = tuple(
        (str(item.link), item.severity, item.id, item.title, " ".join(item.iam), ", ".join(item.kubernetes))
        for item in items
    )
    return View(check_list_document(items), (Table(columns, rows),), tuple(item.id for item in items))
