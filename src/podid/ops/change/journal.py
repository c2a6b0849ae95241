"""The journal of podid's changes.

One file a run, one JSON object a line: a `run` head, then for each action an `intent` (fsynced before the call) and an
`outcome`, and an `end`. A run that was killed has no end, and may have an intent without an outcome; the next run
settles it by reading. Files belong to the caller: directory 0700, files 0600, never through a symlink.
"""

import fcntl
import os
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import MAXYEAR, UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path

from podid.calls.patience import Patience
from podid.domain.errors import InvalidInput, NotFound, Other, TimedOut
from podid.domain.foreign import Malformed
from podid.domain.plan import Action, Done, Header, State, Status, Verb
from podid.domain.text import utc
from podid.local.files import check_private, make_private, open_own, sync_directory
from podid.ops.change import records
from podid.ops.change.kinds import kind_of
from podid.ops.change.undone import undone_by

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
# of a prefix or suffix of an id: as long as its random part
SHORTEST_ID = 6


class Journal:
    """A directory of runs. Raise UsageError with a remedy if it cannot be used. `locks` are shared by all journals of
    the machine. `kept` collects recorders that stay open until the command ends, `begun` the ids of its runs."""

    def __init__(
        self,
        directory: Path,
        locks: "Locks | None" = None,
        kept: list[records.Recorder] | None = None,
        begun: list[str] | None = None,
    ) -> None:
        self.directory = directory
        self.locks = locks or Locks()
        self._kept = kept
        self._begun = [] if begun is None else begun

    def runs(self, since: datetime | None = None) -> tuple[records.Run, ...]:
        """Return all runs, newest first, or those begun later than a day before `since`. Raise InvalidInput for a file
        that is not valid."""
        runs, unread = self.legible(since)
        if unread:
            raise unread[0]
        return runs

    def legible(self, since: datetime | None = None) -> tuple[tuple[records.Run, ...], tuple[InvalidInput, ...]]:
        """Return the valid runs, newest first, and an error for each damaged file: for commands that only read. A file
        that others can write is refused here too."""
        oldest = _stamp(since - timedelta(days=1)) if since is not None else ""
        runs, unread = list[records.Run](), list[InvalidInput]()
        with records.usable(self.directory):
            # it must belong to the caller, since podid trusts it
            exists = check_private(self.directory)
        for name in self._ids() if exists else ():
            try:
                if name >= oldest and (run := self._read(name)) is not None:
                    runs.append(run)
            except InvalidInput as error:
                unread.append(error)
        return tuple(runs), tuple(unread)

    def get(self, run_id: str) -> records.Run:
        """Return the run with this id. A unique prefix or suffix of at least six characters is enough; `last` is the
        newest run that can be undone and is not an undo itself. Raise InvalidInput for a damaged file, as `runs`
        does."""
        return self._chosen(run_id, self.runs())

    def of_command(self, run: records.Run) -> tuple[records.Run, ...]:
        """Return the run, and those of the same command line in other clusters, newest first."""
        by_place = {(other.header.region, other.header.cluster): other for other in self._together(run)}
        by_place[run.header.region, run.header.cluster] = run
        return tuple(sorted(by_place.values(), key=lambda other: other.run_id, reverse=True))

    def beside(self, run: records.Run) -> tuple[records.Run, ...]:
        """Return the other runs of the same command line at the same place, newest first, without undone ones."""
        undone = undone_by(self.runs())
        return tuple(
            other
            for other in self._together(run)
            if other.header == run.header and other.run_id != run.run_id and other.run_id not in undone
        )

    def _together(self, run: records.Run) -> Iterator[records.Run]:
        """Yield the runs of the same command line that changed anything."""
        for other in self.runs():
            if run.first and other.first == run.first and other.changed and not other.undoes:
                yield other

    def peek(self, run_id: str) -> records.Run:
        """Return a run as `get` does, for commands that only read: a damaged file hides only its own run. `last`
        requires that all files are valid."""
        runs, unread = self.legible()
        if unread and run_id == "last":
            raise unread[0]
        try:
            return self._chosen(run_id, runs)
        except NotFound:
            if unread:
                raise unread[0] from None
            raise

    def _chosen(self, run_id: str, runs: tuple[records.Run, ...]) -> records.Run:
        if run_id == "last":
            for run in runs:
                if run.changed and not run.undoes:
                    return run
            raise NotFound("The journal has no run that can be undone", subject=str(self.directory))
        if len(run_id) < SHORTEST_ID:
            rule = f"specify at least {SHORTEST_ID} characters, or 'last'"
            message = f"{run_id!r} is too short for a run id: {rule}"
            raise InvalidInput(message, hint=Other(("history",)), subject=run_id)
        matching = [run for run in runs if run.run_id.startswith(run_id) or run.run_id.endswith(run_id)]
        if len(matching) > 1:
            raise InvalidInput(
                f"{run_id!r} matches {len(matching)} runs: specify more of the id", hint=Other(("history",))
            )
        if not matching:
            raise NotFound(f"No run {run_id!r} in the journal", hint=Other(("history",)), subject=run_id)
        return matching[0]

    def created(self, account: str, kind: str, keys: Mapping[str, str], *, role_id: str = "") -> bool:
        """Return whether a recorded run created the resource and no later one deleted it; for a role, the one with this
        id, if the run recorded it."""
        state = self.last_made(Header(caller_arn="", account=account, region=""), kind, keys)
        return state is not None and role_id in ("", state.get("roleId"))

    def last_made(self, header: Header, kind: str, keys: Mapping[str, str]) -> State | None:
        """Return the resource as the newest run recorded at this place created it; None if none did, or one has deleted
        it since. IAM's resources are the same at every place of an account."""
        place = _place_of(kind, header)
        for run in self.runs():
            if _place_of(kind, run.header) != place:
                continue
            for step in reversed(run.steps):
                same = (step.action.kind, step.action.keys) == (kind, keys)
                if same and step.status is Status.DONE and step.action.verb in (Verb.CREATE, Verb.DELETE):
                    return None if step.action.after is None else step.after or step.action.after
        return None

    def steps_since(
        self, account: str, kinds: Collection[str], since: datetime
    ) -> tuple[tuple[records.Run, records.Step, datetime], ...]:
        """Return the steps that changed resources of these kinds at `since` or later, each with its run and time,
        unordered. An interrupted step counts with the start of its run."""
        return tuple(
            (run, step, moment)
            for run in self.runs(since)
            for step in run.steps
            if step.action.kind in kinds
            and run.header.account == account
            and step.status in (Status.DONE, None)
            and (moment := moment_of(step.at or run.started_at)) is not None
            and moment >= since
        )

    def newest_steps(self, account: str, kinds: Collection[str]) -> list[tuple[records.Run, records.Step]]:
        """Return all steps that changed resources of these kinds, each with its run, the newest first."""
        steps = self.steps_since(account, kinds, _EVER)
        return [(run, step) for run, step, _ in sorted(steps, key=lambda item: (item[2], item[1].number), reverse=True)]

    def changes(self, header: Header, kind: str, keys: Mapping[str, str] | None = None) -> list[Action]:
        """Return the changes of this kind of resource at this place, or of the one with these keys, the newest first.
        Another cluster may have objects of the same names."""
        place, steps = _place_of(kind, header), self.newest_steps(header.account, (kind,))
        actions = (step.action for run, step in steps if _place_of(kind, run.header) == place)
        return [action for action in actions if keys in (None, action.keys)]

    def half_made(self, account: str, keys: Mapping[str, str]) -> bool:
        """Return whether the newest recorded run that changed the resource, or one with its keys, did not finish."""
        for run in self.runs():
            about = [step for step in run.steps if keys.items() <= step.action.keys.items()]
            if about and run.header.account == account:
                return not run.whole
        return False

    def _unfinished(self, command: tuple[str, ...], header: Header) -> tuple[records.Run, ...]:
        runs, place = self.runs(), replace(header, caller_arn="")
        undone = undone_by(runs)
        same = (run for run in runs if (run.command, replace(run.header, caller_arn="")) == (command, place))
        begun = takewhile(lambda run: not (run.ended and run.whole), same)
        return tuple(run for run in begun if run.run_id not in undone)

    def unfinished(self, command: tuple[str, ...], header: Header) -> tuple[records.Run, ...]:
        """Return the runs of this same command line and place since the last one that completed its plan, newest first,
        without undone ones and those of other processes: a repeated command continues them."""
        runs = self._unfinished(command, header)
        return tuple(run for run in runs if not run.running or run.run_id in self._begun)

    def done_before(self, command: tuple[str, ...], header: Header) -> tuple[Action, ...]:
        """Return the actions that the unfinished runs of this same command line and place have done."""
        runs = self._unfinished(command, header)
        return tuple(step.action for run in runs for step in run.steps if step.status is Status.DONE)

    def interrupted(self, command: tuple[str, ...], header: Header) -> tuple[Done, ...]:
        """Return the changes of interrupted runs of this same command line and place since its last run that ended, in
        order."""
        runs = takewhile(lambda run: not run.ended, self.unfinished(command, header))
        return tuple(done for run in reversed([*runs]) if run.cut_short for done in run.outcomes)

    def begin(
        self,
        command: tuple[str, ...],
        header: Header,
        now: datetime,
        plan: Sequence[Action] = (),
        *,
        undoes: str = "",
        accepted: Sequence[str] = (),
    ) -> records.Recorder:
        """Return the recorder of a new run. Its file is locked while the recorder is open. `accepted` are the unread
        parts that the user accepts, in words."""
        with records.usable(self.directory):
            make_private(self.directory)
            check_private(self.directory)
        run_id = self._next_id(now)
        descriptor = self._open(run_id, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._begun.append(run_id)
        recorder = records.Recorder(run_id, descriptor, self.directory, list(plan), self._kept)
        recorder.write(
            {
                "type": "run",
                "v": records.VERSION,
                "command": list(command),
                "callerArn": header.caller_arn,
                "account": header.account,
                "region": header.region,
                "cluster": header.cluster,
                "startedAt": utc(now),
                "undoes": undoes,
                "acceptedUnread": list(accepted),
                "first": self._begun[0],
                "plan": [records.action_record(action) for action in plan],
            }
        )
        with records.usable(self.directory):
            sync_directory(self.directory)
        return recorder

    def going_on(self, run_id: str) -> records.Recorder | None:
        """Return the open recorder of a run of this command."""
        return next((recorder for recorder in self._kept or () if recorder.run_id == run_id), None)

    @contextmanager
    def reopen(self, run_id: str) -> Iterator[tuple[records.Run, records.Recorder] | None]:
        """Yield an interrupted run as it is now, with a recorder for its missing outcomes; None while another process
        has it. The file is locked for the duration of the block."""
        with closing(records.Recorder(run_id, self._open(run_id, os.O_RDWR | os.O_APPEND), self.directory)) as recorder:
            try:
                fcntl.flock(recorder.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            run = self._parsed(run_id, recorder.drop_cut_line(), running=False)
            yield None if run is None else (run, recorder)

    def _ids(self) -> list[str]:
        """Return the ids, newest first."""
        with records.usable(self.directory):
            names = [path.name for path in self.directory.iterdir()]
        return sorted((name.removesuffix(".jsonl") for name in names if name.endswith(".jsonl")), reverse=True)

    def _next_id(self, now: datetime) -> str:
        """Return an id that sorts after all others, whatever the clock says."""
        latest = next((moment for name in self._ids() if (moment := _moment_of(name)) is not None), None)
        # ids have milliseconds
        if latest is not None and latest >= now.replace(microsecond=now.microsecond // 1000 * 1000):
            now = latest + timedelta(milliseconds=1)
        return f"{_stamp(now)}-{secrets.token_hex(3)}"

    def _open(self, run_id: str, flags: int) -> int:
        path = self.directory / f"{run_id}.jsonl"
        try:
            return open_own(path, flags)
        except OSError as error:
            raise records.unusable(self.directory, f"{path.name}: {error.strerror or type(error).__name__}") from error

    def _read(self, run_id: str) -> records.Run | None:
        descriptor = self._open(run_id, os.O_RDONLY)
        with os.fdopen(descriptor, "rb") as file:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
                running = False
            except BlockingIOError:
                running = True
            text = file.read()
        return self._parsed(run_id, text, running=running)

    def _parsed(self, run_id: str, text: bytes, *, running: bool) -> records.Run | None:
        path = self.directory / f"{run_id}.jsonl"
        try:
            lines = list(records.read_records(text))
            # killed before the head was written: nothing was changed
            if not lines:
                return None
            if records.member(lines[0], "v", int, records.VERSION) > records.VERSION:
                raise InvalidInput(
                    f"{path} was written by a newer version of podid",
                    advice="Use that version, or specify another directory with --journal-dir.",
                    subject=str(path),
                )
            return records.run_of(run_id, lines, running=running)
        except (ValueError, KeyError, RecursionError, Malformed) as error:
            raise InvalidInput(
                f"{path} is not a valid journal file",
                advice="Its unfinished changes are not known, so nothing was changed. Move the file away to continue "
                "without it, or specify another directory with --journal-dir.",
                subject=str(path),
            ) from error


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z"


def _moment_of(run_id: str) -> datetime | None:
    """Return the time in a run's id; None for other names, and for the last possible time."""
    try:
        moment = datetime.strptime(run_id.partition("-")[0], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment if moment.year < MAXYEAR else None


def _place_of(kind: str, header: Header) -> tuple[str, ...]:
    """Return where a resource of this kind is unique."""
    where = (header.account,)
    return where if kind_of(kind).account_wide else (*where, header.region, header.cluster)


def moment_of(text: str) -> datetime | None:
    """Return the time, None if it is not valid: nothing else in the journal depends on it."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


WAIT_SECONDS = 60.0


class Locks:
    """One empty file a lock, in a directory of the caller's own; the end of a process releases its locks. Without a
    writable directory there is no locking: writers read again after a write anyway."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory

    @contextmanager
    def held(self, name: str, subject: str, patience: Patience) -> Iterator[None]:
        """Hold the lock for the duration of the block. `name` is the file's, `subject` the locked resource in a
        sentence. Raise TimedOut if another process does not release it."""
        descriptor = None
        if self._directory is not None:
            with suppress(OSError):
                make_private(self._directory)
                descriptor = open_own(self._directory / f"{name}.lock", os.O_RDWR | os.O_CREAT)
        if descriptor is None:
            yield
            return
        try:
            wait_for(descriptor, subject, patience)
            yield
        finally:
            os.close(descriptor)


def wait_for(descriptor: int, subject: str, patience: Patience) -> None:
    """Lock an open file until it is closed. Raise as `Locks.held`."""
    for _ in patience.within(min(WAIT_SECONDS, patience.seconds)).rounds(0.05, longest=0.5):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            patience.say(f"waiting for another podid process on this machine, which is changing {subject}")
        except OSError:
            return  # a file system without locks
        else:
            return
    raise TimedOut(f"Another podid process on this machine is changing {subject} and has not finished", subject=subject)
