"""One HTML file that loads nothing: a picture of the links for each service account, then the findings."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from podid.domain.encoding import timestamp
from podid.domain.findings import LINKS, Severity, Verdict
from podid.domain.report import DoctorReport, LinkCounts, LinkState
from podid.domain.text import count_of
from podid.render import reports as parts
from podid.render.marks import state_word
from podid.render.sanitize import line

# mark and words, each
_LINKS = {
    LinkState.BROKEN: ("✗", "broken"),
    LinkState.WARNING: ("!", "warning"),
    LinkState.UNKNOWN: ("?", "could not be checked"),
    LinkState.FINE: ("✓", "in order"),
    LinkState.NOTE: ("i", "note"),
    LinkState.UNSEEN: ("-", "not checked"),
}
# pictures; the findings name all service accounts
MOST_PICTURES = 200
_STEP, _RADIUS, _TOP = 104, 17, 24

_STATES = "".join(
    f"svg .{state} circle {{ fill: var(--{state}); }} article.{state} {{ border-left-color: var(--{state}); }}"
    f" .word.{state} {{ color: var(--{state}); font-weight: 600; }}\n"
    for state in LinkState
)
_SEVERITY = {
    Severity.ERROR: (LinkState.BROKEN, "error"),
    Severity.WARN: (LinkState.WARNING, "warning"),
    Severity.INFO: (LinkState.NOTE, "note"),
}


def write(reports: Sequence[DoctorReport], _: object) -> str:
    (report,) = reports
    title = f"podid {report.command}: {_text(report.cluster)}"
    scope = f"{_text(report.scope)}, " if report.scope else ""
    style = files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            # the file has foreign text: nothing in it may run or load
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{title}</title><style>\n{style}{_STATES}</style></head><body>",
            f"<header><h1>{title}</h1>",
            f'<p>{parts.headline(report)}</p><p class="soft">{scope}{timestamp(report.taken_at)}</p></header>',
            "<main>",
            *_pictures(report),
            *_findings(report),
            "</main></body></html>",
            "",
        )
    )


def _pictures(report: DoctorReport) -> list[str]:
    rows = parts.identities(report)
    lines = ["<h2>The way to credentials</h2>"]
    lines += [element for identity in rows[:MOST_PICTURES] for element in _identity(identity)]
    if len(rows) > MOST_PICTURES:
        lines.append(f"<p>Not shown here: {count_of(len(rows) - MOST_PICTURES, 'more service account')}.</p>")
    return lines


def _identity(identity: parts.IdentityLinks) -> list[str]:
    name = "The whole cluster" if identity.name == parts.CLUSTER else _text(identity.name)
    state, words = parts.STATES[identity.state][0], state_word(identity.state)
    words += f": {identity.words}" if identity.words else ""
    return [
        f'<section class="identity"><h3>{name}</h3><p class="word {state}">{_text(words)}</p>',
        f'<div class="picture">{_picture(identity)}</div></section>',
    ]


def _picture(identity: parts.IdentityLinks) -> str:
    width = _STEP * len(identity.chain)
    states = "; ".join(f"{LINKS[item.link]}: {_LINKS[item.state][1]}" for item in identity.chain)
    middle = _STEP // 2
    elements = [
        f'<svg viewBox="0 0 {width} 84" role="img" aria-label="{_text(states)}">',
        f'<line x1="{middle}" y1="{_TOP}" x2="{width - middle}" y2="{_TOP}"/>',
        *(_station(item, middle + _STEP * place) for place, item in enumerate(identity.chain)),
        "</svg>",
    ]
    return "".join(elements)


def _station(item: LinkCounts, x: int) -> str:
    return (
        f'<g class="{item.state}"><circle cx="{x}" cy="{_TOP}" r="{_RADIUS}"/>'
        f'<text class="mark" x="{x}" y="{_TOP + 6}">{_LINKS[item.state][0]}</text>'
        f'<text x="{x}" y="{_TOP + 36}">{item.link} {LINKS[item.link]}</text>'
        f'<text x="{x}" y="{_TOP + 52}">{_short(item)}</text></g>'
    )


def _short(item: LinkCounts) -> str:
    shown = (
        (item.broken, "broken"),
        (item.warnings, "with a warning"),
        (item.unknown, "unknown"),
        (item.ok, "ok"),
        (item.notes, "with a note"),
    )
    return next((f"{count} {word}" for count, word in shown if count), "not checked")


def _findings(report: DoctorReport) -> list[str]:
    lines, by = ["<h2>Findings</h2>"], " by the completed checks" if report.unknowns else ""
    lines += [_finding(verdict) for verdict in parts.worst_first(report)] or [f"<p>No problems found{by}.</p>"]
    for title, rows in parts.further_sections(report):
        lines += [f"<h2>{title}</h2>", _items(f"{check}: {subject}: {words}" for check, subject, words in rows)]
    return lines


def _finding(verdict: Verdict) -> str:
    state, word = _SEVERITY[verdict.severity]
    title = f"{verdict.check}, {parts.subject_words(verdict.subject)}"
    return (
        f'<article class="{state}"><h3><span class="word {state}">{word}</span> {_text(title)}</h3>'
        f'<p class="soft">{_text(parts.title_of(verdict.check))}</p><p>{_text(parts.message_of(verdict))}</p>'
        f"{_items(parts.evidence(verdict))}"
        f"<pre><code>{_text(chr(10).join(parts.commands(verdict)), lines=True)}</code></pre></article>"
    )


def _items(texts: Iterable[str]) -> str:
    items = "".join(f"<li>{_text(text)}</li>" for text in texts)
    return f"<ul>{items}</ul>" if items else ""


def _text(text: str, *, lines: bool = False) -> str:
    return escape(text if lines else line(text))
