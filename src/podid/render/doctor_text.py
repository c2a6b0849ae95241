"""A doctor's report as a person reads it: how each link stands, then what is wrong, worst first and folded by cause."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence

from podid.domain.findings import Severity, Verdict
from podid.domain.links import LINKS, link_words
from podid.domain.report import RANK, DoctorReport, LinkCounts, LinkState
from podid.domain.words import count_of, needing, short_list
from podid.render.view import Line

MARKS = {
    LinkState.BROKEN: "✗",
    LinkState.WARNING: "!",
    LinkState.UNKNOWN: "?",
    LinkState.FINE: "✓",
    LinkState.NOTE: "i",
    LinkState.UNSEEN: "-",
}
_STYLES = {
    LinkState.BROKEN: "bad",
    LinkState.WARNING: "warn",
    LinkState.UNKNOWN: "warn",
    LinkState.FINE: "good",
    LinkState.NOTE: "dim",
    LinkState.UNSEEN: "dim",
}
_STATES = {Severity.ERROR: LinkState.BROKEN, Severity.WARN: LinkState.WARNING, Severity.INFO: LinkState.NOTE}
_KINDS = {
    "Association": "association",
    "ServiceAccount": "service account",
    "Role": "role",
    "Node": "node",
    "Pod": "pod",
}
# there is one of them, and everybody knows its name
_SINGLE = ("Cluster", "Addon")
# of one cause, the rest by name
_MOST_SHOWN = 5


def report_lines(report: DoctorReport, *, all_verdicts: bool) -> tuple[str | Line, ...]:
    lines: list[str | Line] = [f"cluster {report.cluster}" + (f", {report.scope}" if report.scope else "")]
    lines += ["", *_chain(report.chain), *_first_broken(report)]
    masked = [item for item in report.findings if item.masked_by]
    causes = _by_check(item for item in report.findings if not item.masked_by)
    for check, found in causes.items():
        following = [item for item in masked if item.masked_by == check]
        lines += ["", *_block(check, found, following, report.associations or 0)]
    rest = _by_check(item for item in masked if item.masked_by not in causes)
    if rest:
        lines += ["", "follows from a link that was broken before:"]
        lines += [f"  {check}: {_counted(found)}" for check, found in rest.items()]
    if report.accepted:
        lines += ["", "accepted by the baseline:"]
        lines += [f"  {item.check}  {item.subject}  ({item.accepted})" for item in report.accepted]
    if report.unknowns:
        lines += ["", "could not be looked at, so neither fine nor broken:"]
        lines += _unknown_lines(report.unknowns)
    if all_verdicts:
        lines += ["", "all verdicts:"]
        lines += [f"  {item.outcome}  {item.check}  {item.subject}  {item.message}" for item in report.verdicts]
    return (*lines, *_end(report))


def _by_check(verdicts: Iterable[Verdict]) -> dict[str, list[Verdict]]:
    found: dict[str, list[Verdict]] = {}
    for item in verdicts:
        found.setdefault(item.check, []).append(item)
    return found


def _chain(chain: Iterable[LinkCounts]) -> list[str | Line]:
    """A row for each of the ten links, with a mark; podid's own access comes before them where it is in the way."""
    lines: list[str | Line] = [f"    {'link':<20}{'ok':>4}{'broken':>8}{'unknown':>9}"]
    for item in chain:
        if item.link == 0 and not item.unknown:
            continue
        counts = f"{item.ok or '':>4}{item.broken or '':>8}{item.unknown or '':>9}"
        if item.state is LinkState.UNSEEN:
            counts = "  not looked at"
        row = f" {MARKS[item.state]} {item.link:>2} {LINKS[item.link]:<18}{counts}".rstrip()
        marked = item.state not in (LinkState.FINE, LinkState.NOTE)
        lines.append(Line(row, _STYLES[item.state], upto=None if marked else 2))
    return lines


def _first_broken(report: DoctorReport) -> list[str]:
    who: dict[tuple[int, str], list[str]] = {}
    for item in report.first_broken:
        name = "every service account" if item.service_account == "*" else item.service_account
        who.setdefault((item.link, item.check), []).append(name)
    if not who:
        return []
    found = sorted(who.items())
    return ["", "first broken link:", *(f"  {link_words(link)}: {short_list(names)}" for (link, _), names in found)]


# --- a cause ----------------------------------------------------------------------------------------------------------


