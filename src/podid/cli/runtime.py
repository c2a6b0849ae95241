"""The environment of a command: streams, variables, clocks, questions.

Nothing is read from the process at import, so tests pass their own.
"""

import errno
import io
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pathlib import Path

    from podid.calls.deadline import Deadline
    from podid.calls.written import KnownChanges
    from podid.cli.prompts import Prompter
    from podid.domain.option import Stored
    from podid.ops.change.journal import Journal
    from podid.ops.change.records import Recorder
    from podid.ops.change.settle import Settled
    from podid.render.screen import Screen
    from podid.render.view import View


@dataclass(slots=True)
class Streams:
    """stdout is data, stderr is everything else. `*_tty` is decided once."""

    stdin: IO[str]
    stdout: IO[str]
    stderr: IO[str]
    stdin_tty: bool
    stdout_tty: bool
    stderr_tty: bool
    width: int = 80
    # 0 is unknown: then podid erases no lines
    height: int = 0
    # stdout for workflow commands to a CI runner
    obeyed: IO[str] | None = None

    def defuse(self) -> None:
        """Keep output from being read as workflow commands of a CI runner."""
        self.obeyed = self.stdout
        self.stdout, self.stderr = (cast("IO[str]", _Defused(stream)) for stream in (self.stdout, self.stderr))

    def rename(self, program: str) -> None:
        """Write command lines with the name of a plugin of kubectl. The width is reduced by the longer name."""
        self.stdout, self.stderr = (cast("IO[str]", _Renamed(stream, program)) for stream in (self.stdout, self.stderr))
        self.width -= len(program) - len("podid")

    @classmethod
    def of_process(cls) -> "Streams":
        for stream in (sys.stdout, sys.stderr):  # in another encoding, escape marks instead of failing
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        size = shutil.get_terminal_size()
        return cls(
            stdin=sys.stdin or io.StringIO(),
            stdout=sys.stdout or _Closed(),
            stderr=sys.stderr or _Closed(),
            # the shell may have closed a stream
            stdin_tty=sys.stdin is not None and sys.stdin.isatty(),
            stdout_tty=sys.stdout is not None and sys.stdout.isatty(),
            stderr_tty=sys.stderr is not None and sys.stderr.isatty(),
            width=size.columns,
            height=size.lines,
        )


class _Closed(io.StringIO):
    """Replaces a stream that the shell closed (`>&-`): Python sets it to None."""

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


class _Changed:
    """A stream whose text is `changed` before it is written."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def changed(self, text: str) -> str:
        raise NotImplementedError

    def write(self, text: str) -> int:
        self._stream.write(self.changed(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Defused(_Changed):
    """A stream in which no line begins with a workflow command of a CI runner."""

    _fresh = True

    def changed(self, text: str) -> str:
        from podid.render.sanitize import defused

        fresh = self._fresh
        _, end, last = text.replace("\r", "\n").rpartition("\n")
        self._fresh = not last.strip() and (fresh or bool(end))
        return defused(text, fresh=fresh)


# further words that follow the program in help and hints
_WORDS = ("help", "COMMAND", "--help", "--version", "options", "-h")


class _Renamed(_Changed):
    """A stream that writes podid's command lines, and argument vectors in JSON and YAML, with the name of the
    plugin."""

    def __init__(self, stream: IO[str], program: str) -> None:
        from podid.cli.tree import COMMANDS

        super().__init__(stream)
        words = sorted({*(row.path[0] for row in COMMANDS), *_WORDS}, key=len, reverse=True)
        following = "|".join(map(re.escape, words))
        self._names = [
            (re.compile(rf"(?<![\w/.@'-])podid(?= (?:{following})(?![\w-]))"), program),
            (re.compile(rf'"podid",(\s*)(?="(?:{following})")'), "".join(f'"{word}",\\1' for word in program.split())),
            (re.compile(rf"- podid(\n *)(?=- (?:{following})\n)"), "".join(f"- {word}\\1" for word in program.split())),
        ]

    def changed(self, text: str) -> str:
        for name, renamed in self._names if "podid" in text else ():
            text = name.sub(renamed, text)
        return text


def plugin_of(path: str) -> str:
    """Return `kubectl podid` for the executable of a plugin of kubectl, else "". A hyphen in its name separates
    subcommands, an underscore stands for a hyphen."""
    from pathlib import Path

    name = Path(path).name.removesuffix(".exe")
    return name.replace("-", " ").replace("_", "-") if name.startswith("kubectl-") else ""


def abandon(stream: IO[str]) -> None:
    """Discard the stream's buffer. Otherwise Python fails to write it again at shutdown, with its own exit code."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


class Instead(Exception):
    """Raised by a guided run: `argv` is the command line to run instead. `lines` go to stderr unchanged, after
    success."""

    def __init__(self, argv: tuple[str, ...], lines: tuple[str, ...]) -> None:
        super().__init__(argv)
        self.argv = argv
        self.lines = lines


