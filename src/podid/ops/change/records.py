"""The file format of the journal: runs, their steps, and how they are written and read. Invalid content raises
ValueError or KeyError."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, TypeVar

from podid.domain.errors import PodidError, UsageError
from podid.domain.foreign import check_depth
from podid.domain.plan import Action, Done, Header, State, Status
from podid.domain.text import utc
from podid.ops.change.kinds import kind_of

# of the file format
VERSION = 1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Step:
    """One action of a recorded run. `status` is None while its intent is open; `at` is when the outcome was known."""

    number: int
    action: Action
    status: Status | None
    after: State | None
    reason: str = ""
    at: str = ""

    @property
    def changed(self) -> bool:
        """Return whether the action changed something, also if it failed afterwards."""
        return self.status is not None and Done(self.action, self.status, self.after).changed


class RunStatus(StrEnum):
    """running: its process is alive. done, partial, failed: it ended. written: all changes were made, and the command
    was interrupted before it saw their effect. interrupted: before that. empty: no change was begun."""

    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    RUNNING = "running"
    WRITTEN = "written"
    INTERRUPTED = "interrupted"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A recorded run. `steps` were begun; `untried` were planned and never begun. `undoes` is the id of the run that it
    undid. `running`: its process is alive; `ended`: it finished. `reported`: a later run has reported why it did not
    end."""

    run_id: str
    command: tuple[str, ...]
    header: Header
    started_at: str
    steps: tuple[Step, ...]
    untried: tuple[Action, ...] = ()
    undoes: str = ""
    # the first run of the command line, which may make one in each of several clusters
    first: str = ""
    # the unread parts that the user accepted, in words
    accepted: tuple[str, ...] = ()
    running: bool = False
    ended: bool = False
    reported: bool = False
    # later runs that undid it, and that continued it after an interruption
    undone_by: str = ""
    continued_by: str = ""

    @property
    def changed(self) -> tuple[Step, ...]:
        """Return the steps that changed something lasting, or may have."""
        return tuple(
            step
            for step in self.steps
            if (step.changed or step.status is None) and not kind_of(step.action.kind).passing
        )

    @property
    def outcomes(self) -> tuple[Done, ...]:
        """Return the outcomes of the changes, without those that are not known."""
        return tuple(Done(step.action, step.status, step.after) for step in self.changed if step.status)

    @property
    def open_steps(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.status is None)

    @property
    def cut_short(self) -> bool:
        """Return whether its process is gone and the run never ended."""
        return not self.running and not self.ended

    @property
    def whole(self) -> bool:
        """Return whether all planned actions are done or were unnecessary."""
        return not self.untried and all(step.status in (Status.DONE, Status.UNCHANGED) for step in self.steps)

    @property
    def status(self) -> RunStatus:
        if self.running:
            return RunStatus.RUNNING
        if not self.steps:
            return RunStatus.EMPTY
        if self.open_steps or (self.cut_short and not self.whole):
            return RunStatus.INTERRUPTED
        if self.whole:
            effect = any(kind_of(step.action.kind).takes_effect for step in self.steps)
            return RunStatus.WRITTEN if self.cut_short and effect else RunStatus.DONE
        return RunStatus.PARTIAL if any(step.changed for step in self.steps) else RunStatus.FAILED


def read_records(text: bytes) -> Iterator[dict[str, Any]]:
    """Raise ValueError for invalid JSON, Malformed for JSON that is nested too deeply to be written again. An
    incomplete last line is ignored: the process was killed before it acted on it."""
    for line in text.split(b"\n")[:-1]:
        record = json.loads(line)
        if not isinstance(record, dict):
            raise ValueError("no object")
        check_depth(record, "a line")
        yield record


def member(record: dict[str, Any], name: str, kind: type[T], *default: T) -> T:
    """Return the member. Raise KeyError if it is missing and there is no default, ValueError for another type."""
    value = record.get(name, *default) if default else record[name]
    if not isinstance(value, kind):
        raise ValueError(f"{name} is not a {kind.__name__}")
    return value


def _state(record: dict[str, Any], name: str) -> State | None:
    return None if record[name] is None else member(record, name, dict)


