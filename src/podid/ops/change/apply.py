"""Carries out a plan: intent on disk, the call, the outcome on disk, then the next action."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby

from podid.domain.errors import (
    Again,
    Conflict,
    CredentialsError,
    LostAnswer,
    NotFound,
    PodidError,
    RoleUnknown,
    TimedOut,
    TrustRefused,
    Unavailable,
)
from podid.domain.patience import Patience
from podid.domain.plan import Action, ChangeResult, Done, Header, Plan, State, Status, Verb, matches
from podid.ops.change.journal import Journal, Recorder
from podid.ops.change.kinds import ROLE, ROLE_TRUST, kind_of
from podid.ops.change.kinds.base import Moved
from podid.ops.change.propagation import LATELY, PROPAGATION_SECONDS, Lately
from podid.ops.clients import Clients

_TRIES = 4
# of so many steps it is told how far they are
_MANY = 3
_ROLE_SETTLE_SECONDS = 30.0
# far longer than another writer takes between its read and its write
_LOOK_AGAIN_SECONDS = 1.0
_ANEW = "somebody else had changed it since the plan was made; planned anew on what was there then"
_ROLES = (ROLE.name, ROLE_TRUST.name)

Ahead = Callable[[Action], PodidError | None]


def apply(
    plan: Plan,
    clients: Clients,
    journal: Journal,
    patience: Patience,
    *,
    command: tuple[str, ...],
    undoes: str = "",
    restarts: bool = False,
    ahead: Ahead = lambda action: None,
) -> ChangeResult:
    """What became of each action. `error` is the first failure; the actions after it were not tried, but for those
    that a separate plan allows, which are carried out many at once. `restarts` is whether restarts are to follow, which
    is recorded. What `ahead` says of an action that is about to be carried out bars it and all after it.

    Nothing is written to the journal, or anywhere, for a plan without actions.
    """
    if not plan.actions:
        return ChangeResult(plan=plan)
    with journal.begin(
        command, plan.header, patience.clock.now(), undoes=undoes, planned=len(plan.actions) + restarts
    ) as recorder:
        run = _Carrying(plan, clients, journal, recorder, patience, ahead)
        for batch in batches(plan):
            run.carry_out(batch)
        run.look_again()
        done = run.in_order()
        return ChangeResult(plan=plan, done=done, run_id=recorder.run_id, error=run.error, notes=_notes(done))


Numbered = tuple[int, Action]


def batches(plan: Plan) -> Iterator[tuple[Numbered, ...]]:
    """The actions with their numbers, in order: those one after another that have nothing to do with each other are one
    batch, when they are many."""
    numbered = enumerate(plan.actions)
    for alone, group in groupby(numbered, lambda item: plan.separate and kind_of(item[1].kind).independent):
        items = tuple(group)
        if alone and len(items) > _MANY:
            yield items
        else:
            yield from ((item,) for item in items)


class _Carrying:
    """One run of a plan. `error` is its first failure. What is shared by the actions of a batch, which are carried out
    many at once, is under one lock; no call is made while it is held."""

    def __init__(
        self, plan: Plan, clients: Clients, journal: Journal, recorder: Recorder, patience: Patience, ahead: Ahead
    ) -> None:
        self.error: PodidError | None = None
        self._plan = plan
        self._clients = clients
        self._journal = journal
        self._recorder = recorder
        self._patience = patience
        self._ahead = ahead
        self._bars = _Bars(separate=plan.separate)
        self._done: dict[int, Done] = {}
        self._lock = threading.Lock()

    def carry_out(self, batch: tuple[Numbered, ...]) -> None:
        """Says what is about to be done, of a batch what was done: how far it is, is told by that."""
        from podid.aws import pacing

        if len(batch) > 1:
            self._say(batch[0][1], len(self._done))  # who interrupts before the first answer is told how many there are
            for (_, action), _ in pacing.fan_out(self._one, batch):
                self._say(action, len(self._done))
            return
        ((number, action),) = batch
        if self._barred(action) is None:
            self._say(action, number + 1)
        self._one((number, action))

    def _say(self, action: Action, number: int) -> None:
        words, total = f"{action.verb} {kind_of(action.kind).subject(action)}", len(self._plan.actions)
        if total > _MANY:
            self._patience.count(number, total, words)
        else:
            self._patience.say(words)

    def _barred(self, action: Action) -> PodidError | None:
        """What stands in the action's way, the end of the command's time included."""
        with self._lock:
            if self._bars.none and self._patience.over:
                self._bar_all(TimedOut("the time of --timeout is over", subject=action.target))
            return self._bars.find(action)

    def _bar_all(self, error: PodidError) -> None:
        self._bars.add_all(error)
        self.error = self.error or error

    def _one(self, item: Numbered) -> None:
        number, action = item
        barred = self._barred(action)
        if barred is None and (bar := self._ahead(action)) is not None:
            barred = bar
            with self._lock:
                self._bar_all(bar)
        if barred is not None:
            with self._lock:
                self._done[number] = Done(action, Status.BLOCKED, reason=f"not tried: {barred.what}")
            return
        outcome, failure = _one(number, self._change(action), self._recorder)
        with self._lock:
            self._done[number] = outcome
            if failure is not None:
                self.error = self.error or failure
                self._bars.add(outcome, failure)

    def _change(self, action: Action) -> _Change:
        with self._lock:
            done = self._in_order()
        return _Change(action, self._clients, self._plan.header, self._patience, self._journal, done)

    def look_again(self) -> None:
        for number, item in tuple(self._done.items()):
            if item.status is Status.DONE and kind_of(item.action.kind).contended:
                self._done[number], failure = _looked_at_again(number, self._change(item.action), item, self._recorder)
                self.error = self.error or failure

    def in_order(self) -> tuple[Done, ...]:
        with self._lock:
            return self._in_order()

    def _in_order(self) -> tuple[Done, ...]:
        return tuple(done for _, done in sorted(self._done.items()))


class _Bars:
    """What stands in the way of the actions after one that failed: everything, or no more than its role."""

    def __init__(self, *, separate: bool) -> None:
        self._separate = separate
        self._all: PodidError | None = None
        self._roles: dict[str, PodidError] = {}

    @property
    def none(self) -> bool:
        return self._all is None

    def add_all(self, error: PodidError) -> None:
        self._all = error

    def add(self, done: Done, error: PodidError) -> None:
        alone = self._separate and done.status is Status.FAILED and kind_of(done.action.kind).independent
        if not alone or isinstance(error, (Unavailable, CredentialsError)):
            self._all = error
        elif isinstance(error, (RoleUnknown, TrustRefused)):
            self._roles[_role(done.action)] = error

    def find(self, action: Action) -> PodidError | None:
        return self._all or self._roles.get(_role(action))


def _role(action: Action) -> str:
    return str((action.after or {}).get("roleArn", action))


def _notes(done: Sequence[Done]) -> tuple[str, ...]:
    """What somebody else did to the same thing meanwhile."""
    there = [item for item in done if item.status in (Status.DONE, Status.UNCHANGED) and item.reason]
    return tuple(
        f"{kind.subject(item.action)}: {item.reason}" for item in there if (kind := kind_of(item.action.kind)).contended
    )


@dataclass(frozen=True, slots=True)
class _Change:
    """An action, and what it takes to carry it out. `done` is what the run did before, `reason` how it comes to be
    this one."""

    action: Action
    clients: Clients
    header: Header
    patience: Patience
    journal: Journal
    done: tuple[Done, ...]
    reason: str = ""

    @property
    def cluster(self) -> str:
        return self.header.cluster

    def read(self, error: PodidError) -> State | None:
        """What is there now; `error` again when even that cannot be read, so that a change that may have been made is
        not recorded as one that failed."""
        try:
            kind = kind_of(self.action.kind)
            return kind.read(self.clients, self.cluster, kind.reading(self.action))
        except PodidError as unread:
            raise error from unread

    def write(self) -> State | None:
        """One after another, as far as this machine goes: what is about a role reads before it writes."""
        keys, kind = self.action.keys, kind_of(self.action.kind)
        role = keys.get("roleName") or keys.get("targetRoleArn")
        if role is None or not (kind.overwrites or kind.contended):
            return self._write()
        account = role.split(":")[4] if role.startswith("arn:") else self.header.account
        name = f"role-{account}-{role.rpartition('/')[2].lower()}"
        with self.journal.locks.held(name, f"role {role}", self.patience):
            return self._write()

    def anew(self) -> _Change:
        return replace(self, action=kind_of(self.action.kind).anew(self.clients, self.cluster, self.action))

    def _write(self) -> State | None:
        kind, action = kind_of(self.action.kind), self.action
        if not self._about_new_role():
            if kind.overwrites:
                kind.check_unmoved(self.clients, self.cluster, action)
            return self._write_when_known()
        # IAM does not know its own new role everywhere for some seconds
        unknown: NotFound
        for _ in self.patience.within(_ROLE_SETTLE_SECONDS).rounds(2.0):
            try:
                return kind.write(self.clients, self.cluster, action, self.patience)
            except NotFound as error:
                unknown = error
        raise unknown

    def _about_new_role(self) -> bool:
        """Whether the run made the action's role itself."""
        made = {(item.action.kind, item.action.verb, item.action.target) for item in self._worked()}
        return (ROLE.name, Verb.CREATE, self.action.keys.get("roleName")) in made

    def _worked(self) -> tuple[Done, ...]:
        return tuple(item for item in self.done if item.status is Status.DONE)

    def _write_when_known(self) -> State | None:
        """Writes; what a change of the last minutes may explain is waited for."""
        kind, action = kind_of(self.action.kind), self.action
        failure: PodidError
        seconds = min(PROPAGATION_SECONDS, self.patience.seconds)
        for _ in self.patience.within(seconds).rounds(1.0, longest=8.0):
            try:
                return kind.write(self.clients, self.cluster, action, self.patience)
            except PodidError as error:
                failure = kind.waits_for(error, self.clients, self.cluster, action, self._lately)
                self.patience.say(f"{action.verb} {kind_of(action.kind).subject(action)}: {failure.what}; trying again")
        failure.what = f"{failure.what}; tried for {seconds:g} s"
        raise failure

    def _lately(self) -> Lately:
        """The roles that this run, or an earlier one, made or gave another trust minutes ago."""
        now = self.patience.clock.now()
        roles = {item.action.keys["roleName"] for item in self._worked() if item.action.kind in _ROLES}
        with suppress(PodidError):  # a journal that cannot be read knows of no change
            changed = self.journal.changed_since(self.header.account, _ROLES, now - LATELY)
            roles |= {keys["roleName"] for keys, _ in changed}
        return Lately(now, frozenset(roles))


