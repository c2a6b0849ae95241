"""What doctor finds, and what it looks for."""

from collections.abc import Sequence
from typing import Annotated, Literal, NotRequired

from typing_extensions import TypedDict

from podid.domain.findings import FixClass, Outcome, Severity
from podid.render.documents.common import About, Argv, MissingRight, Names, ServiceAccounts, Time

Link = Annotated[int, About("The link of the way to credentials, 1 to 10; 0 is podid's own access.")]

SummaryBody = TypedDict(
    "SummaryBody", {"error": int, "warn": int, "info": int, "unknown": int, "pass": int, "masked": int}
)
FixBody = TypedDict("FixBody", {"class": FixClass, "commands": Sequence[Argv]})


class SubjectBody(TypedDict):
    kind: str
    namespace: str | None
    name: str


class BrokenLinkBody(TypedDict):
    serviceAccount: Annotated[str, About("NAMESPACE/NAME, or * for all.")]
    id: str
    link: Link


class CheckedBody(TypedDict):
    id: str
    severity: Severity
    link: Link
    subject: SubjectBody


class FindingBody(CheckedBody):
    message: str
    evidence: Names
    fix: FixBody
    serviceAccounts: ServiceAccounts
    maskedBy: Annotated[str | None, About("The finding that explains this one.")]
    docs: Annotated[str, About("The command that explains it.")]


class UnknownBody(CheckedBody):
    reason: str
    permission: MissingRight


class VerdictBody(CheckedBody):
    outcome: Outcome
    message: str
    maskedBy: str | None


class DoctorReportDocument(TypedDict):
    """`podid doctor`. `verdicts`, passes included, only with `--all`."""

    kind: Literal["DoctorReport"]
    cluster: str
    clusterArn: str | None
    scope: Annotated[str | None, About("What was looked at; null is the whole cluster.")]
    takenAt: Time
    summary: Annotated[
        SummaryBody, About("Findings by severity, those explained by an earlier broken link under masked.")
    ]
    firstBroken: Sequence[BrokenLinkBody]
    findings: Sequence[FindingBody]
    unknowns: Sequence[UnknownBody]
    verdicts: NotRequired[Sequence[VerdictBody]]


class RightsBody(TypedDict):
    iam: Names
    kubernetes: Names


class CheckBody(TypedDict):
    id: str
    severity: Severity
    link: Link
    title: Annotated[str, About("The healthy fact.")]
    fix: FixClass
    needs: Names
    wants: Names
    permissions: RightsBody


class CheckListDocument(TypedDict):
    """`podid doctor --list`, in the order in which credentials reach a pod."""

    kind: Literal["CheckList"]
    items: Sequence[CheckBody]
