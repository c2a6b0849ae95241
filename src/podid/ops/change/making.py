"""Makes one change of a plan: intent on disk, the call, the outcome on disk."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from podid.calls.patience import Patience
from podid.domain.errors import Again, Conflict, LostAnswer, NotFound, PodidError, Unavailable
from podid.domain.plan import Action, Done, State, Status, Verb, matches
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ROLE, ROLE_TRUST, kind_of
from podid.ops.change.kinds.base import Moved, ResourceKind
from podid.ops.change.propagation import LATELY, PROPAGATION_SECONDS, Lately
from podid.ops.change.records import Recorder
from podid.ops.clients import Site

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
