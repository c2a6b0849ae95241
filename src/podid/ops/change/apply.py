"""Apply a plan: the order of its actions, the reasons to block one, and the check that its documents keep the changes.
`podid.ops.change.making` makes one change."""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from podid.calls import pacing
from podid.calls.patience import Patience
from podid.domain import errors
from podid.domain.plan import Action, ChangeResult, Done, Plan, Status, Verb
from podid.ops.change.guard import check_guards
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ROLE, kind_of
from podid.ops.change.kinds.base import needed_role
from podid.ops.change.making import TRIES, Making
from podid.ops.change.narrowing import RoleDeletions, check_again
from podid.ops.change.records import Recorder
from podid.ops.clients import Clients, Site

# plans with more steps show a counter
_MANY = 3
# much longer than another writer needs between its read and its write
_SECONDS_UNTIL_READ_AGAIN = 1.0
_CARRIED_OUT = (Status.DONE, Status.UNCHANGED)

Ahead = Callable[[Action], errors.PodidError | None]


def apply(
    plan: Plan,
    clients: Clients,
    journal: Journal,
    patience: Patience,
    *,
    command: tuple[str, ...],
    undoes: str = "",
    later: Sequence[Action] = (),
    ahead: Ahead = lambda action: None,
    part_of: str = "",
) -> ChangeResult:
    """Return the outcome of each action. `error` is the first failure. Later actions are blocked, unless the plan is
    separate: its independent actions run concurrently. The `later` actions may follow, and are recorded with the plan.
    An error that `ahead` returns blocks the next action and all after it. `part_of` is the run that the plan continues,
    if any.

    Nothing is written, not even to the journal, for a plan without actions.
    """
    if not plan.actions:
        return ChangeResult(plan=plan)
    check_guards(clients, plan)
    check_again(plan, clients)
    now, planned = patience.clock.now(), (*plan.actions, *later)
    accepted = tuple(map(str, plan.accepted))
    earlier = journal.going_on(part_of)
    with earlier or journal.begin(command, plan.header, now, planned, undoes=undoes, accepted=accepted) as recorder:
        # a run that began before this plan has other numbers
        numbers = range(len(plan.actions)) if earlier is None else tuple(map(recorder.number, plan.actions))
        deletions = RoleDeletions(clients, plan, patience.clock)
        run = _Carrying(plan, Site(clients, plan.header), journal, recorder, patience, ahead, numbers, deletions)
        for batch in batches(plan):
            run.carry_out(batch)
        run.check_kept()
        done = run.in_order()
        # concurrent changes of the same document
        notes = tuple(
            f"{kind.subject(item.action)}: {item.reason}"
            for item in done
            if (kind := kind_of(item.action.kind)).contended and item.reason and item.status in _CARRIED_OUT
        )
        return ChangeResult(plan=plan, done=done, run_id=recorder.run_id, error=run.error, notes=notes)


Numbered = tuple[int, Action]


def batches(plan: Plan) -> Iterator[tuple[Numbered, ...]]:
    """Yield the numbered actions in order. Consecutive independent actions of a separate plan form one batch if they
    are many."""
    numbered = enumerate(plan.actions)
    for alone, group in groupby(numbered, lambda item: plan.separate and kind_of(item[1].kind).independent):
        items = tuple(group)
        if alone and len(items) > _MANY:
            yield items
        else:
            yield from ((item,) for item in items)


