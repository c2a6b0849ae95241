"""Plans, what became of them, and the journal."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, NotRequired, TypeVar

from typing_extensions import TypedDict

from podid.domain.plan import EffectState, Status, Verb
from podid.render.documents.common import About, Argv, ArnText, Names, Pairs, PolicyObject, Time

# What podid reads and writes of each kind of resource. Its keys are always there; of the rest, a state that is only
# asked for holds what was asked for.
STATES: dict[str, dict[str, Any]] = {
    "addon": {"addonName": str, "addonVersion": str, "configurationValues": str},
    "role": {
        "roleName": str,
        "roleArn": ArnText,
        "path": str,
        "description": str,
        "maxSessionDuration": int,
        "permissionsBoundary": str,
        "tags": Pairs,
        "trustPolicy": PolicyObject,
    },
    "role-policy": {"roleName": str, "policyName": str, "policyDocument": PolicyObject},
    "role-attachment": {"roleName": str, "policyArn": ArnText},
    "role-trust": {"roleName": str, "policyDocument": PolicyObject},
    "association": {
        "namespace": str,
        "serviceAccount": str,
        "roleArn": ArnText,
        "targetRoleArn": str | None,
        "disableSessionTags": bool,
        "policy": str | None,
        "tags": Pairs,
        "associationId": str,
    },
    "service-account": {"namespace": str, "name": str},
    "restart": {"namespace": str, "kind": str, "name": str},
}

S = TypeVar("S")
PlannedStatus = Literal["planned", Status.UNCHANGED]
RecordedStatus = Status | Literal["open"]
RunStatus = Literal["done", "partial", "failed", "running", "interrupted", "empty"]


class ActionBody(TypedDict, Generic[S]):
    # the schema has one shape for each kind, with its states as in STATES
    kind: str
    verb: Verb
    target: str
    status: S
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
    reason: NotRequired[Annotated[str, About("Why it failed or was not tried.")]]


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


class ResultDocument(HeaderBody):
    """Any changing command: what it did."""

    kind: Literal["Result"]
    runId: Annotated[str | None, About("What `podid undo` takes; null when nothing was changed.")]
    actions: Annotated[Sequence[ActionBody[Status]], About("In the order in which they were done.")]
    effect: Annotated[EffectBody | None, About("Whether pods get the credentials; null where that was not asked.")]
    notes: Names


class RunBody(HeaderBody):
    runId: str
    command: Argv
    startedAt: Time
    status: RunStatus
    undoes: Annotated[str | None, About("The run that this one took back.")]
    actions: Annotated[Sequence[ActionBody[RecordedStatus]], About("`open` is not known to have happened.")]


class HistoryDocument(TypedDict):
    """`podid history`, newest run first."""

    kind: Literal["History"]
    items: Sequence[RunBody]