def _block(check: str, found: Sequence[Verdict], following: Sequence[Verdict], associations: int) -> list[str | Line]:
    """What is wrong for one reason, with all that it is wrong for, and what else it explains."""
    worst = max((item.severity for item in found), key=RANK.__getitem__)
    state = _STATES[worst]
    head = f"{MARKS[state]} {check}"
    concerned = _concerned(found, following, associations)
    lines: list[str | Line] = [Line(f"{head}: {concerned}" if concerned else head, _STYLES[state], upto=len(head))]
    lines.append(f"  {worst} on link {link_words(found[0].link)}")
    several = len(found) > 1
    for item in found[:_MOST_SHOWN]:
        indent = "    " if several else "  "
        lines += [f"  {item.subject}"] if several else []
        lines.append(f"{indent}{item.message}")
        lines += [f"{indent}- {evidence}" for evidence in item.evidence]
        lines += [f"{indent}fix: {shlex.join(command)}" for command in (item.fix.commands if item.fix else ())]
    if len(found) > _MOST_SHOWN:
        lines.append(f"  and {len(found) - _MOST_SHOWN} more: {_named(found[_MOST_SHOWN:])}; -o json has them all")
    lines += [f"  may be why {name} fails: {_named(items)}" for name, items in _by_check(following).items()]
    return [*lines, f"  more: podid explain {check}"]


def _concerned(found: Sequence[Verdict], following: Sequence[Verdict], associations: int) -> str:
    """`3 nodes, 5 service accounts`, or the one thing by its name."""
    subjects = dict.fromkeys(item.subject for item in (*found, *following) if item.subject.kind not in _SINGLE)
    chains = {name for item in found for name in item.chain}
    accounts = associations if "*" in chains else len(chains)
    named = {str(subject).partition(" ")[2] for subject in subjects}
    words = _counted((*found, *following))
    if accounts and not (accounts == 1 and chains <= named):
        words += (", " if words else "") + count_of(accounts, "service account")
    return words


def _counted(found: Iterable[Verdict]) -> str:
    subjects = dict.fromkeys(item.subject for item in found if item.subject.kind not in _SINGLE)
    if len(subjects) == 1:
        return str(next(iter(subjects)))
    kinds = Counter(_KINDS.get(subject.kind, subject.kind) for subject in subjects)
    return ", ".join(count_of(number, kind) for kind, number in kinds.items())


def _named(found: Iterable[Verdict]) -> str:
    return short_list(dict.fromkeys(str(item.subject) for item in found), 3)


# --- what is left to say ----------------------------------------------------------------------------------------------


def _unknown_lines(verdicts: Iterable[Verdict]) -> list[str | Line]:
    """One paragraph for each obstacle, with all that it hid: one missing right often hides many checks."""
    by_obstacle: dict[tuple[str, str], list[Verdict]] = {}
    for item in verdicts:
        by_obstacle.setdefault((item.reason, item.permission), []).append(item)
    lines: list[str | Line] = []
    for (reason, permission), found in by_obstacle.items():
        lines.append(Line(f"? {needing(reason, permission)}", _STYLES[LinkState.UNKNOWN], upto=1))
        lines += [f"    {check}: {_named(items)}" for check, items in _by_check(found).items()]
    return lines


def _end(report: DoctorReport) -> list[str | Line]:
    """Clean is one line that says what was looked at; nothing to look at is not clean."""
    clean = not report.findings and not report.unknowns
    lines: list[str | Line] = []
    if report.not_asked:
        lines += ["", Line(f"not looked at: {', '.join(report.not_asked)}", "dim")]
    if report.associations is not None:
        where = "in this cluster"
        if report.scope:
            where = f"{'for' if '/' in report.scope else 'in'} {report.scope}"
        if not report.associations:
            lines += ["", f"{'nothing to look at: ' if clean else ''}there is no association {where}"]
        elif clean:
            wrong = "new" if report.accepted else "wrong"
            looked = f"{count_of(report.associations, 'association')} looked at {where}"
            found = f"✓ {count_of(len(report.checks), 'check')} found nothing {wrong}; {looked}"
            return [*lines, "", Line(found, "good")]
        else:
            lines += ["", f"{count_of(report.associations, 'association')} looked at {where}"]
    counts = report.summary
    words = (f"{count_of(counts.error, 'error')}, {count_of(counts.warn, 'warning')}, {count_of(counts.info, 'note')}",)
    behind = (f"{counts.masked} that may follow from these",) if counts.masked else ()
    rest = (f"{counts.unknown} unknown", f"{counts.passed} passed")
    return [*lines, "", ", ".join((*words, *behind, *rest))]