def _one(number: int, change: _Change, recorder: Recorder) -> tuple[Done, PodidError | None]:
    """What became of the action; it is planned anew, a few times, where somebody else came in between and both can
    have what they want."""
    for _ in range(_TRIES):
        done, error = _once(number, change, recorder)
        if not isinstance(error, Moved) or not kind_of(change.action.kind).contended:
            break
        try:
            change = replace(change.anew(), reason=_ANEW)
        except PodidError:
            break
        if change.action.verb is Verb.NONE:
            done = Done(change.action, Status.UNCHANGED, change.action.after, "somebody else has just done the same")
            return done, _record(number, done, change, recorder)
    return done, error


def _once(number: int, change: _Change, recorder: Recorder) -> tuple[Done, PodidError | None]:
    action = change.action
    try:
        recorder.intent(number, action)
    except PodidError as error:
        return Done(action, Status.BLOCKED, reason=f"not tried: {error.what}"), error
    try:
        done = _carry_out(change)
    except PodidError as error:
        failed = Done(action, Status.FAILED, reason=error.what, error=error)
        # where nobody knows whether it was made, the intent stays open and the next run settles it
        if not isinstance(error, Unavailable):
            _record(number, failed, change, recorder)  # the change's own failure is the one to tell
        return failed, error
    # it was made, and that is what must be told, also where nothing more can be written down
    return done, _record(number, done, change, recorder)


