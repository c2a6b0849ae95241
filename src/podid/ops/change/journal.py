"""What podid changed, written down before it is done.

One file a run, one JSON object a line: a `run` head, then for each action an `intent` (fsynced before the call) and an
`outcome`. A run that was killed leaves an intent without an outcome; the next run settles it by reading. Files are the
caller's own: directory 0700, files 0600, never through a symlink.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from podid.domain.errors import InvalidInput, NotFound, Other, UsageError
from podid.domain.foreign import Malformed
from podid.domain.plan import Action, Done, Header, Status
from podid.domain.words import utc
from podid.local.files import check_private, make_private, open_own, sync_directory
from podid.ops.change.locks import Locks
from podid.ops.change.records import VERSION, Run, Step, member, read_records, run_of


class Journal:
    """A directory of runs. Raises UsageError when it cannot be used, which names the remedy. `locks` are those of the
    machine, whichever journal is written."""

    def __init__(self, directory: Path, locks: Locks | None = None) -> None:
        self.directory = directory
        self.locks = locks or Locks()

    def runs(self, since: datetime | None = None) -> tuple[Run, ...]:
        """All runs, newest first, or those that were begun a day before `since` or later. A file that is not a journal
        is named in the error, never skipped."""
        if not self._exists():
            return ()
        oldest = _stamp(since - timedelta(days=1)) if since is not None else ""
        return tuple(run for name in self._ids() if name >= oldest and (run := self._read(name)) is not None)

    def legible(self) -> tuple[tuple[Run, ...], tuple[InvalidInput, ...]]:
        """The runs that can be read, newest first, and of each damaged file what is wrong: for who only looks. A file
        that others may write to is refused here too."""
        runs, unread = list[Run](), list[InvalidInput]()
        for name in self._ids() if self._exists() else ():
            try:
                run = self._read(name)
            except InvalidInput as error:
                unread.append(error)
            else:
                runs += [run] if run is not None else []
        return tuple(runs), tuple(unread)

    def get(self, run_id: str) -> Run:
        """A run by its id, by its beginning or by its end, where only one has it; `last` is the newest one that changed
        something for longer than it took, and is neither an undo nor the restarts of another one. Raises what is wrong
        with any file, as `runs`."""
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
            wanted = [run for run in runs if not (run.undoes or run.part_of or run.passing)]
            if not wanted:
                raise NotFound("The journal holds no run yet", subject=str(self.directory))
            return wanted[0]
        found = [run for run in runs if run.run_id.startswith(run_id) or run.run_id.endswith(run_id)] if run_id else []
        if len(found) > 1:
            raise InvalidInput(f"{run_id!r} names {len(found)} runs; write more of it", hint=Other(("history",)))
        if not found:
            raise NotFound(f"No run {run_id!r} in the journal", hint=Other(("history",)), subject=run_id)
        return found[0]

    def made(self, account: str, kind: str, keys: Mapping[str, str]) -> bool:
        """Whether a run recorded here created the resource (and no later one deleted it)."""
        made = False
        for run in reversed(self.runs()):
            for step in run.steps:
                same = (step.action.kind, step.action.keys) == (kind, keys) and run.header.account == account
                if same and step.status is Status.DONE:
                    made = step.action.after is not None
        return made

    def changed_since(
        self, account: str, kinds: Collection[str], since: datetime
    ) -> tuple[tuple[Mapping[str, str], datetime], ...]:
        """The keys of the resources of these kinds that runs recorded here changed at `since` or later, each with the
        time, in no order."""
        return tuple((step.action.keys, moment) for _, step, moment in self.steps_since(account, kinds, since))

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
                ended = {Status.DONE, Status.UNCHANGED}
                return bool(run.untried) or any(step.status not in ended for step in run.steps)
        return False

    def begin(
        self,
        command: tuple[str, ...],
        header: Header,
        now: datetime,
        *,
        undoes: str = "",
        part_of: str = "",
        planned: int = 0,
    ) -> Recorder:
        """A new run's recorder; the file is locked for as long as the recorder is open. For the rest see `Run`."""
        self._prepare()
        run_id = self._next_id(now)
        descriptor = self._open(run_id, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        recorder = Recorder(run_id, descriptor, self.directory)
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
                "partOf": part_of,
                "planned": planned,
            }
        )
        try:
            sync_directory(self.directory)
        except OSError as error:
            raise _unusable(self.directory, error) from error
        return recorder

    @contextmanager
    def reopen(self, run_id: str) -> Iterator[tuple[Run, Recorder] | None]:
        """A run whose process is gone, as it is now, with a recorder for the outcomes that it lacks; None when another
        process has it at this very moment. It is locked for as long as the block lasts."""
        with Recorder(run_id, self._open(run_id, os.O_RDWR | os.O_APPEND), self.directory) as recorder:
            try:
                fcntl.flock(recorder.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            run = self._parsed(run_id, recorder.drop_cut_line(), running=False)
            yield None if run is None else (run, recorder)

    def restarts_begun(self, run_id: str) -> None:
        """Notes that a run came to the restarts that it planned; what becomes of them is in a run of their own."""
        with self.reopen(run_id) as opened:
            if opened is not None:
                opened[1].write({"type": "restarts"})

    def _ids(self) -> list[str]:
        """Newest first."""
        try:
            found = [path.name for path in self.directory.iterdir()]
        except OSError as error:
            raise _unusable(self.directory, error) from error
        return sorted((name.removesuffix(".jsonl") for name in found if name.endswith(".jsonl")), reverse=True)

    def _next_id(self, now: datetime) -> str:
        """Ids sort by time, and one command may make several runs in a millisecond: `last` must mean the last."""
        soon = _stamp(now + timedelta(seconds=1))
        newest = max((name for name in self._ids() if name < soon), default="")
        while (stamp := _stamp(now)) <= newest[: len(soon)]:
            now += timedelta(milliseconds=1)
        return f"{stamp}-{secrets.token_hex(3)}"

    def _prepare(self) -> None:
        try:
            make_private(self.directory)
        except OSError as error:
            raise _unusable(self.directory, error) from error
        self._exists()

    def _exists(self) -> bool:
        """Whether there is a journal. What it says is trusted, so it must be the caller's own, for reading as well."""
        try:
            return check_private(self.directory)
        except OSError as error:
            raise _unusable(self.directory, error) from error

    def _open(self, run_id: str, flags: int) -> int:
        path = self.directory / f"{run_id}.jsonl"
        try:
            return open_own(path, flags)
        except OSError as error:
            raise _unusable(self.directory, f"{path.name}: {error.strerror or type(error).__name__}") from error

    def _read(self, run_id: str) -> Run | None:
        descriptor = self._open(run_id, os.O_RDONLY)
        with os.fdopen(descriptor, "rb") as file:
            running = _locked(file.fileno())
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


class Recorder:
    """Writes one run, from any number of threads. Every line is on disk before the method returns."""

    def __init__(self, run_id: str, descriptor: int, directory: Path) -> None:
        self.run_id = run_id
        self._directory = directory
        self.descriptor = descriptor
        self._lock = threading.Lock()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:  # a thread that is late must not write into whatever has the number next
            if self.descriptor >= 0:
                os.close(self.descriptor)
                self.descriptor = -1

    def intent(self, number: int, action: Action) -> None:
        self.write(
            {
                "type": "intent",
                "number": number,
                "kind": action.kind,
                "before": action.before,
                "after": action.after,
                "note": action.note,
            }
        )

    def outcome(self, number: int, done: Done, at: datetime | None = None) -> None:
        record = {"type": "outcome", "number": number, "status": done.status, "after": done.after}
        self.write({**record, "reason": done.reason, **({"at": utc(at)} if at is not None else {})})

    def drop_cut_line(self) -> bytes:
        """A crash in the middle of a line leaves half of it; what is appended must not join on to that. Returns what
        is left."""
        size = os.fstat(self.descriptor).st_size
        data = os.pread(self.descriptor, size, 0)
        whole = data.rfind(b"\n") + 1
        os.ftruncate(self.descriptor, whole)
        return data[:whole]

    def write(self, record: dict[str, Any]) -> None:
        line = json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n"
        data = line.encode()
        try:
            with self._lock:
                while data:
                    data = data[os.write(self.descriptor, data) :]
                os.fsync(self.descriptor)
        except OSError as error:
            raise _unusable(self._directory, error) from error


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z"


def _unusable(directory: Path, error: OSError | str) -> UsageError:
    why = error if isinstance(error, str) else error.strerror or type(error).__name__
    return UsageError(
        f"The journal directory {directory} cannot be used: {why}",
        advice="podid writes down each change before it makes it; give another place with --journal-dir.",
        subject=str(directory),
    )


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _moment(text: str) -> datetime | None:
    """The time, None for what is none: nothing else in the journal depends on it."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
