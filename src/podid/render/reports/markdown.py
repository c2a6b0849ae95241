"""Markdown as GitHub and GitLab render it: a job summary, a comment on a pull request, an issue."""

import re
from collections.abc import Sequence

from podid.domain.encoding import timestamp
from podid.domain.findings import Severity, Verdict
from podid.domain.report import DoctorReport
from podid.domain.text import count_of
from podid.render.marks import state_word
from podid.render.reports import (
    STATES,
    Failures,
    cluster_of,
    commands,
    evidence,
    further_sections,
    headline,
    identities,
    message_of,
    subject_words,
    title_of,
    unread,
    worst_first,
)
from podid.render.sanitize import line

# GitHub truncates a job summary at 1 MiB
MOST_ROWS = 200
_SEVERITY = {Severity.ERROR: "❌ error", Severity.WARN: "⚠️ warning", Severity.INFO: "💡 note"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]#|<>~&])")
# GitHub finds mentions and links after it removed backslashes; a zero-width break prevents both
_BREAK = "&#8203;"


def write(reports: Sequence[DoctorReport], failures: Failures | None) -> str:
    parts = [_report(report, cluster_of(report, failures)) for report in reports]
    if failures:
        rows = (f"- {_text(name)}: {_text(words)}" for name, words in unread(failures))
        parts.append(["# Clusters that could not be read", "", *rows])
    return "\n".join("".join(f"{line}\n" for line in lines) for lines in parts)


def _report(report: DoctorReport, cluster: str) -> list[str]:
    where = f"{cluster}, {report.scope}" if report.scope else cluster
    lines = [
        f"# podid {report.command}: {_text(where)}",
        "",
        f"{headline(report)}, at {timestamp(report.taken_at)}.",
        "",
    ]
    ways = identities(report) if report.identities else ()
    lines += ["| service account | state | |", "|---|---|---|"] if ways else []
    lines += [
        f"| {_text(way.name)} | {STATES[way.state][1]} {state_word(way.state)} | {_text(way.words)} |"
        for way in ways[:MOST_ROWS]
    ]
    if len(ways) > MOST_ROWS:
        lines += ["", f"Not shown here: {count_of(len(ways) - MOST_ROWS, 'more service account')}."]
    for verdict in worst_first(report):
        lines += ["", *_finding(verdict)]
    for title, rows in further_sections(report):
        lines += ["", f"## {title}", ""]
        lines += [f"- `{check}` {_text(subject)}: {_text(words)}" for check, subject, words in rows]
    return lines


def _finding(verdict: Verdict) -> list[str]:
    heading = f"## {_SEVERITY[verdict.severity]}: {verdict.check}, {_text(subject_words(verdict.subject))}"
    lines = [heading, "", f"{title_of(verdict.check)}: {_text(message_of(verdict))}", ""]
    lines += [f"- {_text(item)}" for item in evidence(verdict)]
    if verdict.evidence:
        lines.append("")
    # a longer fence: text with backquotes cannot end it
    shown = commands(verdict)
    fence = "`" * max(3, 1 + max((len(run) for text in shown for run in re.findall("`+", text)), default=0))
    return [*lines, f"{fence}sh", *shown, fence]


def _text(text: str) -> str:
    """Return foreign text without markup, mentions and table cells."""
    return _SPECIAL.sub(r"\\\1", line(text)).replace("@", f"@{_BREAK}").replace("://", f":{_BREAK}//")