@dataclass(slots=True)
class Runtime:
    """One per process, or one per test."""

    streams: Streams
    env: Mapping[str, str]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    argv: tuple[str, ...] = ()
    # set when something may have changed: an interruption then mentions the journal
    changing: bool = False
    # completed and total steps of a long change
    counted: tuple[int, int] = (0, 0)
    # their plural
    steps: str = "steps"
    # settled earlier runs, until a result or an error reports them
    settled: "Settled | None" = None
    # open journal runs of this command
    recorders: "list[Recorder]" = field(default_factory=list)
    # the ids of all runs of this command
    begun: list[str] = field(default_factory=list)
    # the changes that readings of AWS may not show yet, and whether those of the last runs count
    written: "KnownChanges | None" = None
    knows_runs: bool = False
    # the AWS account, once it is known: a terminal shows short names for its resources
    account: str = ""
    # seconds spent in questions: they do not count for deadlines
    answering: float = 0.0
    # for commands that podid runs itself: `guard` is called with the terminal between plan and first write and raises
    # to stop it; `views` receives the results instead of stdout
    guard: Callable[[Any], None] | None = None
    views: "list[View] | None" = None
    # whether a client of the MCP server requests the command
    of_client: bool = False
    # the terminal's questions, by default those of this process
    prompter: "Prompter | None" = None
    _stored: "Stored | None" = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.env.get("GITHUB_ACTIONS") or self.env.get("TF_BUILD"):
            self.streams.defuse()

    @classmethod
    def of_process(cls, argv: list[str]) -> "Runtime":
        runtime = cls(streams=Streams.of_process(), env=os.environ, argv=tuple(argv))
        if program := plugin_of(sys.argv[0]):
            runtime.streams.rename(program)
        return runtime

    def to_stdout(self, write: Callable[[IO[str]], object]) -> bool:
        """Return False if stdout is closed. A closed pipe is silent; other failures print a warning to stderr. The exit
        code stays that of the result."""
        out = self.streams.stdout
        try:
            write(out)
            out.flush()
        except BrokenPipeError:
            return False
        except OSError as error:
            abandon(out)
            with suppress(OSError, ValueError):
                self.streams.stderr.write(f"Warning: the result could not be written to stdout: {error.strerror}\n")
            return False
        return True

    def known_changes(self, journal: "Callable[[], Journal | None]") -> "KnownChanges":
        """Return the changes of this process, and of the last runs, that readings of AWS may not show yet."""
        from podid.calls.written import KnownChange, KnownChanges

        def of_last_runs() -> "Iterator[KnownChange]":
            from podid.domain.errors import PodidError
            from podid.ops.change.recent import recent_changes

            with suppress(PodidError):  # an unreadable journal contains no recent change
                if self.knows_runs and (opened := journal()) is not None:
                    yield from recent_changes(opened, self.now())

        if self.written is None:
            self.written = KnownChanges(self.monotonic, of_last_runs)
        return self.written

    def take_settled(self) -> "Settled | None":
        """Return the settled runs to report, once."""
        settled, self.settled = self.settled, None
        return settled

    def end_runs(self, *, cut_short: bool = False) -> None:
        """End the open runs, or leave them open if `cut_short`."""
        while self.recorders:
            recorder = self.recorders.pop()
            recorder.close() if cut_short else recorder.end()

    @property
    def interactive(self) -> bool:
        """Return whether podid may ask: stdin and stderr are terminals, and CI is unset or empty."""
        return self.streams.stdin_tty and self.streams.stderr_tty and not self.env.get("CI")

    @contextmanager
    def asking(self) -> Iterator["Prompter"]:
        """Yield the prompter and count the time for the answer."""
        from podid.cli.prompts import Prompter

        began = self.monotonic()
        try:
            yield self.prompter or Prompter()
        finally:
            self.answering += self.monotonic() - began

    def deadline(self, seconds: float, words: str) -> "Deadline":
        """Return a deadline in so many seconds, without the time for answers."""
        from podid.calls.deadline import Deadline

        return Deadline.after(seconds, words, self.working)

    def working(self) -> float:
        """Return the seconds of `monotonic` without the time for answers."""
        return self.monotonic() - self.answering

    @property
    def width(self) -> int:
        """Return the terminal's columns, limited to 40 to 500."""
        return max(40, min(500, self.streams.width))

    def screen(self, stream: IO[str], *, color: bool, full: bool) -> "Screen":
        """Return the form of text on stdout or stderr: on a terminal wrapped, and with short names unless `full`."""
        from podid.render.screen import Screen, can_link

        tty = self.streams.stdout_tty if stream is self.streams.stdout else self.streams.stderr_tty
        now = self.now() if tty and not full else None
        color = self.color(stream, allowed=color)
        return Screen(self.width if tty else None, color, tty and can_link(self.env), self.account, now)

    def color(self, stream: IO[str], *, allowed: bool) -> bool:
        """Apply NO_COLOR (https://no-color.org), TERM=dumb and FORCE_COLOR in this order; else colour terminals
        only."""
        if not allowed or self.env.get("NO_COLOR") or self.env.get("TERM") == "dumb":
            return False
        if self.env.get("FORCE_COLOR"):
            return True
        return self.streams.stdout_tty if stream is self.streams.stdout else self.streams.stderr_tty

    @property
    def stored(self) -> "Stored":
        """Return the values of the settings file by key, with their sources. Raise UsageError if the file cannot be
        read or has mistakes."""
        if self._stored is None:
            from podid.cli.settings import stored_settings

            self._stored = stored_settings(self.env)
        return self._stored

    def ignore_settings(self) -> None:
        """Use no settings file from now on."""
        self._stored = {}

    def state_dir(self) -> "Path":
        """Return $XDG_STATE_HOME/podid or ~/.local/state/podid without creating it. Raise UsageError for a relative
        HOME."""
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
