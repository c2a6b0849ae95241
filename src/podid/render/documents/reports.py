"""What doctor, verify, the agent's status and explain say."""

from collections.abc import Sequence
from typing import Annotated, Literal, NotRequired

from typing_extensions import TypedDict

from podid.domain.findings import FixClass, Outcome, Severity
from podid.domain.members import About, Argv, BrokenLink, MissingRight, Names, ServiceAccounts, Time
from podid.domain.report import LinkState
from podid.ops.errortext import Certainty
from podid.render.documents.status import IdentityStatusBody

Link = Annotated[int, About("The link of the way to credentials, 1 to 10; 0 is podid's own access.")]

SummaryBody = TypedDict(
    "SummaryBody", {"error": int, "warn": int, "info": int, "unknown": int, "pass": int, "masked": int, "accepted": int}
)
FixBody = TypedDict("FixBody", {"class": FixClass, "commands": Sequence[Argv]})


class SubjectBody(TypedDict):
    kind: str
    namespace: str | None
    name: str


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


class AcceptedBody(FindingBody):
    accepted: Annotated[str, About("The reason that the baseline gives.")]


class UnknownBody(CheckedBody):
    reason: str
    permission: MissingRight


class VerdictBody(CheckedBody):
    outcome: Outcome
    message: str
    reason: Annotated[str | None, About("Why nothing could be said.")]
    permission: MissingRight
    serviceAccounts: ServiceAccounts
    maskedBy: str | None


class LinkBody(TypedDict):
    link: Link
    name: str
    state: LinkState
    ok: int
    broken: int
    warnings: int
    notes: int
    unknown: int


class DoctorReportDocument(TypedDict):
    """`podid doctor`. `verdicts`, passes included, only with `--all`."""

    kind: Literal["DoctorReport"]
    cluster: str
    clusterArn: str | None
    scope: Annotated[str | None, About("What was looked at; null is the whole cluster.")]
    takenAt: Time
    summary: Annotated[
        SummaryBody,
        About("Findings by severity, or as masked where an earlier broken link explains them, or as accepted."),
    ]
    associations: Annotated[int | None, About("How many were looked at; null where they were not read.")]
    identities: Annotated[
        Sequence[IdentityStatusBody],
        About("Each service account that has an association, that was named, or that an error is about."),
    ]
    notLookedAt: Annotated[Sequence[str], About("What only an option asks to look at, with that option.")]
    chain: Annotated[Sequence[LinkBody], About("podid's own access, then the ten links, with what was seen of each.")]
    findings: Sequence[FindingBody]
    accepted: Annotated[Sequence[AcceptedBody], About("Findings that --baseline lets pass.")]
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


class PageEntryBody(TypedDict):
    id: str
    severity: Severity
    link: BrokenLink
    fix: FixClass


class PageBody(PageEntryBody):
    title: str
    certainty: Certainty
    matched: Annotated[str | None, About("The known text that was found; null when asked for by id or words.")]
    count: Annotated[int, About("How many times a log holds it.")]
    texts: Names
    body: Annotated[str, About("The page, in Markdown.")]


class ExplanationDocument(TypedDict):
    """`podid explain`, the best match first."""

    kind: Literal["Explanation"]
    query: str
    how: Annotated[str, About("How the pages were found.")]
    certainty: Annotated[Certainty, About("That of the first item; possible ends with exit 5.")]
    items: Sequence[PageBody]


class BundleFileBody(TypedDict):
    name: str
    bytes: int
    what: str


class RedactedBody(TypedDict):
    accounts: int
    externalIds: int


class BundleDocument(TypedDict):
    """`podid bundle`."""

    kind: Literal["Bundle"]
    file: str
    items: Sequence[BundleFileBody]
    contents: Annotated[Sequence[str], About("The classes of what was read.")]
    redacted: Annotated[RedactedBody, About("How many were replaced, each by the same one everywhere.")]


class PageListDocument(TypedDict):
    """`podid explain --list`."""

    kind: Literal["PageList"]
    items: Sequence[PageEntryBody]
