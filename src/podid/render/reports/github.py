"""Workflow commands of GitHub Actions: an annotation for each finding, and for each reason of unknown verdicts."""

from collections.abc import Iterator, Sequence

from podid.domain.findings import Severity
from podid.domain.grouping import grouped
from podid.domain.report import DoctorReport
from podid.domain.text import short_list
from podid.render import reports as parts
from podid.render.sanitize import line

_COMMAND = {Severity.ERROR: "error", Severity.WARN: "warning", Severity.INFO: "notice"}
_MOST_SUBJECTS = 5


def write(reports: Sequence[DoctorReport], failures: parts.Failures | None) -> str:
    lines = [text for report in reports for text in _lines(report, parts.cluster_of(report, failures), failures)]
    lines += [_command("error", f"{name} could not be read", words) for name, words in parts.unread(failures or ())]
    return "".join(f"{text}\n" for text in lines)


def _lines(report: DoctorReport, cluster: str, failures: parts.Failures | None) -> Iterator[str]:
    within = "" if failures is None else f" in {line(cluster)}"
    for verdict in parts.worst_first(report):
        text = "\n".join((parts.message_of(verdict), *parts.evidence(verdict), *parts.commands(verdict)))
        yield _command(
            _COMMAND[verdict.severity], f"{verdict.check}: {parts.subject_words(verdict.subject)}{within}", text
        )
    hidden = grouped(
        (parts.message_of(item), f"{item.check} {parts.subject_words(item.subject)}") for item in report.unknowns
    )
    for reason, subjects in hidden.items():
        yield _command("warning", f"not checked{within}", f"{reason}\n{short_list(subjects, _MOST_SUBJECTS)}")
    yield _command("notice", f"podid {report.command} {line(cluster)}", parts.headline(report))


def _command(name: str, title: str, text: str) -> str:
    # the runner decodes these escapes (actions/toolkit, command.ts)
    data = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    shown = title.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A").replace(":", "%3A").replace(",", "%2C")
    return f"::{name} title={shown}::{data}"
