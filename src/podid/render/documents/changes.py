"""Plans, what became of them, and the journal."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Generic, Literal, NotRequired, TypeVar

from typing_extensions import TypedDict

from podid.domain.findings import FixClass, Severity
from podid.domain.members import About, Argv, ModeId, Names, Time
from podid.domain.plan import EffectState, Status, Verb
from podid.ops.change.records import RunStatus
from podid.render.documents.reports import SubjectBody, VerifyReportBody

S = TypeVar("S")
PlannedStatus = Literal["planned", Status.UNCHANGED]
RecordedStatus = Status | Literal["open", "planned"]


class ActionBody(TypedDict, Generic[S]):
    # the schema has one shape for each kind, with the members of its states
    kind: str
    verb: Verb
    target: str
    status: S
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
    reason: NotRequired[Annotated[str, About("Why it failed or was not tried.")]]
    id: NotRequired[Annotated[str, About("The failure mode that it was seen to be, as `podid explain` names it.")]]


class HeaderBody(TypedDict):
    callerArn: Annotated[str, About("Who did it, or would.")]
    account: str
    region: str
    cluster: str | None


class PlanDocument(HeaderBody):
    """Any changing command with `--dry-run`: what it would do."""

    kind: Literal["Plan"]
    actions: Annotated[Sequence[ActionBody[PlannedStatus]], About("In the order in which they would be done.")]
    notes: Names


class EffectBody(TypedDict):
    state: EffectState
    how: Annotated[str, About("What was looked at, or why nothing was.")]
    id: ModeId
    notSeen: Annotated[str | None, About("What the state says nothing of.")]


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
    effect: Annotated[EffectBody | None, About("Whether pods get the credentials; null where that was not asked.")]
    proof: Annotated[
        Sequence[VerifyReportBody] | None, About("What `podid verify` says of the pods; null without `--wait proof`.")
    ]
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
