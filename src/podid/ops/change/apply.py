"""Carries out a plan: which action is next, what stands in its way, and each change with its intent on disk before
and its outcome on disk after it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby

from podid.calls.patience import Patience
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
from podid.domain.plan import Action, ChangeResult, Done, Plan, State, Status, Verb, matches
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ROLE, ROLE_TRUST, kind_of
from podid.ops.change.kinds.base import Moved, ResourceKind
from podid.ops.change.propagation import LATELY, PROPAGATION_SECONDS, Lately
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
    part_of: str = "",
) -> ChangeResult:
    """What became of each action. `error` is the first failure; the actions after it were not tried, but for those
    that a separate plan allows, which are carried out many at once. `restarts` may follow, and are recorded with the
    plan. What `ahead` says of an action that is about to be carried out bars it and all after it. `part_of` is a run of
    this command that the plan belongs to; without one a new run begins.

    Nothing is written to the journal, or anywhere, for a plan without actions.
    """
    if not plan.actions:
        return ChangeResult(plan=plan)
    now, planned = patience.clock.now(), (*plan.actions, *restarts)
    earlier = journal.going_on(part_of) if part_of else None
    with earlier or journal.begin(command, plan.header, now, planned, undoes=undoes) as recorder:
        numbers = tuple(map(recorder.number, plan.actions)) if earlier is not None else ()
        run = _Carrying(plan, Site(clients, plan.header), journal, recorder, patience, ahead, numbers)
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
    `bars` of those about one role; `numbers` are the actions' in the journal. What is shared by the actions of a batch,
    which are carried out many at once, is under one lock; no call is made while it is held."""

    plan: Plan
    site: Site
    journal: Journal
    recorder: Recorder
    patience: Patience
    ahead: Ahead
    numbers: tuple[int, ...] = ()
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

    def _recorded(self, number: int) -> int:
        """Return the action's number in the journal, which differs in a run that began before this plan."""
        return self.numbers[number] if self.numbers else number

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
        outcome, failure = make(self._recorded(number), self._change(action), self.recorder)
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
                self.done[number], failure = check_kept(
                    self._recorded(number), self._change(item.action), item, self.recorder
                )
                self.error = self.error or failure

    def in_order(self) -> tuple[Done, ...]:
        with self.lock:
            return tuple(done for _, done in sorted(self.done.items()))


def _role(action: Action) -> str:
    return str((action.after or {}).get("roleArn", action))


_TRIES = 4
_ROLE_SETTLE_SECONDS = 30.0
# far longer than another writer takes between its read and its write
_SECONDS_UNTIL_READ_AGAIN = 1.0
_ANEW = "somebody else had changed it since the plan was made; planned anew on what was there then"
_OVERWRITTEN = "somebody else wrote over it; made again on what was there then"
_ROLES = (ROLE.name, ROLE_TRUST.name)


@dataclass(frozen=True, slots=True)
class Making:
    """An action, and what it takes to carry it out. `done` is what the run did before, `reason` how it comes to be
    this one."""

    action: Action
    site: Site
    patience: Patience
    journal: Journal
    done: tuple[Done, ...]
    reason: str = ""

    @property
    def kind(self) -> ResourceKind:
        return kind_of(self.action.kind)

    def read(self, error: PodidError) -> State | None:
        """The resource as it is now; `error` again when even that cannot be read, so that a change that may have been
        made is not recorded as one that failed."""
        try:
            return self.kind.read(self.site, self.kind.reading(self.action))
        except PodidError as unread:
            raise error from unread

    def write(self) -> State | None:
        """One after another, as far as this machine goes: what is about a role reads before it writes."""
        role = self.action.keys.get("roleName") or self.action.keys.get("targetRoleArn")
        if role is None or not (self.action.verb in self.kind.overwrites or self.kind.contended):
            return self._write()
        account = role.split(":")[4] if role.startswith("arn:") else self.site.header.account
        name = f"role-{account}-{role.rpartition('/')[2].lower()}"
        with self.journal.locks.held(name, f"role {role}", self.patience):
            return self._write()

    def completed(self) -> Making:
        return replace(self, action=self.kind.completed(self.site, self.action, self.done, self.patience))

    def anew(self, reason: str) -> Making:
        return replace(self, action=self.kind.anew(self.site, self.action), reason=reason)

    def _write(self) -> State | None:
        made = {(item.kind, item.verb, item.target) for item in self._worked()}
        if (ROLE.name, Verb.CREATE, self.action.keys.get("roleName")) not in made:
            if self.action.verb in self.kind.overwrites:
                self.kind.check_unmoved(self.site, self.action)
            return self._write_when_known()
        # IAM does not know its own new role everywhere for some seconds
        unknown: NotFound
        for _ in self.patience.within(_ROLE_SETTLE_SECONDS).rounds(2.0):
            try:
                return self.kind.write(self.site, self.action, self.patience)
            except NotFound as error:
                unknown = error
        raise unknown

    def _worked(self) -> tuple[Action, ...]:
        return tuple(item.action for item in self.done if item.status is Status.DONE)

    def _write_when_known(self) -> State | None:
        """Writes; what a change of the last minutes may explain is waited for."""
        failure: PodidError
        seconds = min(PROPAGATION_SECONDS, self.patience.seconds)
        for _ in self.patience.within(seconds).rounds(1.0, longest=8.0):
            try:
                return self.kind.write(self.site, self.action, self.patience)
            except PodidError as error:
                failure = self.kind.waits_for(self.site, self.action, error, self._lately)
                words = f"{self.action.verb} {self.kind.subject(self.action)}"
                self.patience.say(f"{words}: {failure.message}; trying again")
        failure.message = f"{failure.message}; tried for {seconds:g} s"
        raise failure

    def _lately(self) -> Lately:
        """The roles that this run, or an earlier one, made or gave another trust minutes ago."""
        now = self.patience.clock.now()
        actions = [action for action in self._worked() if action.kind in _ROLES]
        with suppress(PodidError):  # a journal that cannot be read knows of no change
            steps = self.journal.steps_since(self.site.header.account, _ROLES, now - LATELY)
            actions += [step.action for _, step, _ in steps]
        return Lately(now, frozenset(action.keys["roleName"] for action in actions))


