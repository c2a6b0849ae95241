"""Make one change: its intent on disk before it, the retries that AWS requires of a careful caller, the check after a
concurrent change, and its outcome on disk after it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

from podid.calls.patience import Patience
from podid.domain import errors
from podid.domain.plan import Action, Done, State, Status, Verb, matches
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ROLE, ROLE_TRUST, kind_of
from podid.ops.change.kinds.base import Moved, ResourceKind
from podid.ops.change.propagation import LATELY, PROPAGATION_SECONDS, Lately
from podid.ops.change.records import Recorder
from podid.ops.clients import Site

TRIES = 4
_ROLE_SETTLE_SECONDS = 30.0
_ANEW = "someone else had changed it after the plan was made; the change was planned again"
_OVERWRITTEN = "someone else overwrote it; the change was made again"
_ROLES = (ROLE.name, ROLE_TRUST.name)


class Kept(NamedTuple):
    """The outcome of a change that was read again. `again`: it was made again, and must be read once more."""

    done: Done
    error: errors.PodidError | None = None
    again: bool = False


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
        for _ in range(TRIES):
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

    def kept(self, done: Done, *, last: bool) -> Kept:
        """Check at the end of the run that a document with several writers still has the change. If not, make it again,
        unless this is the last time."""
        try:
            overwritten = self._overwritten(done.action)
        except errors.NotFound:
            return self._not_kept(done, "deleted it")
        except errors.PodidError as unread:
            return Kept(replace(done, reason=f"it could not be read again: {unread.message}"))
        if not overwritten:
            return Kept(done, self._not_shown(done.action))
        event = f"overwritten it: {', '.join(overwritten)}"
        if not last:
            try:
                change = replace(self, action=done.action).anew(_OVERWRITTEN)
            except errors.PodidError:
                return self._not_kept(done, event)
            done, error = change.carried_out()
            return Kept(done, error, again=error is None)
        return self._not_kept(done, event)

    def _not_kept(self, done: Done, event: str) -> Kept:
        message = f"The {self.kind.subject(done.action)} was changed, but someone else has {event}"
        advice = "CloudTrail records who changed it, a few minutes later."
        lost = errors.Conflict(message, hint=errors.Again(), advice=advice, subject=done.action.target)
        failed = replace(done, status=Status.FAILED, after=None, reason=lost.message, error=lost)
        self._record(failed)
        return Kept(failed, lost)

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

    def _overwritten(self, action: Action) -> Sequence[str]:
        """Return the parts of the change that another writer has overwritten. Wait until the service shows the change,
        or another one."""
        for _ in self.patience.rounds(1.0, longest=5.0):
            if overwritten := self.kind.lost(self.site, action):
                return overwritten
            if not self.kind.late(self.site, action):
                break
            self.patience.say(f"waiting until {self.kind.service} shows the change of {self.kind.subject(action)}")
        return ()

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
                if tries == TRIES:
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
