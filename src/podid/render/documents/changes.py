"""Plans, what became of them, and the journal."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Generic, Literal, NotRequired, TypeVar

from typing_extensions import TypedDict

from podid.domain.credentials import CredentialSource
from podid.domain.findings import FixClass, Severity
from podid.domain.members import About, Argv, ArnText, Names, PolicyObject, ServiceAccounts, Time
from podid.domain.plan import Status, Verb
from podid.domain.trust import TrustVerdict
from podid.ops.change.records import RunStatus
from podid.render.documents.reports import SubjectBody
from podid.render.documents.status import IdentityStatusBody

S = TypeVar("S")
PlannedStatus = Literal["planned", Status.UNCHANGED, Status.SKIPPED]
RecordedStatus = Status | Literal["open", "planned"]


class ActionBody(TypedDict, Generic[S]):
    # the schema has one shape for each kind, with the members of its states
    kind: str
    verb: Verb
    target: str
    status: S
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
    reason: NotRequired[Annotated[str, About("Why it failed, was not tried, or was skipped.")]]
    id: NotRequired[Annotated[str, About("The failure mode that it was seen to be, as `podid explain` names it.")]]


class HeaderBody(TypedDict):
    callerArn: Annotated[str, About("Who did it, or would.")]
    account: str
    region: str
    cluster: str | None


class TargetRoleBody(TypedDict):
    roleArn: ArnText
    serviceAccounts: Annotated[Names, About("Whose pods are to get on to it.")]
    verdict: Annotated[TrustVerdict, About("`no-match`: it keeps them out. `unknown`: it was not looked at.")]
    addToTrustPolicy: Annotated[
        Sequence[PolicyObject], About("Statements for its owner to add; empty where none would help.")
    ]
    externalIdOf: Annotated[Names, About("Whose external ids EKS has not generated yet: names stand in their place.")]
    command: Annotated[Argv | None, About("The line by which podid goes on.")]


class ForeseenBody(TypedDict):
    id: Annotated[str, About("The failure mode, as `podid explain` names it.")]
    severity: Severity
    link: Annotated[int, About("The link of the way to credentials, 1 to 10; 0 is podid's own access.")]
    subject: str
    message: str
    serviceAccounts: ServiceAccounts
    maskedBy: Annotated[str | None, About("The finding that explains this one.")]


class UseBody(TypedDict):
    uses: CredentialSource
    roleArn: Annotated[ArnText | None, About("Of IRSA and of Pod Identity, where it is known.")]


class UseChangeBody(TypedDict):
    namespace: str
    serviceAccount: str
    before: UseBody
    after: UseBody
    pods: Annotated[int, About("How many running pods take other credentials.")]
    restart: Annotated[bool, About("Only once they are made anew, which the change itself does not do.")]


class OutlookBody(TypedDict):
    after: Annotated[
        Sequence[IdentityStatusBody] | None,
        About("The status of each identity once all of it is done and in effect; null where that was not foreseen."),
    ]
    brings: Annotated[Sequence[ForeseenBody] | None, About("Findings that there will be and that there are not today.")]
    ends: Annotated[Sequence[ForeseenBody] | None, About("Findings that there are today and that there will not be.")]
    uses: Annotated[Sequence[UseChangeBody] | None, About("Which credentials running pods change from and to.")]


class PlanDocument(HeaderBody, OutlookBody):
    """Any changing command with `--dry-run`: what it would do, and what comes of it."""

    kind: Literal["Plan"]
    actions: Annotated[Sequence[ActionBody[PlannedStatus]], About("In the order in which they would be done.")]
    targetRoles: Annotated[Sequence[TargetRoleBody], About("What their owners must do.")]
    notes: Names


class AwaitedBody(TypedDict):
    summary: Annotated[str, About("What was waited for, as it is now.")]
    reached: Annotated[bool | None, About("Null where it could not be checked.")]


class SettledBody(TypedDict):
    runId: str
    kind: str
    verb: Verb
    target: str
    status: Annotated[RecordedStatus, About("`open` could not be looked at now.")]
    reason: str


class ResultDocument(HeaderBody):
    """Any changing command: what it did."""

    kind: Literal["Result"]
    runId: Annotated[str | None, About("What `podid undo` takes; null when nothing was changed.")]
    actions: Annotated[Sequence[ActionBody[Status]], About("In the order in which they were done.")]
    after: Annotated[Sequence[IdentityStatusBody], About("The status of each identity that the change concerns.")]
    awaited: Annotated[AwaitedBody | None, About("Agents on nodes, or new pods that no longer get credentials.")]
    unchecked: Annotated[str | None, About("Why there is no status.")]
    targetRoles: Annotated[Sequence[TargetRoleBody], About("What their owners must do still.")]
    notes: Names
    settled: Annotated[Sequence[SettledBody], About("What became of changes that earlier runs were cut short in.")]


class ClusterFailureBody(TypedDict):
    cluster: str
    code: str
    message: str
    exitCode: int


class ResultListDocument(TypedDict):
    """A changing command in several clusters: what it did, or would do, in each."""

    kind: Literal["ResultList"]
    items: Sequence[ResultDocument | PlanDocument]
    failures: Annotated[Sequence[ClusterFailureBody], About("The clusters that have no result, and why.")]


class RunBody(HeaderBody):
    runId: str
    command: Argv
    startedAt: Time
    status: RunStatus
    undoes: Annotated[str | None, About("The run that this one took back.")]
    actions: Annotated[
        Sequence[ActionBody[RecordedStatus]],
        About("`open` is not known to have happened, `planned` was never begun."),
    ]


class FixFailureBody(TypedDict):
    code: str
    message: str
    exitCode: int


PlannedFixBody = TypedDict(
    "PlannedFixBody",
    {
        "id": str,
        "severity": Severity,
        "subject": SubjectBody,
        "class": FixClass,
        "command": Argv,
        "plan": Annotated[PlanDocument | None, About("Null where the command comes to none.")],
        "error": Annotated[FixFailureBody | None, About("Why it comes to none.")],
    },
)


class FixListDocument(TypedDict):
    """`podid doctor --fix --dry-run`: the plan of each command that would be carried out."""

    kind: Literal["FixList"]
    cluster: str
    items: Sequence[PlannedFixBody]


class HistoryDocument(TypedDict):
    """`podid history`, newest run first."""

    kind: Literal["History"]
    items: Sequence[RunBody]