def make(number: int, change: Making, recorder: Recorder) -> tuple[Done, PodidError | None]:
    """What became of the action; it is planned anew, a few times, where somebody else came in between and both can
    have what they want."""
    try:
        change = change.completed()
    except PodidError as unknown:
        return Done(change.action, Status.FAILED, reason=unknown.message, error=unknown), unknown
    if change.action.verb is Verb.NONE:
        return Done(change.action, Status.UNCHANGED, change.action.after), None
    for _ in range(_TRIES):
        done, error = _once(number, change, recorder)
        if not isinstance(error, Moved) or not change.kind.contended:
            break
        try:
            change = change.anew(_ANEW)
        except PodidError:
            break
        if change.action.verb is Verb.NONE:
            done = Done(change.action, Status.UNCHANGED, change.action.after, "somebody else has just done the same")
            return done, _record(number, done, change, recorder)
    return done, error


def _once(number: int, change: Making, recorder: Recorder) -> tuple[Done, PodidError | None]:
    action = change.action
    try:
        recorder.intent(number, action)
    except PodidError as error:
        return Done(action, Status.BLOCKED, reason=f"not tried: {error.message}"), error
    try:
        done = _carry_out(change)
    except PodidError as error:
        failed = Done(action, Status.FAILED, reason=error.message, error=error)
        # where nobody knows whether it was made, the intent stays open and the next run settles it
        if not isinstance(error, Unavailable):
            _record(number, failed, change, recorder)  # the change's own failure is the one to tell
        return failed, error
    # it was made, and that is what must be told, also where nothing more can be written down
    return done, _record(number, done, change, recorder)


def _record(number: int, done: Done, change: Making, recorder: Recorder) -> PodidError | None:
    try:
        recorder.outcome(number, done, change.patience.clock.now())
    except PodidError as error:
        return error
    return None


def check_kept(number: int, change: Making, done: Done, recorder: Recorder) -> tuple[Done, PodidError | None]:
    """What is contended is there at the end of the run, or that is said. A writer who had read the document before this
    run wrote it, and writes it later than now, cannot be seen: IAM has no compare-and-swap."""
    since = "written over it"
    for _ in range(_TRIES):
        change.patience.clock.sleep(_SECONDS_UNTIL_READ_AGAIN)
        try:
            if not change.kind.lost(change.site, done.action):
                return done, None
        except NotFound:
            since = "deleted it"
            break
        except PodidError as unread:
            return replace(done, reason=f"it could not be read again: {unread.message}"), None
        try:
            change = replace(change, action=done.action).anew(_OVERWRITTEN)
        except PodidError:
            break
        done, error = make(number, change, recorder)
        if error is not None:
            return done, error
    message = f"The {change.kind.subject(done.action)} was changed, and somebody else has {since} since"
    lost = Conflict(message, hint=Again(), subject=done.action.target)
    failed = replace(done, status=Status.FAILED, reason=lost.message, error=lost)
    _record(number, failed, change, recorder)
    return failed, lost


def _carry_out(change: Making) -> Done:
    """The change itself, with the ways in which AWS makes a careful caller read again."""
    action = change.action
    lost: LostAnswer | None = None
    failure: PodidError
    for tries, _ in enumerate(change.patience.rounds(0.5, longest=1.5), 1):
        try:
            return Done(action, Status.DONE, change.write(), change.reason)
        except (LostAnswer, Conflict) as error:
            lost = error if isinstance(error, LostAnswer) else lost
            current, held = change.read(lost or error), change.kind.held
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
