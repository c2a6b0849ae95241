"""What the world looks like to a command: streams, environment, clocks, questions, and clients built when asked for.

Nothing here is taken from the process at import time, so a test hands in its own.
"""

import errno
import io
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pathlib import Path

    from podid.calls.deadline import Deadline
    from podid.cli.prompts import Prompter
    from podid.ops.change.records import Recorder
    from podid.ops.change.settle import Settled
    from podid.render.screen import Screen
    from podid.render.view import View


@dataclass(slots=True)
class Streams:
    """stdout is data, stderr is everything else. Whether each is a terminal is decided once."""

    stdin: IO[str]
    stdout: IO[str]
    stderr: IO[str]
    stdin_tty: bool
    stdout_tty: bool
    stderr_tty: bool
    width: int = 80
    # 0 is unknown: then nothing that was written is drawn again
    height: int = 0
    # stdout for text that a CI runner is meant to obey
    obeyed: IO[str] | None = None

    def defuse(self) -> None:
        """For a run in a CI runner that obeys what it reads."""
        self.obeyed = self.stdout
        self.stdout, self.stderr = (cast("IO[str]", _Defused(stream)) for stream in (self.stdout, self.stderr))

    @classmethod
    def of_process(cls) -> "Streams":
        for stream in (sys.stdout, sys.stderr):  # in a terminal of another encoding a mark is an escape, not an error
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        size = shutil.get_terminal_size()
        return cls(
            stdin=sys.stdin or io.StringIO(),
            stdout=sys.stdout or _Closed(),
            stderr=sys.stderr or _Closed(),
            stdin_tty=_is_tty(sys.stdin),
            stdout_tty=_is_tty(sys.stdout),
            stderr_tty=_is_tty(sys.stderr),
            width=size.columns,
            height=size.lines,
        )


class _Closed(io.StringIO):
    """Stands in for a stream that the shell closed (`>&-`), which Python gives as None."""

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


class _Defused:
    """A stream that a CI runner reads: no text can begin a line with one of its commands."""

    def __init__(self, stream: IO[str]) -> None:
        from podid.render.sanitize import defused

        self._stream = stream
        self._fresh = True
        self._defuse = defused

    def write(self, text: str) -> int:
        self._stream.write(self._defuse(text, fresh=self._fresh))
        _, end, last = text.replace("\r", "\n").rpartition("\n")
        self._fresh = not last.strip() and (self._fresh or bool(end))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def abandon(stream: IO[str]) -> None:
    """Nothing that is still in the stream's buffer can be written: without this Python fails on it once more while
    shutting down, with a complaint and a code of its own."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _is_tty(stream: IO[str] | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


class Instead(Exception):
    """Raised by a command that asked what it is to do: `argv` says it without questions, and is to be carried out.
    `lines` are for stderr, as they are, once that went well."""

    def __init__(self, argv: tuple[str, ...], lines: tuple[str, ...]) -> None:
        super().__init__(argv)
        self.argv = argv
        self.lines = lines


@dataclass(slots=True)
class Runtime:
    """One per process, or one per test. `prompter` is None where nobody can be asked."""

    streams: Streams
    env: Mapping[str, str]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    argv: tuple[str, ...] = ()
    # set when something may have been changed: what an interruption has to say depends on it
    changing: bool = False
    # how many of how many steps are done, where they are many
    counted: tuple[int, int] = (0, 0)
    # what this run found of earlier ones that were interrupted, until a result or an error has said it
    settled: "Settled | None" = None
    # of the runs that this command has begun and not ended
    recorders: "list[Recorder]" = field(default_factory=list)
    # the AWS account, once it is known: a terminal shows short names of what is in it
    account: str = ""
    # seconds in which a person was asked: no command is late for them
    answering: float = 0.0
    # where podid runs a command itself: what is handed the command's terminal between its plan and its first write,
    # asks, and raises what stands in the way; and what takes its results instead of stdout
    guard: Callable[[Any], None] | None = None
    views: "list[View] | None" = None
    _prompter: "Prompter | None" = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.env.get("GITHUB_ACTIONS") or self.env.get("TF_BUILD"):
            self.streams.defuse()

    @classmethod
    def of_process(cls, argv: list[str]) -> "Runtime":
        return cls(streams=Streams.of_process(), env=os.environ, argv=tuple(argv))

    def take_settled(self) -> "Settled | None":
        """What is to be said of interrupted runs, once."""
        settled, self.settled = self.settled, None
        return settled

    def end_runs(self, *, cut_short: bool = False) -> None:
        """The runs that were begun have come to their end, or are left as they are."""
        while self.recorders:
            recorder = self.recorders.pop()
            recorder.close() if cut_short else recorder.end()

    @property
    def interactive(self) -> bool:
        """A question may be asked: stdin and stderr are terminals, and this is not a CI run (CI unset or empty)."""
        return self.streams.stdin_tty and self.streams.stderr_tty and not self.env.get("CI")

    @contextmanager
    def asking(self) -> Iterator["Prompter"]:
        """Around a question."""
        began = self.monotonic()
        try:
            yield self.prompter
        finally:
            self.answering += self.monotonic() - began

    def deadline(self, seconds: float, words: str) -> "Deadline":
        """That long from now, not counting what people take for answers."""
        from podid.calls.deadline import Deadline

        return Deadline.after(seconds, words, lambda: self.monotonic() - self.answering)

    @property
    def prompter(self) -> "Prompter":
        if self._prompter is None:
            from podid.cli.prompts import Prompter

            self._prompter = Prompter()
        return self._prompter

    def use_prompter(self, prompter: "Prompter") -> None:
        self._prompter = prompter

    @property
    def width(self) -> int:
        """Columns to draw in, 40 to 500 whatever the terminal says."""
        return max(40, min(500, self.streams.width))

    def screen(self, stream: IO[str], *, color: bool, full: bool) -> "Screen":
        """How text is shown on stdout or stderr: on a terminal wrapped, and with short names unless `full`."""
        from podid.render.screen import Screen

        tty = self.streams.stdout_tty if stream is self.streams.stdout else self.streams.stderr_tty
        now = self.now() if tty and not full else None
        return Screen(self.width if tty else None, self.color(stream, allowed=color), self.account, now)

    def color(self, stream: IO[str], *, allowed: bool) -> bool:
        """NO_COLOR (https://no-color.org), TERM=dumb and FORCE_COLOR, in that order; else whether it is a terminal."""
        if not allowed or self.env.get("NO_COLOR") or self.env.get("TERM") == "dumb":
            return False
        if self.env.get("FORCE_COLOR"):
            return True
        return self.streams.stdout_tty if stream is self.streams.stdout else self.streams.stderr_tty

    def state_dir(self) -> "Path":
        """$XDG_STATE_HOME/podid or ~/.local/state/podid; not created here. UsageError where HOME is relative."""
        from pathlib import Path

        from podid.domain.errors import UsageError

        base = self.env.get("XDG_STATE_HOME") or ""
        if not Path(base).is_absolute():  # the XDG specification: relative paths are to be ignored
            home = Path(self.env.get("HOME") or "~").expanduser()
            if not home.is_absolute():
                message = f"HOME is {str(home)!r}, which is not an absolute path"
                raise UsageError(message, advice="Set HOME or XDG_STATE_HOME to an absolute path.")
            base = str(home / ".local" / "state")
        return Path(base) / "podid"
