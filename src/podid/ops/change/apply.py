"""Carries out a plan: which action is next, what stands in its way, and what became of all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from podid.calls.patience import Patience
from podid.domain.errors import CredentialsError, PodidError, RoleUnknown, TimedOut, TrustRefused, Unavailable
from podid.domain.plan import Action, ChangeResult, Done, Plan, Status, Verb
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import kind_of
from podid.ops.change.making import Making, check_kept, make
from podid.ops.change.records import Recorder
from podid.ops.clients import Clients, Site

# of so many steps it is told how far they are
_MANY = 3
_CARRIED_OUT = (Status.DONE, Status.UNCHANGED)

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
        run = _Carrying(plan, Site(clients, plan.header), journal, recorder, patience, ahead)
        for batch in batches(plan):
            run.carry_out(batch)
        run.check_kept()
        done = run.in_order()
        # what somebody else did to the same thing meanwhile
        notes = tuple(
            f"{kind.subject(item.action)}: {item.reason}"
            for item in done
            if (kind := kind_of(item.action.kind)).contended and item.reason and item.status in _CARRIED_OUT
        )
        return ChangeResult(plan=plan, done=done, run_id=recorder.run_id, error=run.error, notes=notes)


def check_deletions(clients: Clients, plan: Plan) -> None:
    """Just before the first write: raises Conflict where what is to be deleted is no longer what the plan says, or
    where somebody needs it by now. Where steps have nothing to do with each other, each is checked when its turn
    comes."""
    from podid.calls import pacing

    site = Site(clients, plan.header)
    deleting = [(number, action) for number, action in enumerate(plan.actions) if action.verb is Verb.DELETE]

    def check(action: Action) -> None:
        kind_of(action.kind).check_unmoved(site, action)

    if not plan.separate:
        list(pacing.fan_out(check, [action for _, action in deleting], reads=True))
    for number, action in deleting:
        kind_of(action.kind).before_deleting(site, action, plan.actions[:number])


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


@dataclass(slots=True)
class _Carrying:
    """One run of a plan. `error` is its first failure, `bar` what stands in the way of all actions that are left, and
    `bars` of those about one role. What is shared by the actions of a batch, which are carried out many at once, is
    under one lock; no call is made while it is held."""

    plan: Plan
    site: Site
    journal: Journal
    recorder: Recorder
    patience: Patience
    ahead: Ahead
    error: PodidError | None = None
    bar: PodidError | None = None
    bars: dict[str, PodidError] = field(default_factory=dict)
    done: dict[int, Done] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def carry_out(self, batch: tuple[Numbered, ...]) -> None:
        """Says what is about to be done, of a batch what was done: how far it is, is told by that."""
        from podid.calls import pacing

        if len(batch) > 1:
            self._say(batch[0][1], len(self.done))  # who interrupts before the first answer is told how many there are
            for (_, action), _ in pacing.fan_out(self._one, batch):
                self._say(action, len(self.done))
            return
        ((number, action),) = batch
        if self._barred(action) is None:
            self._say(action, number + 1)
        self._one((number, action))

    def _say(self, action: Action, number: int) -> None:
        words, total = f"{action.verb} {kind_of(action.kind).subject(action)}", len(self.plan.actions)
        if total > _MANY:
            self.patience.count(number, total, words)
        else:
            self.patience.say(words)

    def _barred(self, action: Action) -> PodidError | None:
        """What stands in the action's way, the end of the command's time included."""
        with self.lock:
            if self.bar is None and self.patience.over:
                self._bar_all(TimedOut("the time of --timeout is over", subject=action.target))
            return self.bar or self.bars.get(_role(action))

    def _bar_all(self, error: PodidError) -> None:
        self.bar, self.error = error, self.error or error

    def _one(self, item: Numbered) -> None:
        number, action = item
        barred = self._barred(action)
        if barred is None and (barred := self.ahead(action)) is not None:
            with self.lock:
                self._bar_all(barred)
        if barred is not None:
            with self.lock:
                self.done[number] = Done(action, Status.BLOCKED, reason=f"not tried: {barred.message}")
            return
        outcome, failure = make(number, self._change(action), self.recorder)
        with self.lock:
            self.done[number] = outcome
            if failure is not None:
                self.error = self.error or failure
                self._bar_after(outcome, failure)

    def _bar_after(self, done: Done, error: PodidError) -> None:
        """After one that failed everything is barred, or no more than its role."""
        alone = self.plan.separate and done.status is Status.FAILED and kind_of(done.action.kind).independent
        if not alone or isinstance(error, (Unavailable, CredentialsError)):
            self.bar = error
        elif isinstance(error, (RoleUnknown, TrustRefused)):
            self.bars[_role(done.action)] = error

    def _change(self, action: Action) -> Making:
        return Making(action, self.site, self.patience, self.journal, self.in_order())

    def check_kept(self) -> None:
        """What another writer may have written over is read once more."""
        for number, item in tuple(self.done.items()):
            if item.status is Status.DONE and kind_of(item.action.kind).contended:
                self.done[number], failure = check_kept(number, self._change(item.action), item, self.recorder)
                self.error = self.error or failure

    def in_order(self) -> tuple[Done, ...]:
        with self.lock:
            return tuple(done for _, done in sorted(self.done.items()))


def _role(action: Action) -> str:
    return str((action.after or {}).get("roleArn", action))
