"""What is common to every kind of resource that podid changes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Never, TypeVar

from podid.calls.patience import Patience
from podid.domain.errors import Again, Conflict, LostAnswer, NotFound, PodidError, Unavailable, UsageError
from podid.domain.plan import Action, Done, State, Status, Verb, matches
from podid.ops.clients import Site

if TYPE_CHECKING:
    from podid.domain.snapshot import Snapshot
    from podid.ops.change.propagation import Lately

T = TypeVar("T")
# that take the place of whatever is there
ANY_WRITE = frozenset({Verb.CREATE, Verb.UPDATE, Verb.DELETE})

Keys = Mapping[str, str]
Tags = Mapping[str, str]
Operations = Mapping[Verb, tuple[str, ...]]
# imported where rights are asked for alone
_GATEWAYS = {
    "Eks": "podid.aws.eks",
    "Iam": "podid.aws.iam",
    "KubeReader": "podid.kube.reader",
    "KubeWriter": "podid.kube.writer",
}


def _method(name: str) -> Callable[..., Any]:
    """The method of a gateway with a name such as `Iam.find_role`."""
    gateway, _, method = name.partition(".")
    operation: Callable[..., Any] = getattr(getattr(import_module(_GATEWAYS[gateway]), gateway), method)
    return operation


class ResourceKind(ABC):
    """One kind of resource: how it is read and written, and what its states hold. States are JSON-able."""

    name: ClassVar[str]  # the `kind` of an action in JSON and in the journal
    title: ClassVar[str] = ""  # the name for people, where it is another
    state: ClassVar[type]  # a TypedDict: what a state holds; one that is only asked for holds what was asked for
    keys: ClassVar[tuple[str, ...]]  # the members that name the resource: always there, the same before and after
    # the gateway methods that each verb calls, and under `Verb.NONE` those that only read
    operations: ClassVar[Operations] = {}
    # IAM is not regional and knows no cluster: such a kind can be settled and undone from any region of the account
    account_wide: ClassVar[bool] = False
    # of these the write does not tell what somebody else did since the plan was made: it is looked at just before
    overwrites: ClassVar[frozenset[Verb]] = frozenset()
    # members that the service assigns anew when the resource is made again
    assigned: ClassVar[frozenset[str]] = frozenset()
    # members that say how a change is made: the service is told them, and does not hold them afterwards
    manner: ClassVar[frozenset[str]] = frozenset()
    # one document that several write at once, without a word of the service: it is looked at again when the run ends
    contended: ClassVar[bool] = False
    # nothing of it is left when its run is over, so that there is nothing to undo
    passing: ClassVar[bool] = False
    # pods are given something else by it, and a command waits until that is seen
    takes_effect: ClassVar[bool] = False
    # one that fails is no reason not to try the next, where the plan says so
    independent: ClassVar[bool] = False
    # what to know before one is deleted
    once_deleted: ClassVar[tuple[str, ...]] = ()

    def action(self, before: State | None, after: State | None, note: str = "") -> Action:
        """The change from one state to another. KeyError where a state lacks one of the keys."""
        state = after if after is not None else before or {}
        keys = {key: str(state[key]) for key in self.keys}
        return Action(self.name, self.verb(before, after), keys, before, after, note)

    def verb(self, before: State | None, after: State | None) -> Verb:
        if before == after:
            return Verb.NONE
        if before is None:
            return Verb.CREATE
        return Verb.DELETE if after is None else Verb.UPDATE

    def reading(self, action: Action) -> Keys:
        """What `read` takes for the action's resource: its keys, for most kinds."""
        return action.keys

    @abstractmethod
    def read(self, site: Site, keys: Keys) -> State | None:
        """The resource as it is now, None if it does not exist. Raises AccessDenied, Unavailable as the clients do."""

    @abstractmethod
    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        """Makes the change and returns the state that the service answered, None for a deletion."""

    def foresee(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        """Pure: the snapshot as it would be read once the action is carried out and in effect. What is known only
        afterwards is PLANNED in it. Unchanged for a kind that no check knows of."""
        return snapshot

    def completed(self, site: Site, action: Action, done: Sequence[Done], patience: Patience) -> Action:
        """The action with what an earlier step of the same run, `done`, has brought about; the same for most kinds. Its
        verb is none where it turns out that nothing is to be changed."""
        return action

    def waits_for(self, site: Site, action: Action, error: PodidError, lately: Callable[[], Lately]) -> PodidError:
        """The error to end with if what stood in the way of a write has not passed by itself in time; raises the
        explained `error` where waiting would be in vain, as it is for most kinds."""
        raise error

    def calls(self, *verbs: Verb) -> tuple[Callable[..., Any], ...]:
        """The gateway methods that carry out actions with these verbs, those that read the resource among them."""
        return tuple(_method(name) for verb in (Verb.NONE, *verbs) for name in self.operations.get(verb, ()))

    def subject(self, action: Action) -> str:
        """The resource in a sentence: `role shop-orders`, `Deployment shop/orders`."""
        return f"{self.title or self.name} {action.target}"

    def detail(self, state: State) -> str:
        """What a line about the resource says behind its name, with the space before it; empty for most."""
        return ""

    def settle(self, site: Site, action: Action) -> Done:
        """What became of an action that was interrupted, found out by reading."""
        current = self.read(site, self.reading(action))
        if matches(self.held(action.after), current):
            return Done(action, Status.DONE, current, "settled: it had been made")
        if matches(self.held(action.before), current):
            return Done(action, Status.FAILED, current, "settled: it had not been made")
        return Done(action, Status.FAILED, current, "settled: the resource is neither as it was nor as planned")

    def check_unmoved(self, site: Site, action: Action) -> None:
        """Raises Conflict where the resource is not as the plan saw it; what is to be deleted may be gone already."""
        current = self.read(site, self.reading(action))
        if (current is not None or action.after is not None) and not matches(self.held(action.before), current):
            raise moved(self.subject(action), action)

    def lost(self, site: Site, action: Action) -> bool:
        """Whether what the action changed is no longer there: another writer, who had read what was there before, has
        written over it."""
        return False

    def anew(self, site: Site, action: Action) -> Action:
        """The same change of what is there now; nothing to change where it is there already. Raises Conflict where the
        two cannot be brought together."""
        raise moved(self.subject(action), action)

    def not_undone(self, action: Action) -> str:
        """Why an action of this kind is left out when its run is undone; empty when it is not."""
        return ""

    def before_deleting(self, site: Site, action: Action, earlier: Sequence[Action]) -> tuple[str, ...]:
        """What to know before the action deletes the resource, once `earlier` ones of its plan are carried out; asked
        when the plan is made, and again before its first write. Raises Conflict where it may not be deleted."""
        return self.once_deleted

    def check_same(self, current: State, made: State | None) -> None:  # noqa: B027  one of most kinds is as good
        """Raises Conflict where what is there now is not what was `made`, although it is called like it and has equal
        members."""

    def held(self, state: State | None) -> State | None:
        """The state as the service holds it: without the manner in which it was asked for."""
        return _without(state, self.manner)

    def reproducible(self, state: State | None) -> State | None:
        """The state as it can be had again: what the service assigns left out."""
        return _without(state, self.assigned | self.manner)


def _without(state: State | None, members: frozenset[str]) -> State | None:
    return None if state is None else {key: value for key, value in state.items() if key not in members}


def retag(old: Tags, new: Tags, untag: Callable[[list[str]], object], tag: Callable[[Tags], object]) -> None:
    """Takes away the keys that go, and sets the tags that are others."""
    if gone := [key for key in old if key not in new]:
        untag(gone)
    if changed := {key: value for key, value in new.items() if old.get(key) != value}:
        tag(changed)


def read_back(read: Callable[[], T], subject: str) -> T:
    """What `read` makes of a change that was sent already. Where it is refused nobody knows what became of the change,
    and nobody must take it for one that failed: LostAnswer."""
    try:
        return read()
    except (NotFound, Unavailable):
        raise
    except PodidError as error:
        message = f"the change of {subject} was sent, and what became of it cannot be looked at: {error.message}"
        raise LostAnswer(message, subject=error.subject, advice=error.advice, permission=error.permission) from error


class Moved(Conflict):
    """Somebody else has changed the resource since the plan was made."""


def moved(subject: str, action: Action) -> Moved:
    return Moved(f"The {subject} has changed since the plan was made", hint=Again(), subject=action.target)


class UnknownKind(ResourceKind):
    state = dict
    keys = ()

    def __init__(self, name: str) -> None:
        self.name = name  # type: ignore[misc]  # the only kind that is made for each name

    def read(self, site: Site, keys: Keys) -> State | None:
        self._unknown()

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        self._unknown()

    def _unknown(self) -> Never:
        raise UsageError(f"This podid knows no {self.name!r}; a newer one recorded it", advice="Use that one.")
