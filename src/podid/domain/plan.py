"""Plans as data: the changes from one state to another, their caller and place.

An action identifies one resource by its keys; `before` is None for a create, `after` is None for a delete, and both are
set for an update. The same action is shown, recorded in the journal, settled after an interruption and undone. The
result of a plan is a `ChangeResult`. `Place` is account, region and cluster, resolved once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from podid.domain.dependents import Dependents
from podid.domain.errors import ExitCode, PodidError, Unavailable, combine
from podid.domain.findings import NO_SERVICE_ACCOUNT, Severity
from podid.domain.incomplete import NotRead, RefusedAccount
from podid.domain.members import HIDDEN, OR_NULL, About, ArnText, TextOrNull, kind
from podid.domain.section import Unread
from podid.domain.status import IdentityState, IdentityStatus, Outlook, shortfall

if TYPE_CHECKING:
    from podid.domain.aws import Cluster


State = Mapping[str, object]


def text(state: State | None, key: str) -> str:
    """Return the member; empty if it is missing or not text."""
    value = (state or {}).get(key)
    return value if isinstance(value, str) else ""


def texts(state: State | None, key: str) -> Mapping[str, str]:
    """Return the member, names and texts such as tags; empty if it is missing."""
    value = (state or {}).get(key)
    return value if isinstance(value, Mapping) else {}


def document(state: State | None, key: str) -> Mapping[str, object]:
    """Return the member, a policy. Raise KeyError if it is missing."""
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
    """One change of a resource. `kind` is a name of `podid.ops.change.kinds`, which create actions. States can be
    encoded as JSON. `note` is the reason, for the reader of the plan."""

    kind: str
    verb: Verb
    keys: Mapping[str, str]
    before: State | None
    after: State | None
    note: str = ""

    @property
    def target(self) -> str:
        """Return the name of the resource: `shop/orders`, `shop-orders`, `shop-orders/read-table`."""
        return "/".join(self.keys.values())


@dataclass(frozen=True, slots=True)
class Skipped:
    """A requested action that is skipped. `reason` is a sentence, `id` the failure mode that explains it."""

    action: Action
    reason: str
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Caller and place of a plan, shown above it."""

    caller_arn: Annotated[str, About("The caller.")]
    account: str
    region: str
    cluster: TextOrNull = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTrustChange:
    """The statements that the owner of a target role must add to its trust policy, so that it allows pods of these
    service accounts. `refused` is whether podid checked the trust policy and it does not allow them. `trust` is the
    policy, if the result depends on external ids that are not known yet. `command` is the next podid command."""

    target_role_arn: str
    service_accounts: tuple[str, ...]
    statements: tuple[State, ...]
    refused: bool
    trust: State | None = None
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`unchanged` are requested actions that are already done, `skipped` those that are skipped, `notes` are for the
    reader before confirmation. With `separate`, associations are independent, and a failure stops no other one;
    otherwise each step depends on the previous one. `owner_changes` are for the owners of target roles. `outlook` is
    the predicted status after the plan. `dependents` are the users of what it deletes or narrows, None if they were not
    read."""

    header: Header
    actions: tuple[Action, ...]
    unchanged: tuple[Action, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    separate: bool = False
    owner_changes: tuple[TargetTrustChange, ...] = ()
    outlook: Outlook | None = None
    dependents: Dependents | None = None

    @property
    def accepted(self) -> tuple[Unread, ...]:
        """Return the unread parts that the user accepts with --accept-unread."""
        return self.dependents.gaps if self.dependents is not None else ()

    def noting(self, notes: tuple[str, ...]) -> Plan:
        """Return the plan with these notes first."""
        return replace(self, notes=tuple(dict.fromkeys((*notes, *self.notes))))

    def in_order(self) -> Plan:
        """Return the plan with steps that depend on each other."""
        return replace(self, separate=False)

    def then(self, other: Plan) -> Plan:
        """Return both plans as one, this one first."""
        return replace(
            self,
            actions=(*self.actions, *other.actions),
            unchanged=(*self.unchanged, *other.unchanged),
            skipped=(*self.skipped, *other.skipped),
            notes=tuple(dict.fromkeys((*self.notes, *other.notes))),
            separate=other.separate,
            owner_changes=(*self.owner_changes, *other.owner_changes),
            dependents=_joined(self, other),
        )


def _joined(one: Plan, other: Plan) -> Dependents | None:
    """Return the dependents of both plans; None if those of one were not read."""
    read = [plan.dependents for plan in (one, other) if plan.actions]
    return Dependents.joined(filter(None, read)) if None not in read else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A question that the user must confirm. `needed_for` begins the message if there is no terminal. `word` must be
    typed to confirm several changes at once. With `grave`, the serious consequences, no flag gives consent."""

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
    """The result of one action. `after` is the state that was read back, with members that the service added; of a
    failed action, the state that it left nevertheless, such as a restart whose end was not observed. `reason` is a
    sentence about the result, or why the action failed or was not tried. `error` is the error of a failure."""

    action: Action
    status: Status
    after: State | None = None
    reason: str = ""
    error: PodidError | None = None

    @property
    def changed(self) -> bool:
        """Return whether the action changed something, also if it failed afterwards."""
        return self.status is Status.DONE or (self.status is Status.FAILED and self.after is not None)


