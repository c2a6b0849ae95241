"""A doctor's report as text (a line for each identity, then a block for each cause, worst first) and as a document, and
the list of its checks."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Annotated

from podid.domain import members
from podid.domain.encoding import Items
from podid.domain.findings import FixClass, Outcome, Severity, Subject, Verdict, link_words
from podid.domain.grouping import grouped
from podid.domain.report import DoctorReport, LinkCounts, Summary, group_unknowns, missing_permissions
from podid.domain.text import count_of, needing, short_list
from podid.ops.doctor.bundle import Redacted
from podid.ops.status.diagnose import CheckInfo
from podid.render.marks import SEVERITIES
from podid.render.multicluster import ClusterFailureBody
from podid.render.status import (
    IdentityStatusBody,
    commands_of,
    counted,
    evidence_lines,
    fix_lines,
    help_lines,
    own_permissions,
    status_lines,
)
from podid.render.view import Column, Line, Table, View, columns, document, sentence, table_of


def doctor_view(report: DoctorReport, *, all_verdicts: bool) -> View:
    """Return the report. `names` are the ids of the findings, for `podid explain`."""
    verdicts = {"verdicts": report.verdicts} if all_verdicts else {}
    shown = report.verdicts if all_verdicts else (*report.findings, *report.unknowns)
    names = tuple(dict.fromkeys(verdict.check for verdict in report.findings))
    lines = report_lines(report, all_verdicts=all_verdicts)
    table = Table(_COLUMNS, Items(shown, _row))
    gaps = (f"{', '.join(group.checks)}: {needing(group.reason, group.permission)}" for group in group_unknowns(shown))
    unread = tuple(f"not checked: {gap}" for gap in gaps)
    return View(document(DoctorReportDocument, report, **verdicts), (table,), names, lines, unread=unread)


_COLUMNS = columns(
    *("ID", "OUTCOME", "SEVERITY", "LINK", "KIND", "NAMESPACE", "NAME", "MESSAGE", "MASKED BY", "PERMISSION")
)


def _row(item: Verdict) -> tuple[str, ...]:
    return (
        *(item.check, item.outcome, item.severity, str(item.link)),
        *(item.subject.kind, item.subject.namespace, item.subject.name),
        *(item.message or item.reason, item.masked_by, item.permission),
    )


def check_list_view(checks: Iterable[CheckInfo]) -> View:
    """Return every check, in the order of the links."""
    items = tuple(checks)
    table = table_of(
        items,
        (Column("LINK", folds=1), lambda check: link_words(check.link)),
        ("SEVERITY", "severity"),
        ("ID", "id"),
        (Column("HEALTHY WHEN", prose=True), "title"),
        (Column("IAM", wide=True), lambda check: " ".join(check.iam)),
        (Column("KUBERNETES", wide=True), lambda check: ", ".join(check.kubernetes)),
    )
    return View(document(CheckListDocument, items=items), (table,), tuple(item.id for item in items))


class CheckedBody(members.Document):
    id: Annotated[str, members.From("check")]
    severity: Severity
    link: members.Link
    subject: Subject


class FixBody(members.Document):
    class_: Annotated[FixClass, members.From(lambda verdict: verdict.fix.kind if verdict.fix else FixClass.NONE)]
    commands: Annotated[Sequence[members.Argv], members.From(commands_of)]


class FindingBody(CheckedBody):
    message: str
    evidence: members.Names
    fix: Annotated[FixBody, members.From("")]
    service_accounts: Annotated[members.ServiceAccounts, members.From("chain")]
    masked_by: Annotated[str, members.OR_NULL, members.About("The finding that may cause this one.")]
    docs: Annotated[
        str,
        members.From(lambda verdict: f"podid explain {verdict.check}"),
        members.About("The command that explains the failure mode."),
    ]


class AcceptedBody(FindingBody):
    accepted: Annotated[str, members.About("The reason in the baseline.")]


class UnknownBody(CheckedBody):
    reason: str
    permission: members.MissingPermission


class VerdictBody(CheckedBody):
    outcome: Outcome
    message: str
    reason: Annotated[str, members.OR_NULL, members.About("The reason why the check could not decide.")]
    permission: members.MissingPermission
    service_accounts: Annotated[members.ServiceAccounts, members.From("chain")]
    masked_by: members.TextOrNull


class DoctorReportDocument(members.Document, kind="DoctorReport"):
    """`podid doctor` and `podid audit`. `verdicts`, passes included, only with `--all`."""

    cluster: str
    cluster_arn: members.TextOrNull
    scope: Annotated[str, members.OR_NULL, members.About("The checked part of the cluster; null is the whole cluster.")]
    taken_at: datetime
    summary: Annotated[
        Summary,
        members.About("Number of findings by severity. Masked and accepted findings are counted separately."),
    ]
    associations: Annotated[int | None, members.About("Number of checked associations; null if they were not read.")]
    identities: Annotated[
        Sequence[IdentityStatusBody],
        members.About("Each service account that has an association, was specified, or has an error."),
    ]
    not_looked_at: Annotated[
        Sequence[str],
        members.From("not_asked"),
        members.About("Parts that were not checked, each with the option that checks it."),
    ]
    chain: Annotated[
        Sequence[LinkCounts], members.About("podid's own access, then the ten links, each with counts of verdicts.")
    ]
    findings: Sequence[FindingBody]
    accepted: Annotated[Sequence[AcceptedBody], members.About("Findings that the baseline accepts.")]
    unknowns: Sequence[UnknownBody]
    verdicts: Annotated[Sequence[VerdictBody], members.OPTIONAL, members.From(lambda _: None)]


class DoctorReportListDocument(members.Document, kind="DoctorReportList"):
    """`podid doctor` and `podid audit` in several clusters: the report of each."""

    items: Sequence[DoctorReportDocument]
    failures: Annotated[Sequence[ClusterFailureBody], members.About("The clusters without a report, and the reason.")]


class PermissionsBody(members.Document):
    iam: members.Names
    kubernetes: members.Names


class CheckBody(members.Document):
    id: str
    severity: Severity
    link: members.Link
    title: Annotated[str, members.About("The healthy fact.")]
    fix: FixClass
    needs: members.Names
    wants: members.Names
    permissions: Annotated[PermissionsBody, members.From("")]


CheckListDocument = members.list_of(
    "CheckList", CheckBody, "`podid doctor --list` and `podid audit --list`, in the order of the links."
)


_KINDS = {
    "Association": "association",
    "ServiceAccount": "service account",
    "Role": "role",
    "Node": "node",
    "Pod": "pod",
}
# a cluster has only one of these, so the name adds nothing
_SINGLE = ("Cluster", "Addon")
# NAMESPACE/NAME is sufficient for these
_IDENTITIES = ("Association", "ServiceAccount")
# objects of one cause; further ones are printed by name only
_MOST_SHOWN = 5


def report_lines(report: DoctorReport, *, all_verdicts: bool) -> tuple[str | Line, ...]:
    lines: list[str | Line] = _missing_permissions(report)
    if any(status.state is not None for status in report.identities):
        lines += ["", *status_lines(report.identities)]
    masked = [item for item in report.findings if item.masked_by]
    causes = _by_check(item for item in report.findings if not item.masked_by)
    for check, verdicts in causes.items():
        following = [item for item in masked if item.masked_by == check]
        lines += ["", *_block(check, verdicts, following, report.associations or 0)]
    remaining = _by_check(item for item in masked if item.masked_by not in causes)
    if remaining:
        lines += ["", "May follow from a finding that is accepted or not shown:"]
        lines += [f"  {check}: {_counted(verdicts)}" for check, verdicts in remaining.items()]
    if report.accepted:
        lines += ["", "Accepted by the baseline:"]
        lines += [f"  {item.check}  {item.subject}  ({item.accepted})" for item in report.accepted]
    if report.unknowns:
        lines += ["", "Could not be checked:"]
        lines += unknown_lines(report.unknowns)
    if all_verdicts:
        lines += ["", "All verdicts:"]
        lines += [f"  {item.outcome}  {item.check}  {item.subject}  {item.message}" for item in report.verdicts]
    lines += _end(report)
    return tuple(lines[1:] if lines[0] == "" else lines)


def _missing_permissions(report: DoctorReport) -> list[str | Line]:
    """Return the missing permissions, each once: one often prevents many checks."""
    permissions = missing_permissions(report.unknowns)
    if not permissions:
        return []
    command = next(own_permissions(item) for item in report.unknowns if item.permission)
    words = f"{count_of(len(permissions), 'permission')} missing: {', '.join(permissions)} ({command})"
    return [Line(words, "warn")]


def _by_check(verdicts: Iterable[Verdict]) -> dict[str, list[Verdict]]:
    return grouped((item.check, item) for item in verdicts)


def _block(
    check: str, verdicts: Sequence[Verdict], following: Sequence[Verdict], associations: int
) -> list[str | Line]:
    """Return a cause with the affected objects and the findings that may follow from it."""
    worst = min((item.severity for item in verdicts), key=attrgetter("rank"))
    mark, style = SEVERITIES[worst]
    head, concerned = f"{mark} {check}", _concerned(verdicts, following, associations)
    words, link = "  ".join(filter(None, (head, concerned))), f"  link {link_words(verdicts[0].link)}"
    lines: list[str | Line] = [
        Line(words, style, upto=len(head), hang=4, only="short"),
        Line(words + link, style, upto=len(head), hang=4, only="full"),
    ]
    for item in verdicts[:_MOST_SHOWN]:
        indent = "  "
        if len(verdicts) > 1:
            lines.append(f"  {item.subject}")
            indent = "    "
        lines.append(f"{indent}{sentence(item.message, item.subject.name)}")
        lines += [*evidence_lines(item, indent), *fix_lines(item, indent, explain=False)]
    if len(verdicts) > _MOST_SHOWN:
        hidden = verdicts[_MOST_SHOWN:]
        lines.append(Line(f"  and {len(hidden)} more: {_named(hidden)} (-o json)", "dim"))
    follows = [f"{name} ({_counted(items)})" for name, items in _by_check(following).items()]
    lines += [f"  May explain {', '.join(follows)}."] if follows else []
    return [*lines, f"  More  podid explain {check}"]


def _concerned(verdicts: Sequence[Verdict], following: Sequence[Verdict], associations: int) -> str:
    """Return `3 nodes, 5 service accounts`, or the name of the only object."""
    subjects = dict.fromkeys(item.subject for item in (*verdicts, *following) if item.subject.kind not in _SINGLE)
    chains = {name for item in verdicts for name in item.chain}
    accounts = associations if "*" in chains else len(chains)
    named = {str(subject).partition(" ")[2] for subject in subjects}
    words = _counted((*verdicts, *following))
    if accounts and not chains <= named:
        words += (", " if words else "") + count_of(accounts, "service account")
    return words


def _counted(verdicts: Iterable[Verdict]) -> str:
    subjects = dict.fromkeys(item.subject for item in verdicts if item.subject.kind not in _SINGLE)
    if len(subjects) == 1:
        (subject,) = subjects
        return f"{subject.namespace}/{subject.name}" if subject.kind in _IDENTITIES else str(subject)
    kinds = Counter(_KINDS.get(subject.kind, subject.kind) for subject in subjects)
    return ", ".join(count_of(number, kind) for kind, number in kinds.items())


def _named(verdicts: Iterable[Verdict]) -> str:
    return short_list(dict.fromkeys(str(item.subject) for item in verdicts), 3)


def unknown_lines(verdicts: Iterable[Verdict]) -> Iterator[str | Line]:
    """Yield one line for each missing permission, and for another reason the checks with their objects."""
    for group in group_unknowns(verdicts):
        if group.permission:
            checks = f"{count_of(len(group.checks), 'check')} need{'s' if len(group.checks) == 1 else ''}"
            yield Line(f"? {checks} {group.permission}: {short_list(group.checks)}", "warn", upto=1)
            continue
        yield Line(f"? {sentence(group.reason)}", "warn", upto=1)
        if len(group.checks) > _MOST_SHOWN:
            yield f"  {count_of(len(group.checks), 'check')}: {short_list(group.checks)}"
        else:
            yield from (f"  {check}: {_named(items)}" for check, items in _by_check(group.verdicts).items())
        yield from help_lines(group.verdicts[0])


def _end(report: DoctorReport) -> list[str | Line]:
    """Return the unchecked parts, then a line for the identities and one for the checks."""
    lines: list[str | Line] = [""]
    if report.not_asked:
        lines += [Line(f"Not checked: {', '.join(report.not_asked)}", "dim")]
    where = f"{report.scope} of cluster {report.cluster}" if report.scope else f"cluster {report.cluster}"
    if sum(status.state is not None for status in report.identities) > 1:
        lines += [counted([status.state for status in report.identities])]
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


_WHAT = {
    "snapshot.json": "the data that was read, for podid doctor --from",
    "report.json": "the report of podid doctor",
    "versions.json": "versions of podid, Python and the operating system",
}


@dataclass(frozen=True, slots=True)
class BundleFile:
    name: str
    bytes: int
    what: str


class BundleDocument(members.Document, kind="Bundle"):
    """`podid bundle`."""

    file: str
    items: Sequence[BundleFile]
    contents: Annotated[Sequence[str], members.About("The kinds of data in it.")]
    redacted: Annotated[
        Redacted, members.About("The number of redacted values. A value has the same replacement everywhere.")
    ]


def bundle_view(file: str, files: Mapping[str, str], contents: Sequence[str], redacted: Redacted) -> View:
    items = [BundleFile(name, len(text.encode()), _WHAT[name]) for name, text in files.items()]
    lines = (
        *(f"  {item.name}  {item.bytes} bytes: {item.what}" for item in items),
        "Contents:",
        *(f"  {words}" for words in contents),
        f"Redacted: {count_of(redacted.accounts, 'account')}, {count_of(redacted.external_ids, 'external id')}",
    )
    body = document(BundleDocument, file=file, items=items, contents=contents, redacted=redacted)
    table = Table(columns("NAME", "BYTES", "WHAT"), tuple((item.name, str(item.bytes), item.what) for item in items))
    return View(body, (table,), tuple(files), lines)
