"""The form of a journal file, read: the run and its steps. What is of another form is a ValueError or a KeyError."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from podid.domain.foreign import check_depth
from podid.domain.plan import Action, Header, State, Status
from podid.ops.change.kinds import kind_of

# of the format; one file is read by every podid that knows its version
VERSION = 1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Step:
    """One action of a recorded run. `status` is None while its intent is open; `at` is when its outcome was known."""

    number: int
    action: Action
    status: Status | None
    after: State | None
    reason: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A recorded run. `undoes` names the run that it undid; `running` is true while its process lives. `planned` is how
    many steps it was to have, its restarts together being one, and `restarted` whether it came to them. `part_of` is
    the run of the same command whose changes its restarts are for."""

    run_id: str
    command: tuple[str, ...]
    header: Header
    started_at: str
    steps: tuple[Step, ...]
    undoes: str = ""
    part_of: str = ""
    running: bool = False
    planned: int = 0
    restarted: bool = False

    @property
    def untried(self) -> int:
        """How many of the planned steps were never begun."""
        return max(self.planned - len(self.steps) - self.restarted, 0)

    @property
    def passing(self) -> bool:
        """Whether nothing that it did outlasted it."""
        return bool(self.steps) and all(kind_of(step.action.kind).passing for step in self.steps)

    @property
    def open_steps(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.status is None)


def read_records(text: bytes) -> Iterator[dict[str, Any]]:
    """Raises ValueError for what is no JSON, Malformed for what is nested so deeply that it could not be written again.
    A last line without its end was cut short by a crash, before anything was done about it."""
    for line in text.split(b"\n")[:-1]:
        record = json.loads(line)
        if not isinstance(record, dict):
            raise ValueError("no object")
        check_depth(record, "a line")
        yield record


def member(record: dict[str, Any], name: str, kind: type[T], *default: T) -> T:
    """The member. KeyError where it is missing and there is no default, ValueError where it is something else."""
    value = record.get(name, *default) if default else record[name]
    if not isinstance(value, kind):
        raise ValueError(f"{name} is no {kind.__name__}")
    return value


def _state(record: dict[str, Any], name: str) -> State | None:
    return None if record[name] is None else member(record, name, dict)


def run_of(run_id: str, records: list[dict[str, Any]], *, running: bool) -> Run:
    head = records[0]
    if head["type"] != "run":
        raise ValueError("the head is missing")
    command = member(head, "command", list)
    if not all(isinstance(word, str) for word in command):
        raise ValueError("command is no list of words")
    intents, outcomes = _intents_and_outcomes(records)
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
        undoes=member(head, "undoes", str, ""),
        part_of=member(head, "partOf", str, ""),
        running=running,
        planned=member(head, "planned", int, 0),
        restarted=any(record["type"] == "restarts" for record in records),
        steps=tuple(_step(intent, outcomes.get(number)) for number, intent in sorted(intents.items())),
    )


def _intents_and_outcomes(
    records: list[dict[str, Any]],
) -> tuple[dict[int, dict[str, Any]], dict[int, dict[str, Any]]]:
    """By number. An action that was planned anew has a further intent, which takes the place of what came before."""
    intents: dict[int, dict[str, Any]] = {}
    outcomes: dict[int, dict[str, Any]] = {}
    for record in records:
        if record["type"] == "intent":
            number = member(record, "number", int)
            intents[number] = record
            outcomes.pop(number, None)
        elif record["type"] == "outcome":
            outcomes[member(record, "number", int)] = record
    return intents, outcomes


def _step(intent: dict[str, Any], outcome: dict[str, Any] | None) -> Step:
    kind, number = kind_of(member(intent, "kind", str)), intent["number"]
    action = kind.action(_state(intent, "before"), _state(intent, "after"), member(intent, "note", str, ""))
    if outcome is None:
        return Step(number, action, None, None)
    status = Status(member(outcome, "status", str))
    reason, at = member(outcome, "reason", str, ""), member(outcome, "at", str, "")
    return Step(number, action, status, _state(outcome, "after"), reason, at)