@dataclass(slots=True)
class _Carrying:
    """One run of a plan. `error` is its first failure, `bar` the error that blocks all remaining actions, and `bars`
    the errors that block those that need a resource, by its name. One lock protects what the concurrent actions of a
    batch share; no call is made while it is held. `numbers` are the actions' numbers in the journal."""

    plan: Plan
    site: Site
    journal: Journal
    recorder: Recorder
    patience: Patience
    ahead: Ahead
    numbers: Sequence[int]
    deletions: RoleDeletions
    error: errors.PodidError | None = None
    bar: errors.PodidError | None = None
    bars: dict[str, errors.PodidError] = field(default_factory=dict)
    done: dict[int, Done] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def carry_out(self, batch: tuple[Numbered, ...]) -> None:
        """Announce a single action before it, and each action of a batch after it, as progress."""
        if len(batch) > 1:
            self._say(batch[0][1], len(self.done))  # shows the total before the first answer
            for (_, action), _ in pacing.fan_out(self._one, batch, writes=True):
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

    def _barred(self, action: Action) -> errors.PodidError | None:
        """Return the error that blocks the action, such as the end of --timeout."""
        with self.lock:
            if self.bar is None and self.patience.over:
                self._bar_all(errors.TimedOut("--timeout has passed", subject=action.target))
            needs = kind_of(action.kind).needs(action) if self.bars else frozenset()
            return self.bar or next((error for name, error in self.bars.items() if name in needs), None)

    def _bar_all(self, error: errors.PodidError) -> None:
        self.bar, self.error = error, self.error or error

    def _one(self, item: Numbered) -> None:
        number, action = item
        barred = self._barred(action)
        if barred is None and (barred := self.ahead(action)) is not None:
            with self.lock:
                self._bar_all(barred)
        if barred is None and (barred := self.deletions.check(number, action)) is not None:
            with self.lock:
                self.error = self.error or barred
                self._bar_after(Done(action, Status.FAILED), barred)
        if barred is not None:
            with self.lock:
                self.done[number] = Done(action, Status.BLOCKED, reason=f"not tried: {barred.message}")
            return
        outcome, failure = self._change(number, action).carried_out()
        with self.lock:
            self.done[number] = outcome
            if failure is not None:
                self.error = self.error or failure
                self._bar_after(outcome, failure)

    def _bar_after(self, done: Done, error: errors.PodidError) -> None:
        """Block everything after a failure, or only the actions that need the same resource."""
        kind, action = kind_of(done.action.kind), done.action
        names = kind.gives(action) if self.plan.separate and done.status is Status.FAILED else None
        if names is None or isinstance(error, (errors.Unavailable, errors.CredentialsError)):
            self.bar = error
            return
        if isinstance(error, (errors.RoleUnknown, errors.TrustRefused)):
            names |= needed_role(str((action.after or {}).get("roleArn", "")))
        for name in names:
            self.bars.setdefault(name, error)

    def _change(self, number: int, action: Action) -> Making:
        done = self.in_order()
        return Making(action, self.numbers[number], self.site, self.patience, self.journal, self.recorder, done)

    def check_kept(self) -> None:
        """Read documents with several writers once more, and make the changes again that another writer has
        overwritten. A writer who read a document before this run and writes it after the last reading cannot be
        detected: IAM has no compare-and-swap."""
        created = {item.action.target for item in self.done.values() if _created_role(item)}
        numbers = [number for number, item in self.done.items() if _may_be_overwritten(item, created)]
        for tries in range(TRIES + 1):
            if numbers:
                self.patience.clock.sleep(_SECONDS_UNTIL_READ_AGAIN)
            again = []
            for number in numbers:
                item = self.done[number]
                kept = self._change(number, item.action).kept(item, last=tries == TRIES)
                self.done[number], self.error = kept.done, self.error or kept.error
                again += [number] if kept.again else []
            numbers = again

    def in_order(self) -> tuple[Done, ...]:
        with self.lock:
            return tuple(done for _, done in sorted(self.done.items()))


def _created_role(done: Done) -> bool:
    action = done.action
    return (action.kind, action.verb, done.status) == (ROLE.name, Verb.CREATE, Status.DONE)


def _may_be_overwritten(done: Done, created: Collection[str]) -> bool:
    """Return whether a writer who had read the document earlier can overwrite the change. Nobody has read a part of a
    role that this run created."""
    contended = done.status is Status.DONE and kind_of(done.action.kind).contended
    return contended and done.action.after is not None and done.action.keys.get("roleName") not in created