class Wait(StrEnum):
    """The condition that a change waits for: none, the API, or a state of its identities. NONE and API do not read the
    cluster."""

    NONE = "none"
    API = "api"
    READY = "ready"
    VERIFIED = "verified"
    PROVEN = "proven"

    @property
    def state(self) -> IdentityState | None:
        return None if self in (Wait.NONE, Wait.API) else IdentityState(self.value)


@dataclass(frozen=True, slots=True)
class Awaited:
    """A condition that is not the state of an identity: agents on nodes, or pods that no longer get credentials.
    `reached` is None if it could not be checked."""

    summary: Annotated[str, About("The current state of the condition.")]
    reached: Annotated[bool | None, About("Null if it could not be checked.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeResult:
    """The result of a change. `run_id` is for `podid undo`, empty if nothing was changed. `error` is the error that
    ended it early. `wait` is the value of --wait, None for the default. `after` is the status of each identity
    concerned; `unchecked` is the reason if there is none. `restarted` is whether running pods count, and not only new
    ones. `owner_changes` are changes that other owners must make. `refused` and `unread` are the parts of files that
    the plan does not contain."""

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
    refused: Sequence[RefusedAccount] = ()
    unread: Sequence[NotRead] = ()

    @property
    def worked(self) -> bool:
        """Return whether anything was changed."""
        return any(item.status is Status.DONE for item in self.done)

    @property
    def failed_kind(self) -> str:
        """Return the kind of the first failed action; empty if none failed."""
        return next((item.action.kind for item in self.done if item.status is Status.FAILED), "")

    @property
    def final_notes(self) -> tuple[str, ...]:
        """Return the notes, and one about identities that did not reach the state of --wait."""
        required = self.wait.state if self.wait is not None else None
        return (*self.notes, *(shortfall(self.after, required) if required is not None else ()))

    @property
    def exit_code(self) -> ExitCode:
        """Return 8 if some actions succeeded and others failed, or if parts of files were not applied; 9 if other parts
        could not be read. For the wait: 3 if a lasting cause breaks an identity, 7 if the state was not reached in time
        and may still be, 9 if --wait specified it and it could not be checked."""
        failed, blocked = self._codes(Status.FAILED), self._codes(Status.BLOCKED)
        # a timeout while waiting does not make the changes a failure
        if self.worked and (failed or blocked or not isinstance(self.error, Unavailable | None)):
            return ExitCode.PARTIAL
        if self.error is not None:
            return self.error.exit_code
        shut = {ExitCode.ATTENTION for item in self.owner_changes if item.refused}
        return combine({*self._reached, *shut, *(failed or blocked), *self._incomplete})

    @property
    def _incomplete(self) -> set[ExitCode]:
        if self.refused or any(item.declared for item in self.unread):
            return {ExitCode.PARTIAL}
        return {ExitCode.UNDETERMINED} if self.unread else set()

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
    """Return the exit code for one identity after a change, by its new pods, or by the `running` ones after a
    restart. Only a running pod can be proven."""
    state, cause = status.judged(running=running or required is IdentityState.PROVEN)
    if state is IdentityState.BROKEN:
        # an association may be created before its service account; only an error by itself makes the state broken
        early = cause is not None and cause.check in NO_SERVICE_ACCOUNT and cause.severity is Severity.ERROR
        return unjudged if early else ExitCode.ATTENTION
    if state is not None and state.reaches(required):
        return ExitCode.OK
    # another person may have deleted the association
    if state is IdentityState.NONE or status.unsettled or (running and state is IdentityState.STALE):
        return ExitCode.UNAVAILABLE
    return unjudged


def matches(recorded: State | None, current: State | None) -> bool:
    """Return whether `current` is the recorded state: all recorded members are equal, further ones are ignored. IAM
    changes the order and the form of principals, so policies are compared by their meaning."""
    if recorded is None or current is None:
        return recorded is current
    return all(_same(current.get(key), value) for key, value in recorded.items())


def _same(one: object, other: object) -> bool:
    if one == other or not (isinstance(one, Mapping) and isinstance(other, Mapping) and "Statement" in one):
        return one == other
    from podid.domain import trust

    return trust.equal(one, other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Account, region and cluster. `caller_arn` is always known for changes; `cluster` is None for commands that
    concern the account only."""

    account: str
    region: str
    caller_arn: str = ""
    cluster: Cluster | None = None

    @property
    def the_cluster(self) -> Cluster:
        """Return the cluster. Raise AssertionError in a place without one."""
        assert self.cluster is not None, "this place has no cluster"
        return self.cluster

    @property
    def cluster_name(self) -> str:
        return self.cluster.name if self.cluster is not None else ""

    @property
    def header(self) -> Header:
        return Header(caller_arn=self.caller_arn, account=self.account, region=self.region, cluster=self.cluster_name)


@dataclass(frozen=True, slots=True)
class Default:
    """The default of an option, and its source. Both are empty for an option without one."""

    key: Annotated[str, About("The key in the settings file: the option without its hyphens.")]
    value: TextOrNull = ""
    source: Annotated[str, OR_NULL, About("An option, a variable, or the settings file and the line.")] = ""
    meaning: Annotated[str, HIDDEN] = ""


@kind("WhoAmI", "`podid whoami`.")
@dataclass(frozen=True, slots=True, kw_only=True)
class WhoAndWhere:
    """The credentials and the place of a command, with the source of each value. `no_cluster` is why there is no
    cluster."""

    caller_arn: ArnText
    account: str
    credentials_source: Annotated[str, About("The source of the credentials, as botocore names it.")]
    region: str
    region_source: Annotated[str, About("An option, a variable, a profile or a kube context.")]
    cluster: Annotated[str, OR_NULL, About("The name of the cluster; null if none could be selected.")] = ""
    cluster_source: TextOrNull = ""
    no_cluster: Annotated[str, HIDDEN] = ""
    context: Annotated[str, OR_NULL, About("The kube context in use.")] = ""
    context_source: TextOrNull = ""
    kubeconfig: Annotated[tuple[str, ...], About("The kubeconfig files that were read.")] = ()
    kubeconfig_source: TextOrNull = ""
    profile: Annotated[str, OR_NULL, About("The AWS profile, if one is specified.")] = ""
    profile_source: TextOrNull = ""
    defaults: Annotated[
        tuple[Default, ...], About("Further options that a variable, the settings file or a flag sets.")
    ] = ()