def _record(number: int, done: Done, change: _Change, recorder: Recorder) -> PodidError | None:
    try:
        recorder.outcome(number, done, change.patience.clock.now())
    except PodidError as error:
        return error
    return None


def _looked_at_again(number: int, change: _Change, done: Done, recorder: Recorder) -> tuple[Done, PodidError | None]:
    """What is contended is there at the end of the run, or that is said. A writer who had read the document before this
    run wrote it, and writes it later than now, cannot be seen: IAM has no compare-and-swap."""
    subject, since = kind_of(done.action.kind).subject(done.action), "written over it"
    for _ in range(_TRIES):
        change.patience.clock.sleep(_LOOK_AGAIN_SECONDS)
        try:
            if not kind_of(done.action.kind).lost(change.clients, change.cluster, done.action):
                return done, None
            change = replace(change, action=done.action)
            change = replace(change.anew(), reason="somebody else wrote over it; made again on what was there then")
        except NotFound:
            since = "deleted it"
            break
        except Unavailable as error:
            return replace(done, reason=f"it could not be read again: {error.what}"), None
        except PodidError:
            break
        done, error_ = _one(number, change, recorder)
        if error_ is not None:
            return done, error_
    lost = Conflict(
        f"The {subject} was changed, and somebody else has {since} since",
        hint=Again(),
        subject=done.action.target,
    )
    failed = replace(done, status=Status.FAILED, reason=lost.what, error=lost)
    _record(number, failed, change, recorder)
    return failed, lost


def _carry_out(change: _Change) -> Done:
    """The change itself, with the ways in which AWS makes a careful caller read again."""
    action = change.action
    lost: LostAnswer | None = None
    failure: PodidError
    for tries, _ in enumerate(change.patience.rounds(0.5, longest=1.5), 1):
        try:
            return Done(action, Status.DONE, change.write(), change.reason)
        except (LostAnswer, Conflict) as error:
            lost = error if isinstance(error, LostAnswer) else lost
            current, held = change.read(lost or error), kind_of(action.kind).held
            if matches(held(action.after), current):
                # made by an earlier try of ours whose answer was lost, or by somebody else with the very same settings
                return Done(action, Status.DONE if lost else Status.UNCHANGED, current)
            again = error is lost or error.code == "ConcurrentModification"
            if not again or not matches(held(action.before), current):
                raise
            failure = lost or error
            if tries == _TRIES:
                break
        except NotFound:
            if action.verb is Verb.DELETE:
                return Done(action, Status.DONE if lost else Status.UNCHANGED, None, reason="it was already gone")
            raise
        except PodidError as error:
            if lost is not None:
                raise lost from error  # an earlier try may have made it: that is what must not be forgotten
            raise
    raise failure
