"""Makes one change of a plan: intent on disk, the call, the outcome on disk."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from podid.calls.patience import Patience
from podid.domain.errors import Again, Conflict, LostAnswer, NotFound, PodidError, Unavailable
from podid.domain.plan import Action, Done, Header, State, Status, Verb, matches
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ROLE, ROLE_TRUST, kind_of
from podid.ops.change.kinds.base import Moved
from podid.ops.change.propagation import LATELY, PROPAGATION_SECONDS, Lately
from podid.ops.change.recorder import Recorder
from podid.ops.clients import Clients

_TRIES = 4
_ROLE_SETTLE_SECONDS = 30.0
# far longer than another writer takes between its read and its write
_LOOK_AGAIN_SECONDS = 1.0
_ANEW = "somebody else had changed it since the plan was made; planned anew on what was there then"
_ROLES = (ROLE.name, ROLE_TRUST.name)


@dataclass(frozen=True, slots=True)
class Making:
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
        if role is None or not (self.action.verb in kind.overwrites or kind.contended):
            return self._write()
        account = role.split(":")[4] if role.startswith("arn:") else self.header.account
        name = f"role-{account}-{role.rpartition('/')[2].lower()}"
        with self.journal.locks.held(name, f"role {role}", self.patience):
            return self._write()

    def completed(self) -> Making:
        kind = kind_of(self.action.kind)
        action = kind.completed(self.clients, self.cluster, self.action, self.done, self.patience)
        return replace(self, action=action)

    def anew(self) -> Making:
        return replace(self, action=kind_of(self.action.kind).anew(self.clients, self.cluster, self.action))

    def _write(self) -> State | None:
        kind, action = kind_of(self.action.kind), self.action
        if not self._about_new_role():
            if action.verb in kind.overwrites:
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


def make(number: int, change: Making, recorder: Recorder) -> tuple[Done, PodidError | None]:
    """What became of the action; it is planned anew, a few times, where somebody else came in between and both can
    have what they want."""
    try:
        change = change.completed()
    except PodidError as unknown:
        return Done(change.action, Status.FAILED, reason=unknown.what, error=unknown), unknown
    if change.action.verb is Verb.NONE:
        return Done(change.action, Status.UNCHANGED, change.action.after), None
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


def _once(number: int, change: Making, recorder: Recorder) -> tuple[Done, PodidError | None]:
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


def _record(number: int, done: Done, change: Making, recorder: Recorder) -> PodidError | None:
    try:
        recorder.outcome(number, done, change.patience.clock.now())
    except PodidError as error:
        return error
    return None


def look_again(number: int, change: Making, done: Done, recorder: Recorder) -> tuple[Done, PodidError | None]:
    """What is contended is there at the end of the run, or that is said. A writer who had read the document before this
    run wrote it, and writes it later than now, cannot be seen: IAM has no compare-and-swap."""
    subject, since = kind_of(done.action.kind).subject(done.action), "written over it"
    for _ in range(_TRIES):
        change.patience.clock.sleep(_LOOK_AGAIN_SECONDS)
        try:
            if not kind_of(done.action.kind).lost(change.clients, change.cluster, done.action):
                return done, None
        except NotFound:
            since = "deleted it"
            break
        except PodidError as unread:
            return replace(done, reason=f"it could not be read again: {unread.what}"), None
        try:
            change = replace(change, action=done.action).anew()
        except PodidError:
            break
        again = "somebody else wrote over it; made again on what was there then"
        done, error = make(number, replace(change, reason=again), recorder)
        if error is not None:
            return done, error
    lost = Conflict(
        f"The {subject} was changed, and somebody else has {since} since",
        hint=Again(),
        subject=done.action.target,
    )
    failed = replace(done, status=Status.FAILED, reason=lost.what, error=lost)
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
