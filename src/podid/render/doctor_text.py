"""A doctor's report as a person reads it: a line for each identity, then a block for each cause, worst first."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence

from podid.domain.findings import Severity, Verdict, link_words
from podid.domain.report import RANK, DoctorReport, group_unknowns, missing_rights
from podid.domain.text import count_of, short_list
from podid.render.status import counted, status_lines
from podid.render.view import Line

MARKS = {Severity.ERROR: "✗", Severity.WARN: "!", Severity.INFO: "i"}
_STYLES = {Severity.ERROR: "bad", Severity.WARN: "warn", Severity.INFO: "dim"}
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
    lines: list[str | Line] = _missing_rights(report)
    if any(status.state is not None for status in report.identities):
        lines += status_lines(report.identities)
    masked = [item for item in report.findings if item.masked_by]
    causes = _by_check(item for item in report.findings if not item.masked_by)
    for check, found in causes.items():
        following = [item for item in masked if item.masked_by == check]
        lines += ["", *_block(check, found, following, report.associations or 0)]
    rest = _by_check(item for item in masked if item.masked_by not in causes)
    if rest:
        lines += ["", "Explained by a finding that is accepted or not shown:"]
        lines += [f"  {check}: {_counted(found)}" for check, found in rest.items()]
    if report.accepted:
        lines += ["", "Accepted by the baseline:"]
        lines += [f"  {item.check}  {item.subject}  ({item.accepted})" for item in report.accepted]
    if report.unknowns:
        lines += ["", "Could not be checked:"]
        lines += _unknown_lines(report.unknowns)
    if all_verdicts:
        lines += ["", "All verdicts:"]
        lines += [f"  {item.outcome}  {item.check}  {item.subject}  {item.message}" for item in report.verdicts]
    return tuple((*lines, *_end(report))[0 if lines else 1 :])


def _missing_rights(report: DoctorReport) -> list[str | Line]:
    """The rights that are missing, each once: one often hides many checks."""
    rights = missing_rights(report.unknowns)
    if not rights:
        return []
    words = f"{count_of(len(rights), 'permission')} missing: {', '.join(rights)} (podid doctor --me)"
    return [Line(words, "warn"), ""]


def _by_check(verdicts: Iterable[Verdict]) -> dict[str, list[Verdict]]:
    found: dict[str, list[Verdict]] = {}
    for item in verdicts:
        found.setdefault(item.check, []).append(item)
    return found


# --- a cause ----------------------------------------------------------------------------------------------------------


def _block(check: str, found: Sequence[Verdict], following: Sequence[Verdict], associations: int) -> list[str | Line]:
    """What is wrong for one reason, with all that it is wrong for, and what else it explains."""
    worst = max((item.severity for item in found), key=RANK.__getitem__)
    head = f"{MARKS[worst]} {check}"
    concerned = _concerned(found, following, associations)
    lines: list[str | Line] = [Line(f"{head}  {concerned}" if concerned else head, _STYLES[worst], upto=len(head))]
    lines.append(f"  {worst}, link {link_words(found[0].link)}")
    several = len(found) > 1
    for item in found[:_MOST_SHOWN]:
        indent = "    " if several else "  "
        lines += [f"  {item.subject}"] if several else []
        lines.append(f"{indent}{item.message}")
        lines += [f"{indent}- {evidence}" for evidence in item.evidence]
        lines += [f"{indent}Fix   {shlex.join(command)}" for command in (item.fix.commands if item.fix else ())]
    if len(found) > _MOST_SHOWN:
        lines.append(f"  and {len(found) - _MOST_SHOWN} more: {_named(found[_MOST_SHOWN:])}; -o json has them all")
    lines += [f"  May explain {name}: {_named(items)}" for name, items in _by_check(following).items()]
    return [*lines, f"  More  podid explain {check}"]


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
    """What one missing right hid is one line. Another obstacle has its reason, and what each check did not see."""
    lines: list[str | Line] = []
    for group in group_unknowns(verdicts):
        if group.permission:
            hidden = f"{count_of(len(group.checks), 'check')}: {short_list(group.checks)}"
            lines.append(Line(f"? needs {group.permission}: {hidden}", "warn", upto=1))
            continue
        lines.append(Line(f"? {group.reason}", "warn", upto=1))
        lines += [f"    {check}: {_named(items)}" for check, items in _by_check(group.verdicts).items()]
    return lines


def _end(report: DoctorReport) -> list[str | Line]:
    """What was not checked, then one line for the identities and one for the checks."""
    lines: list[str | Line] = [""]
    if report.not_asked:
        lines += [Line(f"Not checked: {', '.join(report.not_asked)}", "dim")]
    where = f"{report.scope} of cluster {report.cluster}" if report.scope else f"cluster {report.cluster}"
    if any(status.state is not None for status in report.identities):
        lines += [counted(report.identities)]
    counts, checks = report.summary, count_of(len(report.checks), "check")
    problems = [*((counts.error, "error"), (counts.warn, "warning"), (counts.info, "note"))]
    words = [count_of(number, noun) for number, noun in problems if number]
    words += [f"{counts.masked} that may follow from these"] if counts.masked else []
    words += [f"{counts.unknown} unknown"] if counts.unknown else []
    none = f"No associations in {where}"
    if words:
        lines += [none] if report.associations == 0 else []
        return [*lines, f"{', '.join(words)} ({checks}, {where})"]
    if report.associations == 0:
        return [*lines, f"{none}: nothing to check"]
    new = "new problems" if report.accepted else "problems"
    return [*lines, Line(f"✓ No {new} found: {checks}, {where}", "good")]
