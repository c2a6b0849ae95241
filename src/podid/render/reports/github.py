"""Workflow commands of GitHub Actions: an annotation for each finding, and for each reason of unknown verdicts."""

from collections.abc import Sequence

from podid.domain.findings import Severity, Verdict
from podid.domain.grouping import grouped
from podid.domain.report import DoctorReport
from podid.domain.text import short_list
from podid.render.reports.parts import (
    Failures,
    cluster_words,
    commands,
    evidence,
    headline,
    message_of,
    subject_words,
    unread,
    worst_first,
)

_COMMAND = {Severity.ERROR: "error", Severity.WARN: "warning", Severity.INFO: "notice"}
_MOST_SUBJECTS = 5


def write_all(reports: Sequence[DoctorReport], failures: Failures) -> str:
    lines = (_command("error", f"{name} could not be read", words) for name, words in unread(failures))
    return "".join((*map(write, reports), *(f"{item}\n" for item in lines)))


def write(report: DoctorReport) -> str:
    lines = [_finding(verdict) for verdict in worst_first(report)]
    lines += _unknowns(report)
    lines.append(_command("notice", f"podid {report.command} {cluster_words(report)}", headline(report)))
    return "".join(f"{item}\n" for item in lines)


def _finding(verdict: Verdict) -> str:
    text = "\n".join((message_of(verdict), *evidence(verdict), *commands(verdict)))
    return _command(_COMMAND[verdict.severity], f"{verdict.check}: {subject_words(verdict.subject)}", text)


def _unknowns(report: DoctorReport) -> list[str]:
    hidden = grouped((message_of(item), f"{item.check} {subject_words(item.subject)}") for item in report.unknowns)
    return [
        _command("warning", "not checked", f"{reason}\n{short_list(subjects, _MOST_SUBJECTS)}")
        for reason, subjects in hidden.items()
    ]


def _command(name: str, title: str, text: str) -> str:
    # the runner decodes these escapes (actions/toolkit, command.ts)
    data = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    shown = title.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A").replace(":", "%3A").replace(",", "%2C")
    return f"::{name} title={shown}::{data}"
