"""Plans are data: what will change, from which state to which, who asks for it, and where.

An action names one resource by its keys; `before` None creates, `after` None deletes, both update. That one shape is
what is shown, journalled, settled after an interruption and undone. What became of it is a `ChangeResult`. `Place`
is where a command works, resolved once before anything is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from podid.domain.errors import ExitCode, PodidError, Unavailable, combine
from podid.domain.findings import NO_SERVICE_ACCOUNT
from podid.domain.members import HIDDEN, OR_NULL, About, ArnText, TextOrNull, kind
from podid.domain.status import IdentityState, IdentityStatus, Outlook

if TYPE_CHECKING:
    from podid.domain.aws import Cluster


State = Mapping[str, object]


def text(state: State, key: str) -> str:
    """The member, empty where it is missing or is no text."""
    value = state.get(key)
    return value if isinstance(value, str) else ""


def texts(state: State | None, key: str) -> Mapping[str, str]:
    """The member's names and texts, such as tags; none where it is missing."""
    value = (state or {}).get(key)
    return value if isinstance(value, Mapping) else {}


def document(state: State | None, key: str) -> Mapping[str, object]:
    """The member, a policy. KeyError where there is none."""
    value = (state or {})[key]
    assert isinstance(value, Mapping)
    return value


class Verb(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    RESTART = "restart"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Action:
    """One change of the resource that is called so: `kind` is a name of `podid.ops.change.kinds`, which make actions.
    States are JSON-able; `note` says why, for the person who reads the plan."""

    kind: str
    verb: Verb
    keys: Mapping[str, str]
    before: State | None
    after: State | None
    note: str = ""

    @property
    def target(self) -> str:
        """`shop/orders`, `shop-orders`, `shop-orders/read-table`: how the resource is shown."""
        return "/".join(self.keys.values())


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was asked for among others and is left alone: nothing is read of it. `reason` is a sentence."""

    action: Action
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Who would do it, and where. Every plan is headed by this."""

    caller_arn: Annotated[str, About("Who did it, or would.")]
    account: str
    region: str
    cluster: TextOrNull = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTrustChange:
    """What the owner of a target role must add to its trust policy, so that pods of these service accounts get on to
    it. `refused` is whether it was looked at and keeps them out; `trust` is its policy where that depends on external
    ids which are not known yet. `command` is the line by which podid goes on."""

    target_role_arn: str
    service_accounts: tuple[str, ...]
    statements: tuple[State, ...]
    refused: bool
    trust: State | None = None
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`unchanged` lists what was asked for and is already so, `skipped` what is left alone, `notes` what the reader
    should know before saying yes. `separate` is whether associations have nothing to do with each other here: one that
    fails stops none of the others. Else each step rests on the one before. `owner_changes` is what
    owners of target roles must do; `outlook` is the status after the plan, if it was predicted."""

    header: Header
    actions: tuple[Action, ...]
    unchanged: tuple[Action, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    separate: bool = False
    owner_changes: tuple[TargetTrustChange, ...] = ()
    outlook: Outlook | None = None

    def noting(self, notes: tuple[str, ...]) -> Plan:
        """The same with these notes first."""
        return replace(self, notes=(*notes, *self.notes))

    def in_order(self) -> Plan:
        """The same, each step resting on the one before."""
        return replace(self, separate=False)

    def then(self, other: Plan) -> Plan:
        """Both in one, this one first."""
        return replace(
            self,
            actions=(*self.actions, *other.actions),
            unchanged=(*self.unchanged, *other.unchanged),
            skipped=(*self.skipped, *other.skipped),
            notes=tuple(dict.fromkeys((*self.notes, *other.notes))),
            separate=other.separate,
            owner_changes=(*self.owner_changes, *other.owner_changes),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a person agrees to before something is done. `needed_for` begins the sentence where nobody can be asked;
    `word` has to be typed for more than one thing at once. Where `grave` says what is grave about it, no flag is an
    answer."""

    question: str
    needed_for: str = ""
    word: str = ""
    grave: tuple[str, ...] = ()


class Status(StrEnum):
    DONE = "done"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one action. `after` is the state that was read back, with what the service added; `reason` says
    in a sentence why it failed or was not tried, or how it came out; `error` is what it failed with."""

    action: Action
    status: Status
    after: State | None = None
    reason: str = ""
    error: PodidError | None = None


class Wait(StrEnum):
    """What a change waits for: nothing, the API, or a state of the identities that it concerns. NONE and API leave the
    cluster alone."""

    NONE = "none"
    API = "api"
    READY = "ready"
    VERIFIED = "verified"
    PROVEN = "proven"

    @property
    def state(self) -> IdentityState | None:
        """The state that is waited for."""
        return None if self in (Wait.NONE, Wait.API) else IdentityState(self.value)


@dataclass(frozen=True, slots=True)
class Awaited:
    """What a change waits for that is no state of an identity: agents on nodes, or pods that no longer get credentials.
    `reached` is None where that could not be checked."""

    summary: Annotated[str, About("What was waited for, as it is now.")]
    reached: Annotated[bool | None, About("Null where it could not be checked.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeResult:
    """What a change did. `run_id` is what `podid undo` takes; empty when nothing was changed. `error` is what ended it
    early. `wait` is what was asked for by name, and None where the command chose. `after` is the status of each
    identity that it concerns, `restarted` whether their running pods count and not only new ones; `unchecked` is why
    there is none. `owner_changes` is what others must do still."""

    plan: Plan
    done: tuple[Done, ...] = ()
    run_id: str = ""
    notes: tuple[str, ...] = ()
    error: PodidError | None = None
    wait: Wait | None = None
    after: tuple[IdentityStatus, ...] = ()
    restarted: bool = False
    awaited: Awaited | None = None
    unchecked: str = ""
    owner_changes: tuple[TargetTrustChange, ...] = ()

    @property
    def worked(self) -> bool:
        """Whether anything was changed."""
        return any(item.status is Status.DONE for item in self.done)

    @property
    def failed_kind(self) -> str:
        """The kind of what failed first, empty where nothing did."""
        return next((item.action.kind for item in self.done if item.status is Status.FAILED), "")

    @property
    def exit_code(self) -> ExitCode:
        """8 where something was done and something else failed. Of what was waited for: 3 where a standing cause breaks
        an identity, 7 where it was not reached in time and may still come, 9 where it was asked for by name and could
        not be judged."""
        failed, blocked = self._codes(Status.FAILED), self._codes(Status.BLOCKED)
        # a wait that ran out says nothing against what was done
        if self.worked and (failed or blocked or not isinstance(self.error, Unavailable | None)):
            return ExitCode.PARTIAL
        if self.error is not None:
            return self.error.exit_code
        shut = {ExitCode.ATTENTION for item in self.owner_changes if item.refused}
        return combine({*self._reached, *shut, *(failed or blocked)})

    def _codes(self, status: Status) -> set[ExitCode]:
        errors = [item.error for item in self.done if item.status is status]
        return {ExitCode.CONFLICT if error is None else error.exit_code for error in errors}

    @property
    def _reached(self) -> set[ExitCode]:
        named = self.wait is not None and self.wait.state is not None
        unjudged = ExitCode.UNDETERMINED if named else ExitCode.OK
        codes = {unjudged} if self.unchecked else set()
        if self.awaited is not None:
            codes.add({True: ExitCode.OK, False: ExitCode.UNAVAILABLE, None: unjudged}[self.awaited.reached])
        required = self.wait.state if self.wait is not None and self.wait.state is not None else IdentityState.READY
        for status in self.after:
            codes.add(code_after(status, required, running=self.restarted, unjudged=unjudged))
        return codes


def code_after(status: IdentityStatus, required: IdentityState, *, running: bool, unjudged: ExitCode) -> ExitCode:
    """Of one identity after a change: its new pods are judged, or the `running` ones after a restart."""
    state = status.state if running else status.new_pod.state
    cause = status.cause if running else status.new_pod.cause
    if state is IdentityState.BROKEN:
        # an association may be made before its service account
        return unjudged if cause is not None and cause.check in NO_SERVICE_ACCOUNT else ExitCode.ATTENTION
    if state is not None and state.rank >= required.rank:
        return ExitCode.OK
    if status.settling or (running and state is IdentityState.STALE):
        return ExitCode.UNAVAILABLE
    return unjudged


def matches(recorded: State | None, current: State | None) -> bool:
    """Whether `current` is the recorded state: every recorded member equal, whatever the service added since."""
    if recorded is None or current is None:
        return recorded is current
    return all(current.get(key) == value for key, value in recorded.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Account, region and cluster. `caller_arn` is known wherever something is changed; `cluster` is None for what
    concerns the account alone."""

    account: str
    region: str
    caller_arn: str = ""
    cluster: Cluster | None = None

    @property
    def the_cluster(self) -> Cluster:
        """For what is done in a cluster; AssertionError in a place that has none."""
        assert self.cluster is not None, "this is about one cluster"
        return self.cluster

    @property
    def cluster_name(self) -> str:
        return self.cluster.name if self.cluster is not None else ""

    @property
    def header(self) -> Header:
        """What heads a plan and a run in the journal."""
        return Header(caller_arn=self.caller_arn, account=self.account, region=self.region, cluster=self.cluster_name)


@kind("WhoAmI", "`podid whoami`.")
@dataclass(frozen=True, slots=True, kw_only=True)
class WhoAndWhere:
    """What a command would work with, and where each part came from. Without a cluster, `no_cluster` says why."""

    caller_arn: ArnText
    account: str
    credentials_source: Annotated[str, About("What gave the credentials, as botocore calls it.")]
    region: str
    region_source: Annotated[str, About("A flag, a variable, a profile or a kube context.")]
    cluster: Annotated[str, OR_NULL, About("Its name; null where none could be chosen.")] = ""
    cluster_source: TextOrNull = ""
    no_cluster: Annotated[str, HIDDEN] = ""
    context: Annotated[str, OR_NULL, About("The kube context in force.")] = ""
    kubeconfig: Annotated[tuple[str, ...], About("The files that were read.")] = ()
