"""A doctor's report, as a person reads it and as a document, and the list of its checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated

from podid.domain.encoding import Items
from podid.domain.findings import LINKS, FixClass, Outcome, Severity, Verdict, link_words
from podid.domain.members import (
    OPTIONAL,
    OR_NULL,
    About,
    Argv,
    Document,
    From,
    MissingRight,
    Names,
    ServiceAccounts,
    TextOrNull,
)
from podid.domain.report import DoctorReport, LinkState, Summary
from podid.ops.status.diagnose import CheckInfo
from podid.render.doctor_text import report_lines
from podid.render.status import IdentityStatusBody, commands_of
from podid.render.view import Column, Table, View, columns, document


def doctor_view(report: DoctorReport, *, all_verdicts: bool) -> View:
    """`names` are the ids of the findings, each once: what `podid explain` takes."""
    verdicts = {"verdicts": report.verdicts} if all_verdicts else {}
    shown = report.verdicts if all_verdicts else (*report.findings, *report.unknowns)
    names = tuple(dict.fromkeys(verdict.check for verdict in report.findings))
    lines = report_lines(report, all_verdicts=all_verdicts)
    return View(document(DoctorReportDocument, report, **verdicts), (_table(shown),), names, lines)


def _table(verdicts: Sequence[Verdict]) -> Table:
    titles = ("ID", "OUTCOME", "SEVERITY", "LINK", "KIND", "NAMESPACE", "NAME", "MESSAGE", "MASKED BY", "PERMISSION")
    return Table(columns(*titles), Items(verdicts, _row))


def _row(item: Verdict) -> tuple[str, ...]:
    return (
        *(item.check, item.outcome, item.severity, str(item.link)),
        *(item.subject.kind, item.subject.namespace, item.subject.name),
        *(item.message or item.reason, item.masked_by, item.permission),
    )


def check_list_view(checks: Iterable[CheckInfo]) -> View:
    """What --list shows: every check, in the order in which credentials reach a pod."""
    items = tuple(checks)
    columns = (
        Column("LINK", folds=1),
        Column("SEVERITY"),
        Column("ID"),
        Column("HEALTHY WHEN", prose=True),
        Column("IAM", wide=True),
        Column("KUBERNETES", wide=True),
    )
    rows = tuple(
        (link_words(item.link), item.severity, item.id, item.title, " ".join(item.iam), ", ".join(item.kubernetes))
        for item in items
    )
    return View(document(CheckListDocument, items=items), (Table(columns, rows),), tuple(item.id for item in items))


# --- documents --------------------------------------------------------------------------------------------------------

Link = Annotated[int, About("The link of the way to credentials, 1 to 10; 0 is podid's own access.")]


class SubjectBody(Document):
    kind: str
    namespace: TextOrNull
    name: str


class CheckedBody(Document):
    id: Annotated[str, From("check")]
    severity: Severity
    link: Link
    subject: SubjectBody


class FixBody(Document):
    class_: Annotated[FixClass, From(lambda verdict: verdict.fix.kind if verdict.fix else FixClass.NONE)]
    commands: Annotated[Sequence[Argv], From(commands_of)]


class FindingBody(CheckedBody):
    message: str
    evidence: Names
    fix: Annotated[FixBody, From("")]
    service_accounts: Annotated[ServiceAccounts, From("chain")]
    masked_by: Annotated[str, OR_NULL, About("The finding that explains this one.")]
    docs: Annotated[str, From(lambda verdict: f"podid explain {verdict.check}"), About("The command that explains it.")]


class AcceptedBody(FindingBody):
    accepted: Annotated[str, About("The reason that the baseline gives.")]


class UnknownBody(CheckedBody):
    reason: str
    permission: MissingRight


class VerdictBody(CheckedBody):
    outcome: Outcome
    message: str
    reason: Annotated[str, OR_NULL, About("Why nothing could be said.")]
    permission: MissingRight
    service_accounts: Annotated[ServiceAccounts, From("chain")]
    masked_by: TextOrNull


class LinkBody(Document):
    link: Link
    name: Annotated[str, From(lambda counts: LINKS[counts.link])]
    state: LinkState
    ok: int
    broken: int
    warnings: int
    notes: int
    unknown: int


class DoctorReportDocument(Document, kind="DoctorReport"):
    """`podid doctor`. `verdicts`, passes included, only with `--all`."""

    cluster: str
    cluster_arn: TextOrNull
    scope: Annotated[str, OR_NULL, About("What was looked at; null is the whole cluster.")]
    taken_at: datetime
    summary: Annotated[
        Summary,
        About("Findings by severity, or as masked where an earlier broken link explains them, or as accepted."),
    ]
    associations: Annotated[int | None, About("How many were looked at; null where they were not read.")]
    identities: Annotated[
        Sequence[IdentityStatusBody],
        About("Each service account that has an association, that was named, or that an error is about."),
    ]
    not_looked_at: Annotated[
        Sequence[str], From("not_asked"), About("What only an option asks to look at, with that option.")
    ]
    chain: Annotated[Sequence[LinkBody], About("podid's own access, then the ten links, with what was seen of each.")]
    findings: Sequence[FindingBody]
    accepted: Annotated[Sequence[AcceptedBody], About("Findings that --baseline lets pass.")]
    unknowns: Sequence[UnknownBody]
    verdicts: Annotated[Sequence[VerdictBody], OPTIONAL, From(lambda _: None)]


class RightsBody(Document):
    iam: Names
    kubernetes: Names


class CheckBody(Document):
    id: str
    severity: Severity
    link: Link
    title: Annotated[str, About("The healthy fact.")]
    fix: FixClass
    needs: Names
    wants: Names
    permissions: Annotated[RightsBody, From("")]


class CheckListDocument(Document, kind="CheckList"):
    """`podid doctor --list`, in the order in which credentials reach a pod."""

    items: Sequence[CheckBody]
