"""Carries out a plan: which action is next, what stands in its way, and what became of all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from podid.calls.patience import Patience
from podid.domain.errors import CredentialsError, PodidError, RoleUnknown, TimedOut, TrustRefused, Unavailable
from podid.domain.plan import Action, ChangeResult, Done, Plan, Status, Verb
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import kind_of
from podid.ops.change.making import Making, look_again, make
from podid.ops.change.recorder import Recorder
from podid.ops.clients import Clients

# of so many steps it is told how far they are
_MANY = 3

Ahead = Callable[[Action], PodidError | None]


def apply(
    plan: Plan,
    clients: Clients,
    journal: Journal,
    patience: Patience,
    *,
    command: tuple[str, ...],
    undoes: str = "",
    restarts: Sequence[Action] = (),
    ahead: Ahead = lambda action: None,
) -> ChangeResult:
    """What became of each action. `error` is the first failure; the actions after it were not tried, but for those
    that a separate plan allows, which are carried out many at once. `restarts` may follow, and are recorded with the
    plan. What `ahead` says of an action that is about to be carried out bars it and all after it.

    Nothing is written to the journal, or anywhere, for a plan without actions.
    """
    if not plan.actions:
        return ChangeResult(plan=plan)
    now, planned = patience.clock.now(), (*plan.actions, *restarts)
    with journal.begin(command, plan.header, now, planned, undoes=undoes) as recorder:
        run = _Carrying(plan, clients, journal, recorder, patience, ahead)
        for batch in batches(plan):
            run.carry_out(batch)
        run.look_again()
        done = run.in_order()
        return ChangeResult(plan=plan, done=done, run_id=recorder.run_id, error=run.error, notes=_notes(done))


def check_deletions(clients: Clients, plan: Plan) -> None:
    """Just before the first write: raises Conflict where what is to be deleted is no longer what the plan says, or
    where somebody needs it by now. Where steps have nothing to do with each other, each is checked when its turn
    comes."""
    from podid.calls import pacing

    deleting = [(number, action) for number, action in enumerate(plan.actions) if action.verb is Verb.DELETE]

    def check(action: Action) -> None:
        kind_of(action.kind).check_unmoved(clients, plan.header.cluster, action)

    if not plan.separate:
        list(pacing.fan_out(check, [action for _, action in deleting], reads=True))
    for number, action in deleting:
        kind_of(action.kind).before_deleting(clients, plan.header, action, plan.actions[:number])


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
        from podid.calls import pacing

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
        outcome, failure = make(number, self._change(action), self._recorder)
        with self._lock:
            self._done[number] = outcome
            if failure is not None:
                self.error = self.error or failure
                self._bars.add(outcome, failure)

    def _change(self, action: Action) -> Making:
        with self._lock:
            done = self._in_order()
        return Making(action, self._clients, self._plan.header, self._patience, self._journal, done)

    def look_again(self) -> None:
        for number, item in tuple(self._done.items()):
            if item.status is Status.DONE and kind_of(item.action.kind).contended:
                self._done[number], failure = look_again(number, self._change(item.action), item, self._recorder)
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
