"""How a run is written down."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from podid.domain.errors import PodidError, UsageError
from podid.domain.plan import Action, Done
from podid.domain.text import utc
from podid.ops.change.records import action_record


class Recorder:
    """Writes one run, from any number of threads. Every line is on disk before the method returns."""

    def __init__(
        self,
        run_id: str,
        descriptor: int,
        directory: Path,
        plan: Sequence[Action] = (),
        kept: list[Recorder] | None = None,
    ) -> None:
        self.run_id = run_id
        self._directory = directory
        self.descriptor = descriptor
        self._plan = list(plan)
        self._kept = kept
        self._lock = threading.Lock()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """One that is kept ends with its command; one that is left by a bug or by Ctrl-C has no end."""
        if kind is not None and not issubclass(kind, PodidError):
            self.close()
        elif self._kept is None:
            self.end()
        elif self not in self._kept:
            self._kept.append(self)

    def number(self, action: Action) -> int:
        """The action's place in the plan, at the end of it where it was not planned."""
        which = (action.kind, action.target)
        numbers = [number for number, item in enumerate(self._plan) if (item.kind, item.target) == which]
        if not numbers:
            self._plan.append(action)
        return numbers[0] if numbers else len(self._plan) - 1

    def end(self) -> None:
        """The run has come to its end, whatever became of it."""
        with suppress(PodidError):  # it is made, and told
            self.write({"type": "end"})
        self.close()

    def close(self) -> None:
        with self._lock:  # a thread that is late must not write into whatever has the number next
            if self.descriptor >= 0:
                os.close(self.descriptor)
                self.descriptor = -1

    def intent(self, number: int, action: Action) -> None:
        self.write({"type": "intent", "number": number, **action_record(action)})

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
            raise unusable(self._directory, error) from error


def unusable(directory: Path, error: OSError | str) -> UsageError:
    why = error if isinstance(error, str) else error.strerror or type(error).__name__
    return UsageError(
        f"The journal directory {directory} cannot be used: {why}",
        advice="podid writes down each change before it makes it; give another place with --journal-dir.",
        subject=str(directory),
    )
