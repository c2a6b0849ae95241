"""Markdown as GitHub and GitLab render it: a job summary, a comment on a pull request, an issue."""

import re
from collections.abc import Sequence

from podid.domain.encoding import timestamp
from podid.domain.findings import Severity, Verdict
from podid.domain.report import DoctorReport
from podid.domain.text import count_of
from podid.render import reports as parts
from podid.render.marks import state_word
from podid.render.sanitize import line

# GitHub truncates a job summary at 1 MiB
MOST_ROWS = 200
_SEVERITY = {Severity.ERROR: "❌ error", Severity.WARN: "⚠️ warning", Severity.INFO: "💡 note"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]#|<>~&])")
# GitHub finds mentions and links after it removed backslashes; a zero-width break prevents both
_BREAK = "&#8203;"


def write(reports: Sequence[DoctorReport], failures: parts.Failures | None) -> str:
    sections = [_report(report, parts.cluster_of(report, failures)) for report in reports]
    if failures:
        rows = (f"- {_text(name)}: {_text(words)}" for name, words in parts.unread(failures))
        sections.append(["# Clusters that could not be read", "", *rows])
    return "\n".join("".join(f"{line}\n" for line in lines) for lines in sections)


def _report(report: DoctorReport, cluster: str) -> list[str]:
    where = f"{cluster}, {report.scope}" if report.scope else cluster
    lines = [
        f"# podid {report.command}: {_text(where)}",
        "",
        f"{parts.headline(report)}, at {timestamp(report.taken_at)}.",
        "",
    ]
    identities = parts.identities(report) if report.identities else ()
    lines += ["| service account | state | |", "|---|---|---|"] if identities else []
    lines += [
        f"| {_text(item.name)} | {parts.STATES[item.state][1]} {state_word(item.state)} | {_text(item.words)} |"
        for item in identities[:MOST_ROWS]
    ]
    if len(identities) > MOST_ROWS:
        lines += ["", f"Not shown here: {count_of(len(identities) - MOST_ROWS, 'more service account')}."]
    for verdict in parts.worst_first(report):
        lines += ["", *_finding(verdict)]
    for title, rows in parts.further_sections(report):
        lines += ["", f"## {title}", ""]
        lines += [f"- `{check}` {_text(subject)}: {_text(words)}" for check, subject, words in rows]
    return lines


def _finding(verdict: Verdict) -> list[str]:
    heading = f"## {_SEVERITY[verdict.severity]}: {verdict.check}, {_text(parts.subject_words(verdict.subject))}"
    lines = [heading, "", f"{parts.title_of(verdict.check)}: {_text(parts.message_of(verdict))}", ""]
    lines += [f"- {_text(item)}" for item in parts.evidence(verdict)]
    if verdict.evidence:
        lines.append("")
    # a longer fence: text with backquotes cannot end it
    shown = parts.commands(verdict)
    fence = "`" * max(3, 1 + max((len(run) for text in shown for run in re.findall("`+", text)), default=0))
    return [*lines, f"{fence}sh", *shown, fence]


def _text(text: str) -> str:
    """Return foreign text without markup, mentions and table cells."""
    return _SPECIAL.sub(r"\\\1", line(text)).replace("@", f"@{_BREAK}").replace("://", f":{_BREAK}//")
