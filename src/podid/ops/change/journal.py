"""What podid changed, written down before it is done.

One file a run, one JSON object a line: a `run` head, then for each action an `intent` (fsynced before the call) and an
`outcome`, and an `end`. A run that was killed has no end, and may have an intent without an outcome; the next run
settles it by reading. Files are the caller's own: directory 0700, files 0600, never through a symlink.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import MAXYEAR, UTC, datetime, timedelta
from pathlib import Path

from podid.calls.patience import Patience
from podid.domain.errors import InvalidInput, NotFound, Other, TimedOut
from podid.domain.foreign import Malformed
from podid.domain.plan import Action, Header, State, Status, Verb
from podid.domain.text import utc
from podid.local.files import check_private, make_private, open_own, sync_directory
from podid.ops.change.records import (
    VERSION,
    Recorder,
    Run,
    Step,
    action_record,
    member,
    read_records,
    run_of,
    unusable,
    usable,
)

# of an id: as many as its end has, which is by chance
SHORTEST_ID = 6


class Journal:
    """A directory of runs. Raises UsageError when it cannot be used, which names the remedy. `locks` are those of the
    machine, whichever journal is written. With `kept` a recorder stays open once its changes are made, and is put
    there: the run ends with its command."""

    def __init__(self, directory: Path, locks: Locks | None = None, kept: list[Recorder] | None = None) -> None:
        self.directory = directory
        self.locks = locks or Locks()
        self._kept = kept

    def runs(self, since: datetime | None = None) -> tuple[Run, ...]:
        """All runs, newest first, or those that were begun a day before `since` or later. A file that is not a journal
        is named in the error, never skipped."""
        runs, unread = self.legible(since)
        if unread:
            raise unread[0]
        return runs

    def legible(self, since: datetime | None = None) -> tuple[tuple[Run, ...], tuple[InvalidInput, ...]]:
        """The runs that can be read, newest first, and of each damaged file what is wrong: for who only reads. A file
        that others may write to is refused here too."""
        oldest = _stamp(since - timedelta(days=1)) if since is not None else ""
        runs, unread = list[Run](), list[InvalidInput]()
        for name in self._ids() if self._exists() else ():
            try:
                if name >= oldest and (run := self._read(name)) is not None:
                    runs.append(run)
            except InvalidInput as error:
                unread.append(error)
        return tuple(runs), tuple(unread)

    def get(self, run_id: str) -> Run:
        """A run by its id, by its beginning or by its end, six characters at least, where only one has it; `last` is
        the newest one that there is something of to undo, and is no undo itself. Raises what is wrong with any file,
        as `runs`."""
        return self._chosen(run_id, self.runs())

    def peek(self, run_id: str) -> Run:
        """As `get`, for who only looks: a file that cannot be read hides no run but the one that is in it. The last
        one is not known without it."""
        runs, unread = self.legible()
        if unread and run_id == "last":
            raise unread[0]
        try:
            return self._chosen(run_id, runs)
        except NotFound:
            if unread:
                raise unread[0] from None
            raise

    def _chosen(self, run_id: str, runs: tuple[Run, ...]) -> Run:
        if run_id == "last":
            for run in runs:
                if run.changed and not run.undoes:
                    return run
            raise NotFound("The journal holds no run that can be undone", subject=str(self.directory))
        if len(run_id) < SHORTEST_ID:
            rule = f"write at least {SHORTEST_ID} characters of it, or 'last'"
            message = f"{run_id!r} is too short for a run's id: {rule}"
            raise InvalidInput(message, hint=Other(("history",)), subject=run_id)
        matching = [run for run in runs if run.run_id.startswith(run_id) or run.run_id.endswith(run_id)]
        if len(matching) > 1:
            raise InvalidInput(f"{run_id!r} names {len(matching)} runs; write more of it", hint=Other(("history",)))
        if not matching:
            raise NotFound(f"No run {run_id!r} in the journal", hint=Other(("history",)), subject=run_id)
        return matching[0]

    def made(self, account: str, kind: str, keys: Mapping[str, str], *, role_id: str = "") -> bool:
        """Whether a run recorded here created the resource (and no later one deleted it); of a role with this id, where
        the run recorded one."""
        state = self.last_made(account, kind, keys)
        return state is not None and role_id in ("", state.get("roleId", role_id))

    def last_made(self, account: str, kind: str, keys: Mapping[str, str]) -> State | None:
        """The resource as the newest run that is recorded here created it; None where none did, or deleted it since."""
        for run in self.runs():
            for step in reversed(run.steps):
                same = (step.action.kind, step.action.keys) == (kind, keys) and run.header.account == account
                if same and step.status is Status.DONE and step.action.verb in (Verb.CREATE, Verb.DELETE):
                    return None if step.action.after is None else step.after or step.action.after
        return None

    def steps_since(
        self, account: str, kinds: Collection[str], since: datetime
    ) -> tuple[tuple[Run, Step, datetime], ...]:
        """The steps on resources of these kinds that changed them at `since` or later, each with its run and the time,
        in no order. A step that was cut short counts with the start of its run."""
        return tuple(
            (run, step, moment)
            for run in self.runs(since)
            for step in run.steps
            if step.action.kind in kinds
            and run.header.account == account
            and step.status in (Status.DONE, None)
            and (moment := _moment(step.at or run.started_at)) is not None
            and moment >= since
        )

    def half_made(self, account: str, keys: Mapping[str, str]) -> bool:
        """Whether the newest run that is recorded here and changed something of the resource, or of what hangs on it
        and carries its keys, did not come to its end."""
        for run in self.runs():
            about = [step for step in run.steps if keys.items() <= step.action.keys.items()]
            if about and run.header.account == account:
                return not run.whole
        return False

    def done_before(self, command: tuple[str, ...], header: Header) -> tuple[Action, ...]:
        """What runs of this very command line, at this place, have done until now that were cut short one after the
        other: to go on with it is to count that as done."""
        actions: list[Action] = []
        for run in self.runs():
            if run.command != command or replace(run.header, caller_arn="") != replace(header, caller_arn=""):
                continue
            if run.ended:
                break
            actions += [step.action for step in run.steps if step.status is Status.DONE]
        return tuple(actions)

    def begin(
        self, command: tuple[str, ...], header: Header, now: datetime, plan: Sequence[Action] = (), *, undoes: str = ""
    ) -> Recorder:
        """A new run's recorder; the file is locked for as long as the recorder is open. For the rest see `Run`."""
        with usable(self.directory):
            make_private(self.directory)
        self._exists()
        run_id = self._next_id(now)
        descriptor = self._open(run_id, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        recorder = Recorder(run_id, descriptor, self.directory, list(plan), self._kept)
        recorder.write(
            {
                "type": "run",
                "v": VERSION,
                "command": list(command),
                "callerArn": header.caller_arn,
                "account": header.account,
                "region": header.region,
                "cluster": header.cluster,
                "startedAt": utc(now),
                "undoes": undoes,
                "plan": [action_record(action) for action in plan],
            }
        )
        with usable(self.directory):
            sync_directory(self.directory)
        return recorder

    def going_on(self, run_id: str) -> Recorder | None:
        """The recorder of a run of this command, which more is to be written to."""
        return next((recorder for recorder in self._kept or () if recorder.run_id == run_id), None)

    @contextmanager
    def reopen(self, run_id: str) -> Iterator[tuple[Run, Recorder] | None]:
        """A run whose process is gone, as it is now, with a recorder for the outcomes that it lacks; None when another
        process has it at this very moment. It is locked for as long as the block lasts."""
        with closing(Recorder(run_id, self._open(run_id, os.O_RDWR | os.O_APPEND), self.directory)) as recorder:
            try:
                fcntl.flock(recorder.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            run = self._parsed(run_id, recorder.drop_cut_line(), running=False)
            yield None if run is None else (run, recorder)

    def _ids(self) -> list[str]:
        """Newest first."""
        with usable(self.directory):
            names = [path.name for path in self.directory.iterdir()]
        return sorted((name.removesuffix(".jsonl") for name in names if name.endswith(".jsonl")), reverse=True)

    def _next_id(self, now: datetime) -> str:
        """Ids are in the order in which runs began, whatever the clock says: a run comes after all that are there."""
        latest = next((moment for name in self._ids() if (moment := _moment_of(name)) is not None), None)
        # without what is less than a millisecond
        if latest is not None and latest >= now.replace(microsecond=now.microsecond // 1000 * 1000):
            now = latest + timedelta(milliseconds=1)
        return f"{_stamp(now)}-{secrets.token_hex(3)}"

    def _exists(self) -> bool:
        """Whether there is a journal. What it says is trusted, so it must be the caller's own, for reading as well."""
        with usable(self.directory):
            return check_private(self.directory)

    def _open(self, run_id: str, flags: int) -> int:
        path = self.directory / f"{run_id}.jsonl"
        try:
            return open_own(path, flags)
        except OSError as error:
            raise unusable(self.directory, f"{path.name}: {error.strerror or type(error).__name__}") from error

    def _read(self, run_id: str) -> Run | None:
        descriptor = self._open(run_id, os.O_RDONLY)
        with os.fdopen(descriptor, "rb") as file:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
                running = False
            except BlockingIOError:
                running = True
            text = file.read()
        return self._parsed(run_id, text, running=running)

    def _parsed(self, run_id: str, text: bytes, *, running: bool) -> Run | None:
        path = self.directory / f"{run_id}.jsonl"
        try:
            records = list(read_records(text))
            # killed between creating the file and writing its head: no intent was written, so nothing was done
            if not records:
                return None
            if member(records[0], "v", int, VERSION) > VERSION:
                raise InvalidInput(
                    f"{path} was written by a newer podid",
                    advice="Use that one, or give another place with --journal-dir.",
                    subject=str(path),
                )
            return run_of(run_id, records, running=running)
        except (ValueError, KeyError, RecursionError, Malformed) as error:
            raise InvalidInput(
                f"{path} is not a journal file, or it is damaged",
                advice="What it left open is not known, so nothing is changed: move it away to go on without what it "
                "recorded, or give another place with --journal-dir.",
                subject=str(path),
            ) from error


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z"


def _moment_of(run_id: str) -> datetime | None:
    """The moment in a run's id; None for a name that is none, or after which there is no other."""
    try:
        moment = datetime.strptime(run_id.partition("-")[0], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment if moment.year < MAXYEAR else None


def _moment(text: str) -> datetime | None:
    """The time, None for what is none: nothing else in the journal depends on it."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


WAIT_SECONDS = 60.0


class Locks:
    """One file a lock, empty, in a directory of the caller's own; a process that dies gives its locks back. Without a
    directory, or where it cannot be written, everybody goes ahead: who writes looks again afterwards all the same."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory

    @contextmanager
    def held(self, name: str, subject: str, patience: Patience) -> Iterator[None]:
        """Alone among the processes of this machine for as long as the block lasts. `name` is a file's, `subject` the
        thing in a sentence. Raises TimedOut where another process does not let go of it."""
        descriptor = self._open(name)
        if descriptor is None:
            yield
            return
        try:
            wait_for(descriptor, subject, patience)
            yield
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int | None:
        if self._directory is None:
            return None
        with suppress(OSError):
            make_private(self._directory)
            return open_own(self._directory / f"{name}.lock", os.O_RDWR | os.O_CREAT)
        return None


def wait_for(descriptor: int, subject: str, patience: Patience) -> None:
    """Waits for the lock of an open file, which goes with its descriptor. Raises as `Locks.held`."""
    for _ in patience.within(min(WAIT_SECONDS, patience.seconds)).rounds(0.05, longest=0.5):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            patience.say(f"another podid on this machine is changing {subject}; waiting for it")
        except OSError:
            return  # a file system without locks: everybody goes ahead
        else:
            return
    raise TimedOut(f"Another podid on this machine is changing {subject} and does not finish", subject=subject)
