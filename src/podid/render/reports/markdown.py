"""Markdown as GitHub and GitLab render it: a job summary, a comment on a pull request, an issue."""

import re
from collections.abc import Mapping

from podid.domain.encoding import timestamp
from podid.domain.findings import Severity, Verdict
from podid.domain.report import DoctorReport
from podid.domain.status import IdentityState
from podid.render.marks import state_word
from podid.render.reports.parts import (
    commands,
    evidence,
    headline,
    identities,
    said,
    subject_words,
    title_of,
    worst_first,
)
from podid.render.sanitize import line

_STATE: Mapping[IdentityState | None, str] = {
    IdentityState.BROKEN: "❌",
    IdentityState.STALE: "🔄",
    IdentityState.UNKNOWN: "❔",
    IdentityState.DOUBTFUL: "⚠️",
    IdentityState.READY: "✅",
    IdentityState.VERIFIED: "✅",
    IdentityState.PROVEN: "✅",
}
# GitHub cuts a job summary at 1 MiB
MOST_ROWS = 200
_SEVERITY = {Severity.ERROR: "❌ error", Severity.WARN: "⚠️ warning", Severity.INFO: "💡 note"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]#|<>~&])")
# a mention or a link is made after the backslashes are gone; a break without width keeps both apart
_BREAK = "&#8203;"


def write(report: DoctorReport) -> str:
    where = f"{report.cluster}, {report.scope}" if report.scope else report.cluster
    lines = [f"# podid doctor: {_text(where)}", "", f"{headline(report)}, at {timestamp(report.taken_at)}.", ""]
    ways = identities(report) if report.identities else ()
    lines += ["| service account | state | |", "|---|---|---|"] if ways else []
    lines += [
        f"| {_text(way.name)} | {_STATE.get(way.state, '')} {state_word(way.state)} | {_text(way.words)} |"
        for way in ways[:MOST_ROWS]
    ]
    if len(ways) > MOST_ROWS:
        lines += ["", f"{len(ways) - MOST_ROWS} more service accounts are not listed here."]
    for verdict in worst_first(report):
        lines += ["", *_finding(verdict)]
    masked = [item for item in report.findings if item.masked_by]
    if masked:
        lines += ["", "## Follows from the above", ""]
        lines += [
            f"- `{item.check}` {_text(subject_words(item.subject))} (after `{item.masked_by}`)" for item in masked
        ]
    if report.accepted:
        lines += ["", "## Accepted", ""]
        lines += [
            f"- `{item.check}` {_text(subject_words(item.subject))}: {_text(item.accepted)}" for item in report.accepted
        ]
    if report.unknowns:
        lines += ["", "## Could not be checked", ""]
        lines += [
            f"- `{item.check}` {_text(subject_words(item.subject))}: {_text(said(item))}" for item in report.unknowns
        ]
    return "".join(f"{item}\n" for item in lines)


def _finding(verdict: Verdict) -> list[str]:
    heading = f"## {_SEVERITY[verdict.severity]}: {verdict.check}, {_text(subject_words(verdict.subject))}"
    lines = [heading, "", f"{title_of(verdict.check)}: {_text(said(verdict))}", ""]
    lines += [f"- {_text(item)}" for item in evidence(verdict)]
    if verdict.evidence:
        lines.append("")
    # a text of backquotes cannot end a fence that is longer
    shown = commands(verdict)
    fence = "`" * max(3, 1 + max((len(run) for text in shown for run in re.findall("`+", text)), default=0))
    return [*lines, f"{fence}sh", *shown, fence]


def _text(text: str) -> str:
    """Foreign text as text: no markup, no mention, no table cell of its own."""
    return _SPECIAL.sub(r"\\\1", line(text)).replace("@", f"@{_BREAK}").replace("://", f":{_BREAK}//")
