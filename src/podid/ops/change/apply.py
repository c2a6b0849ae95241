"""Apply a plan: the order of its actions, the reasons to block one, and each change with its intent on disk before it
and its outcome on disk after it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby

from podid.calls import pacing
from podid.calls.patience import Patience
from podid.domain import errors
from podid.domain.plan import Action, ChangeResult, Done, Plan, State, Status, Verb, matches
from podid.ops.change.guard import check_guards
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ROLE, ROLE_TRUST, kind_of
from podid.ops.change.kinds.base import Moved, ResourceKind, needed_role
from podid.ops.change.narrowing import RoleDeletions, check_again
from podid.ops.change.propagation import LATELY, PROPAGATION_SECONDS, Lately
from podid.ops.change.records import Recorder
from podid.ops.clients import Clients, Site

# plans with more steps show a counter
_MANY = 3
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

    def _change(self, number: int, action: Action) -> "Making":
        done = self.in_order()
        return Making(action, self.numbers[number], self.site, self.patience, self.journal, self.recorder, done)

    def check_kept(self) -> None:
        """Read documents with several writers once more."""
        for number, item in tuple(self.done.items()):
            if item.status is Status.DONE and kind_of(item.action.kind).contended:
                self.done[number], failure = self._change(number, item.action).kept(item)
                self.error = self.error or failure

    def in_order(self) -> tuple[Done, ...]:
        with self.lock:
            return tuple(done for _, done in sorted(self.done.items()))


_TRIES = 4
_ROLE_SETTLE_SECONDS = 30.0
# much longer than another writer needs between its read and its write
_SECONDS_UNTIL_READ_AGAIN = 1.0
_ANEW = "someone else had changed it after the plan was made; the change was planned again"
_OVERWRITTEN = "someone else overwrote it; the change was made again"
_ROLES = (ROLE.name, ROLE_TRUST.name)


@dataclass(frozen=True, slots=True)
class Making:
    """An action with the values needed to make it. `number` is its number in the journal, `done` the run's outcomes so
    far, `reason` why the action was planned again."""

    action: Action
    number: int
    site: Site
    patience: Patience
    journal: Journal
    recorder: Recorder
    done: tuple[Done, ...]
    reason: str = ""

    @property
    def kind(self) -> ResourceKind:
        return kind_of(self.action.kind)

    def write(self) -> State | None:
        """Write, one at a time on this machine for each role, since such a write reads first."""
        role = self.action.keys.get("roleName") or self.action.keys.get("targetRoleArn")
        if role is None or not (self.action.verb in self.kind.overwrites or self.kind.contended):
            return self._write()
        account = role.split(":")[4] if role.startswith("arn:") else self.site.header.account
        name = f"role-{account}-{role.rpartition('/')[2].lower()}"
        with self.journal.locks.held(name, f"role {role}", self.patience):
            return self._write()

    def anew(self, reason: str) -> "Making":
        return replace(self, action=self.kind.anew(self.site, self.action), reason=reason)

    def _write(self) -> State | None:
        done = {(item.kind, item.verb, item.target) for item in self._worked()}
        if (ROLE.name, Verb.CREATE, self.action.keys.get("roleName")) not in done:
            if self.action.verb in self.kind.overwrites:
                self.kind.check_unmoved(self.site, self.action)
            return self._write_when_known()
        # IAM is eventually consistent: a new role is not visible everywhere for some seconds
        unknown: errors.NotFound
        for _ in self.patience.within(_ROLE_SETTLE_SECONDS).rounds(2.0):
            try:
                return self.kind.write(self.site, self.action, self.patience)
            except errors.NotFound as error:
                unknown = error
        raise unknown

    def _worked(self) -> tuple[Action, ...]:
        return tuple(item.action for item in self.done if item.status is Status.DONE)

    def _write_when_known(self) -> State | None:
        """Write; retry while a change of the last minutes may explain the refusal."""
        failure: errors.PodidError
        seconds = min(PROPAGATION_SECONDS, self.patience.seconds)
        for _ in self.patience.within(seconds).rounds(1.0, longest=8.0):
            try:
                return self.kind.write(self.site, self.action, self.patience)
            except errors.PodidError as error:
                failure = self.kind.waits_for(self.site, self.action, error, self._lately)
                words = f"{self.action.verb} {self.kind.subject(self.action)}"
                self.patience.say(f"{words}: {failure.message}; trying again")
        failure.message = f"{failure.message}; tried for {seconds:g} s"
        raise failure

    def _lately(self) -> Lately:
        """Return the roles that this run, or one of the last minutes, created or gave another trust policy."""
        now = self.patience.clock.now()
        actions = [action for action in self._worked() if action.kind in _ROLES]
        with suppress(errors.PodidError):  # an unreadable journal contains no recent change
            steps = self.journal.steps_since(self.site.header.account, _ROLES, now - LATELY)
            actions += [step.action for _, step, _ in steps]
        return Lately(now, frozenset(action.keys["roleName"] for action in actions))

    def carried_out(self) -> tuple[Done, errors.PodidError | None]:
        """Return the outcome of the action. After a concurrent change it is planned again, a few times, if both changes
        can be combined."""
        try:
            change = replace(self, action=self.kind.completed(self.site, self.action, self.done, self.patience))
        except errors.PodidError as unknown:
            return Done(self.action, Status.FAILED, reason=unknown.message, error=unknown), unknown
        if change.action.verb is Verb.NONE:
            return Done(change.action, Status.UNCHANGED, change.action.after), None
        for _ in range(_TRIES):
            done, error = change._once()
            if not isinstance(error, Moved) or not change.kind.contended:
                break
            try:
                change = change.anew(_ANEW)
            except errors.PodidError:
                break
            if change.action.verb is Verb.NONE:
                reason = "someone else has just made the same change"
                done = Done(change.action, Status.UNCHANGED, change.action.after, reason)
                return done, change._record(done)
        return done, error

    def _once(self) -> tuple[Done, errors.PodidError | None]:
        try:
            self.recorder.intent(self.number, self.action)
        except errors.PodidError as error:
            return Done(self.action, Status.BLOCKED, reason=f"not tried: {error.message}"), error
        try:
            done = self._written()
        except errors.PodidError as error:
            failed = Done(self.action, Status.FAILED, self._left(), error.message, error)
            # if the outcome is not known, the intent stays open and the next run settles it
            if failed.changed or not isinstance(error, errors.Unavailable):
                self._record(failed)  # the failure of the change takes precedence
            return failed, error
        # the change was made: report it even if the journal cannot be written
        return done, self._record(done)

    def _left(self) -> State | None:
        """Return the state after a failed change if the change itself was made."""
        if self.kind.awaits_rollout:
            with suppress(errors.PodidError):
                current = self.kind.read(self.site, self.kind.reading(self.action))
                return current if matches(self.kind.held(self.action.after), current) else None
        return None

    def _record(self, done: Done) -> errors.PodidError | None:
        try:
            self.recorder.outcome(self.number, done, self.patience.clock.now())
        except errors.PodidError as error:
            return error
        return None

    def kept(self, done: Done) -> tuple[Done, errors.PodidError | None]:
        """Check at the end of the run that a document with several writers still has the change. A writer who read it
        before this run and writes later than now cannot be detected: IAM has no compare-and-swap."""
        event = "overwritten it"
        for _ in range(_TRIES):
            self.patience.clock.sleep(_SECONDS_UNTIL_READ_AGAIN)
            try:
                if not self._lost(done.action):
                    return done, self._not_shown(done.action)
            except errors.NotFound:
                event = "deleted it"
                break
            except errors.PodidError as unread:
                return replace(done, reason=f"it could not be read again: {unread.message}"), None
            try:
                change = replace(self, action=done.action).anew(_OVERWRITTEN)
            except errors.PodidError:
                break
            done, error = change.carried_out()
            if error is not None:
                return done, error
        message = f"The {self.kind.subject(done.action)} was changed, but someone else has {event} since"
        lost = errors.Conflict(message, hint=errors.Again(), subject=done.action.target)
        failed = replace(done, status=Status.FAILED, after=None, reason=lost.message, error=lost)
        self._record(failed)
        return failed, lost

    def _current(self, error: errors.PodidError) -> State | None:
        """Read the resource after a failure. If the service reports that it exists, wait until it is shown. Raise
        TimedOut if it is not."""
        exists = self.kind.service and isinstance(error, errors.AlreadyExists) and not error.existing_id
        seconds = PROPAGATION_SECONDS if exists else 0.0
        for _ in self.patience.within(seconds).rounds(1.0, longest=8.0):
            current = self.kind.read(self.site, self.kind.reading(self.action))
            if current is not None or not seconds or self.action.before is not None:
                return current
            self.patience.say(f"{error.message}; {self.kind.service} does not show it yet")
        message = f"{error.message}, but {self.kind.service} does not show it yet"
        raise errors.TimedOut(message, hint=errors.Again(), subject=self.action.target, request_id=error.request_id)

    def _lost(self, action: Action) -> bool:
        """Return whether another writer has overwritten the change. Wait until the service shows it, or another
        one."""
        for _ in self.patience.rounds(1.0, longest=5.0):
            if self.kind.lost(self.site, action):
                return True
            if not self.kind.late(self.site, action):
                break
            self.patience.say(f"waiting until {self.kind.service} shows the change of {self.kind.subject(action)}")
        return False

    def _not_shown(self, action: Action) -> errors.PodidError | None:
        if not self.kind.late(self.site, action):
            return None
        words = f"the change of the {self.kind.subject(action)}"
        message = f"{self.kind.service} has accepted {words} but does not show it yet"
        return errors.TimedOut(message, subject=action.target)

    def _written(self) -> Done:
        """Make the change, with the retries that AWS requires of a careful caller."""
        action, kind = self.action, self.kind
        lost: errors.LostAnswer | None = None
        failure: errors.PodidError
        for tries, _ in enumerate(self.patience.rounds(0.5, longest=1.5), 1):
            try:
                return Done(action, Status.DONE, self.write(), self.reason)
            except (errors.LostAnswer, errors.Conflict) as error:
                lost = error if isinstance(error, errors.LostAnswer) else lost
                try:
                    current = self._current(error)
                except errors.PodidError as unread:
                    # a change that may have been made must not be recorded as failed
                    raise lost or error from unread
                if matches(kind.held(action.after), current):
                    # made by an earlier try whose answer was lost, or by someone else with the same settings
                    return Done(action, Status.DONE if lost else Status.UNCHANGED, current)
                again = error is lost or error.code == "ConcurrentModification"
                if not again or not matches(kind.held(action.before), current):
                    raise
                failure = lost or error
                if tries == _TRIES:
                    break
            except errors.NotFound:
                if action.verb is Verb.DELETE:
                    return Done(action, Status.DONE if lost else Status.UNCHANGED, None, reason="it was already gone")
                raise
            except errors.PodidError as error:
                if lost is not None:
                    raise lost from error  # an earlier try may have made the change
                raise
        raise failure