def run_of(run_id: str, records: list[dict[str, Any]], *, running: bool) -> Run:
    head = records[0]
    if head["type"] != "run":
        raise ValueError("the head is missing")
    command = member(head, "command", list)
    if not all(isinstance(word, str) for word in command):
        raise ValueError("command is not a list of words")
    planned = dict(enumerate(action_of(item) for item in member(head, "plan", list, [])))
    begun: dict[int, Action] = {}
    outcomes: dict[int, dict[str, Any]] = {}
    for record in records:
        if record["type"] == "intent":
            number = member(record, "number", int)
            # an action that was planned again has another intent, which replaces the first
            begun[number] = action_of(record)
            outcomes.pop(number, None)
        elif record["type"] == "outcome":
            outcomes[member(record, "number", int)] = record
    # unchanged actions have an outcome without an intent
    begun |= {number: planned[number] for number in outcomes.keys() - begun.keys()}
    types = {member(record, "type", str) for record in records}
    return Run(
        run_id=run_id,
        command=tuple(command),
        header=Header(
            caller_arn=member(head, "callerArn", str),
            account=member(head, "account", str),
            region=member(head, "region", str),
            cluster=member(head, "cluster", str),
        ),
        started_at=member(head, "startedAt", str),
        steps=tuple(_step(number, action, outcomes.get(number)) for number, action in sorted(begun.items())),
        untried=tuple(action for number, action in planned.items() if number not in begun),
        undoes=member(head, "undoes", str, ""),
        first=member(head, "first", str, ""),
        accepted=tuple(map(str, member(head, "acceptedUnread", list, []))),
        running=running,
        ended="end" in types,
        reported="told" in types,
    )


def action_record(action: Action) -> dict[str, Any]:
    """Return the action as the journal stores it."""
    return {"kind": action.kind, "before": action.before, "after": action.after, "note": action.note}


def action_of(record: object) -> Action:
    """Return a recorded action. Raise ValueError for another form."""
    if not isinstance(record, dict):
        raise ValueError("an action is not an object")
    kind = kind_of(member(record, "kind", str))
    return kind.action(_state(record, "before"), _state(record, "after"), member(record, "note", str, ""))


def _step(number: int, action: Action, outcome: dict[str, Any] | None) -> Step:
    if outcome is None:
        return Step(number, action, None, None)
    reason, at = member(outcome, "reason", str, ""), member(outcome, "at", str, "")
    return Step(number, action, Status(member(outcome, "status", str)), _state(outcome, "after"), reason, at)


@dataclass(eq=False, slots=True)
class Recorder:
    """Writes one run, from any number of threads. Each line is on disk before the method returns."""

    run_id: str
    descriptor: int
    directory: Path
    plan: list[Action] = field(default_factory=list)
    kept: "list[Recorder] | None" = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the run. A kept recorder ends with its command. After a bug or Ctrl-C the run has no end."""
        if kind is not None and not issubclass(kind, PodidError):
            self.close()
        elif self.kept is None:
            self.end()
        elif self not in self.kept:
            self.kept.append(self)

    def number(self, action: Action) -> int:
        """Return the action's index in the plan. Append an action that was not planned, such as a second change of the
        same resource."""
        change = (action.kind, action.before, action.after)
        numbers = [number for number, item in enumerate(self.plan) if (item.kind, item.before, item.after) == change]
        if not numbers:
            self.plan.append(action)
        return numbers[0] if numbers else len(self.plan) - 1

    def end(self) -> None:
        """Record that the run ended."""
        with suppress(PodidError):  # the changes are made and reported
            self.write({"type": "end"})
        self.close()

    def close(self) -> None:
        with self._lock:  # a late thread must not write to a reused descriptor
            if self.descriptor >= 0:
                os.close(self.descriptor)
                self.descriptor = -1

    def intent(self, number: int, action: Action) -> None:
        self.write({"type": "intent", "number": number, **action_record(action)})

    def outcome(self, number: int, done: Done, at: datetime | None = None) -> None:
        record = {"type": "outcome", "number": number, "status": done.status, "after": done.after}
        self.write({**record, "reason": done.reason, **({"at": utc(at)} if at is not None else {})})

    def drop_cut_line(self) -> bytes:
        """Remove an incomplete last line, which a crash leaves, and return the rest."""
        size = os.fstat(self.descriptor).st_size
        data = os.pread(self.descriptor, size, 0)
        whole = data.rfind(b"\n") + 1
        os.ftruncate(self.descriptor, whole)
        return data[:whole]

    def write(self, record: dict[str, Any]) -> None:
        line = json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n"
        data = line.encode()
        with usable(self.directory), self._lock:
            while data:
                data = data[os.write(self.descriptor, data) :]
            os.fsync(self.descriptor)


@contextmanager
def usable(directory: Path) -> Iterator[None]:
    """Raise UsageError, which names the directory, for an OSError in the block."""
    try:
        yield
    except OSError as error:
        raise unusable(directory, error) from error


def unusable(directory: Path, error: OSError | str) -> UsageError:
    why = error if isinstance(error, str) else error.strerror or type(error).__name__
    return UsageError(
        f"Journal directory {directory} cannot be used: {why}",
        advice="podid records each change before it makes it. Specify another directory with --journal-dir.",
        subject=str(directory),
    )
