"""Plans are data: what will change, from which state to which, and who asks for it.

An action names one resource by its keys; `before` None creates, `after` None deletes, both update. That one shape is
what is shown, journalled, settled after an interruption and undone. What became of it is a `ChangeResult`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from podid.domain.errors import PodidError, Unavailable
from podid.domain.exit_codes import ExitCode, combine
from podid.domain.proof import VerifyReport

if TYPE_CHECKING:
    from podid.domain.status import Outlook

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Who would do it, and where. Every plan is headed by this."""

    caller_arn: str
    account: str
    region: str
    cluster: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`unchanged` lists what was asked for and is already so; `notes` what the reader should know before saying yes.
    `separate` is whether associations have nothing to do with each other here: one that fails stops none of the others.
    Else each step rests on the one before. `broken` is what is wrong already and stays so: no effect may be claimed.
    `outlook` is what comes of it, where that was foreseen."""

    header: Header
    actions: tuple[Action, ...]
    unchanged: tuple[Action, ...] = ()
    notes: tuple[str, ...] = ()
    separate: bool = False
    broken: "Effect | None" = None
    outlook: "Outlook | None" = None

    def noting(self, notes: tuple[str, ...]) -> "Plan":
        """The same with these notes first."""
        return replace(self, notes=(*notes, *self.notes))

    def in_order(self) -> "Plan":
        """The same, each step resting on the one before."""
        return replace(self, separate=False)

    def then(self, other: "Plan") -> "Plan":
        """Both in one, this one first."""
        return replace(
            self,
            actions=(*self.actions, *other.actions),
            unchanged=(*self.unchanged, *other.unchanged),
            notes=tuple(dict.fromkeys((*self.notes, *other.notes))),
            separate=other.separate,
            broken=self.broken or other.broken,
        )


class Status(StrEnum):
    DONE = "done"
    UNCHANGED = "unchanged"
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
    """How long a change is waited for: not at all, until the API says so, until pods are seen to get it, until their
    credentials are proven to be the role's."""

    NONE = "none"
    API = "api"
    EFFECT = "effect"
    PROOF = "proof"


class EffectState(StrEnum):
    """Whether pods get the credentials. proven: of the pods that are named the association, the injected fields, a
    Ready agent on their own node and a redeemed token were seen, and the identity that came back is the association's;
    in-effect: live pods carry the injected fields and their nodes have a Ready agent,
    nothing was minted; likely: only dry runs saw the fields; unknown: something could not be looked at, or may still be
    settling; not-in-effect: a link is broken."""

    PROVEN = "proven"
    IN_EFFECT = "in-effect"
    LIKELY = "likely"
    UNKNOWN = "unknown"
    NOT_IN_EFFECT = "not-in-effect"


@dataclass(frozen=True, slots=True)
class Effect:
    """`how` says in a sentence what was looked at, or why nothing was; `id` is the failure mode's where a link is seen
    to be broken; `not_looked_at` names what the state says nothing of; `late` is whether time was up while more could
    still be seen."""

    state: EffectState
    how: str
    id: str = ""
    not_looked_at: str = ""
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeResult:
    """What a change did. `run_id` is what `podid undo` takes; empty when nothing was changed. `error` is what ended it
    early. `wait` is what was asked for by name, and None where the command chose. `proofs` are what `verify` says, with
    Wait.PROOF."""

    plan: Plan
    done: tuple[Done, ...] = ()
    effect: Effect | None = None
    run_id: str = ""
    notes: tuple[str, ...] = ()
    error: PodidError | None = None
    wait: Wait | None = None
    proofs: tuple[VerifyReport, ...] = ()

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
        """8 where something was done and something else failed; an effect that was not seen in time is 7, and 9 when
        it was asked for by name and could not be looked at."""
        failed, blocked = self._codes(Status.FAILED), self._codes(Status.BLOCKED)
        # a wait that ran out says nothing against what was done
        if self.worked and (failed or blocked or not isinstance(self.error, Unavailable | None)):
            return ExitCode.PARTIAL
        if self.error is not None:
            return self.error.exit_code
        return combine({self._effect_code, *(failed or blocked)})

    def _codes(self, status: Status) -> set[ExitCode]:
        errors = [item.error for item in self.done if item.status is status]
        return {ExitCode.CONFLICT if error is None else error.exit_code for error in errors}

    @property
    def _effect_code(self) -> ExitCode:
        if self.effect is None:
            return ExitCode.OK
        if self.effect.state is EffectState.NOT_IN_EFFECT or self.effect.late:
            return ExitCode.UNAVAILABLE
        if self.effect.state is EffectState.UNKNOWN and self.wait in (Wait.EFFECT, Wait.PROOF):
            return ExitCode.UNDETERMINED
        return ExitCode.OK


def matches(recorded: State | None, current: State | None) -> bool:
    """Whether `current` is the recorded state: every recorded member equal, whatever the service added since."""
    if recorded is None or current is None:
        return recorded is current
    return all(current.get(key) == value for key, value in recorded.items())
