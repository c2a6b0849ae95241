"""The way to the user: results on stdout, all else on stderr, progress too, questions, and the code to leave with."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

import typer

from podid.cli.options import Shared
from podid.cli.runtime import Runtime, abandon
from podid.domain.errors import Again, ConsentNeeded, Declined, ExitCode, Other, PodidError, UsageError
from podid.domain.plan import Consent
from podid.render import sanitize
from podid.render.formats import Format, Report, json_pieces, jsonl_line, to_text
from podid.render.reports import write_report
from podid.render.screen import Screen, changed_rows, draw, paint_all, redrawn, rows_of
from podid.render.view import Line, View

if TYPE_CHECKING:
    from datetime import datetime

    from podid.aws.requests import CallRecord
    from podid.domain.report import DoctorReport
    from podid.local.files import OutputFile
    from podid.ops.change.settle import Settled


class Terminal:
    """What a command says and asks. Only `emit`, `stream`, `stream_lines` and `narrate` write to stdout."""

    def __init__(self, runtime: Runtime, options: Shared) -> None:
        self._runtime = runtime
        self._options = options
        # beside a document on stdout, a script's stderr holds an error document or nothing
        quiet = options.quiet or (_structured(options.output) and not runtime.streams.stderr_tty)
        self._quiet = quiet
        self.progress = Progress(runtime, quiet=quiet)
        self._kept: list[View] | None = runtime.views
        # the last view of a --watch
        self._watched: View | None = None
        # rows of the text on stderr that a result may take the place of
        self._draft = 0
        # the command line that hints repeat
        self.argv = tuple(runtime.argv)

    # --- on the way ----------------------------------------------------------------------------------------------

    def note(self, *lines: str | Line, draft: bool = False) -> None:
        """Sentences on stderr, a line each, whatever they hold; silent with --quiet. A `draft` may be erased again."""
        if not self._quiet:
            self.progress.done()
            screen = self._screen(self._runtime.streams.stderr)
            text = paint_all(lines, screen)
            self._stderr(text)
            if draft and self.redraws:
                self._draft = rows_of(text, screen)

    @property
    def redraws(self) -> bool:
        """Whether result and notes share a terminal on which text can be erased."""
        streams = self._runtime.streams
        live = streams.stderr_tty and self._runtime.env.get("TERM") != "dumb" and self._kept is None
        return live and self.for_person and self._options.query is None and not self._options.verbose

    def erase_draft(self) -> bool:
        """Erase the last draft if nothing was written below it and all of it can be on the screen."""
        rows, self._draft = self._draft, 0
        if not 0 < rows < self._runtime.streams.height:
            return False
        self.progress.done()
        self._stderr(f"\x1b[{rows}A\x1b[J")
        with contextlib.suppress(OSError, ValueError):
            self._runtime.streams.stderr.flush()
        return True

    def explain(self, text: str) -> None:
        """What only -v shows."""
        if self._options.verbose:
            self.progress.done()
            self._stderr(f"  {sanitize.line(text)}\n")

    def tell_call(self, call: CallRecord) -> None:
        outcome = call.status or call.error
        milliseconds = f"{call.seconds * 1000:.0f} ms"
        self.explain(
            f"{call.service}:{call.operation} {outcome} in {milliseconds}, request id {call.request_id or '-'}"
        )

    @contextlib.contextmanager
    def working(self, state: str) -> Iterator[Progress]:
        """Shows `state` while the block runs, then wipes it."""
        self.progress.glance(state)
        try:
            yield self.progress
        finally:
            self.progress.done()

    # --- questions and files --------------------------------------------------------------------------------------

    def consent(self, consent: Consent, *, flag: str = "--yes") -> None:
        """Asks, or takes --yes for an answer; `flag` is another one whose absence makes it ask. Raises ConsentNeeded
        where nobody can be asked, Declined on a no."""
        if self._options.yes and flag == "--yes" and not consent.grave:
            return
        if not self._runtime.interactive:
            if consent.grave:
                reason, *more = consent.grave
                message = f"{consent.needed_for} needs an answer at a terminal here, and --yes is none: {reason}"
                raise ConsentNeeded(message, lines=tuple(more))
            message = f"{consent.needed_for} needs confirmation, and there is no terminal to ask on"
            raise ConsentNeeded(message, hint=Again(add=(flag,)))
        self.progress.done()
        self._draft = 0
        with self._runtime.asking() as prompter:
            yes = prompter.confirm(consent.question, word=consent.word)
        if not yes:
            raise Declined("Nothing was changed")

    def read_file(self, name: str, *, most_mib: int = 1) -> str:
        """The text of a regular file, or of stdin for `-`, of at most so many characters. Raises UsageError that says
        why it cannot be read."""

        from podid.local import files

        most = most_mib * 1024 * 1024
        try:
            if name == "-":
                text = self._runtime.streams.stdin.read(most + 1)
            else:
                text = files.read(Path(name), most).decode().replace("\r\n", "\n").replace("\r", "\n")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else _not_text(error)
            raise UsageError(f"{name} cannot be read: {reason}", subject=name) from error
        if len(text) > most:
            raise UsageError(f"{name} cannot be read: it is larger than {most_mib} MiB", subject=name)
        return text.removeprefix("\ufeff")

    def file_to_write(self, name: str, *, force: bool) -> OutputFile:
        """For a result in a file that the user names; what stands in the way is said before the work is done. A file
        that is there is replaced with `force`, or after a question. Raises UsageError."""
        from podid.local.files import OutputFile

        file = OutputFile(name)
        if file.exists and not force:
            consent = Consent(question=f"{name} exists. Replace it?", needed_for=f"Replacing {name}, which exists,")
            self.consent(consent, flag="--force")
        return file

    # --- results --------------------------------------------------------------------------------------------------

    @property
    def verbose(self) -> bool:
        return self._options.verbose

    @property
    def for_person(self) -> bool:
        """Whether the result is a table that somebody looks at, rather than a document or lines for a script."""
        return self._runtime.streams.stdout_tty and self._options.output is Format.TABLE

    @property
    def width(self) -> int:
        return self._runtime.width

    @property
    def colored(self) -> bool:
        """Whether stdout takes colour."""
        return self._color(self._runtime.streams.stdout)

    def narrate(self, text: str) -> None:
        """podid's own words and other programs' output, for the demo alone: nothing in it is escaped. Raises UsageError
        where a document was asked for."""
        if self._options.output is not Format.TABLE or self._options.query is not None:
            raise UsageError("podid demo narrates: it has no result for --output or --query", hint=Other(("demo",)))
        self._print((text,))

    @contextlib.contextmanager
    def collecting(self, views: list[View]) -> Iterator[None]:
        """What is emitted meanwhile is kept in `views`, to be written as one."""
        before, self._kept = self._kept, views
        try:
            yield
        finally:
            self._kept = before

    def emit(self, view: View) -> None:
        """Writes the result to stdout in the chosen format."""
        self.progress.done()
        if self._kept is not None:
            self._kept.append(view)
        else:
            self._write(view)

    def emit_again(self, view: View, moment: datetime) -> None:
        """Write the next view of a --watch: on a terminal in the place of the previous one, with the time; in a pipe
        its rows that changed. Documents are written whole."""
        previous, self._watched = self._watched, view
        if self.redraws:
            self.progress.done()
            screen, height = self._screen(self._runtime.streams.stdout), self._runtime.streams.height
            self._print(("\x1b[H\x1b[2J", redrawn(view, screen, moment, height)))
        elif self._options.output in (Format.TABLE, Format.WIDE) and self._options.query is None:
            self._write(changed_rows(view, previous, moment))
        else:
            self.emit(view)

    def _write(self, view: View) -> None:
        streams, options = self._runtime.streams, self._options
        view = view.untitled if options.no_headers else view
        for_reader = options.output in (Format.TABLE, Format.WIDE) and options.query is None
        if for_reader and (view.lines or streams.stdout_tty):
            wide = options.output is Format.WIDE
            self._print((draw(view, self._screen(streams.stdout), wide=wide),))
            return
        if isinstance(options.output, Report):
            raise UsageError(f"Only a report can be written as {options.output}; leave out -o, or use -o json")
        if for_reader and (empty := view.empty):
            self.note(empty)  # nothing on both streams would look like a failure
        if options.output is Format.JSON and options.query is None:
            self._print(json_pieces(view.document))
            return
        try:
            text = to_text(view, options.output, options.query)
        except UsageError as error:
            if not self._runtime.changing:
                raise
            # what was done is done: losing the result of it would be worse than showing all of it
            self._stderr(f"Warning: {sanitize.line(error.message)}; this is the whole result\n")
            text = to_text(view, options.output, None)
        self._print((text,))

    def write_report(self, report: DoctorReport, form: Report) -> None:
        """A doctor's report in a format of other programs; workflow commands reach the runner that they are for."""
        self.progress.done()
        text, obeyed = write_report(form, report), self._runtime.streams.obeyed
        if form is Report.GITHUB and obeyed is not None:
            self._stdout(lambda _: obeyed.write(text))
        else:
            self._print((text,))

    def stream(self, items: Iterable[Mapping[str, object]]) -> None:
        """-o jsonl: one object a line, each as soon as it is there. Stops reading when nobody listens any more."""
        for item in items:
            if not self._print((jsonl_line(item),)):
                return

    def stream_lines(self, lines: Iterable[str]) -> None:
        """Lines for a person or a script, each as soon as it is there and whatever it holds. Stops like `stream`."""
        self.progress.done()
        for line in lines:
            if not self._print((f"{sanitize.defused(sanitize.line(line))}\n",)):
                return

    def take_settled(self) -> Settled | None:
        """What this run found of earlier ones that were interrupted; part of its result, or of its error."""
        return self._runtime.take_settled()

    def leave(self, code: ExitCode) -> None:
        """Ends the command with `code`, or returns when it is OK."""
        if code is not ExitCode.OK:
            raise typer.Exit(int(code))

    def tell_failure(self, error: PodidError) -> None:
        """Says on stderr what went wrong after a result that is on stdout already."""
        from podid.cli.hints import hint_words
        from podid.render.errors import error_json, error_text

        hint = hint_words(error.hint, self.argv)
        if _structured(self._options.output):
            self._stderr(error_json(error, hint, self._runtime.take_settled()))
            return
        self._stderr(error_text(error, hint, self._screen(self._runtime.streams.stderr)))

    def _screen(self, stream: IO[str]) -> Screen:
        return self._runtime.screen(stream, color=not self._options.no_color, full=self._options.verbose)

    def _color(self, stream: IO[str]) -> bool:
        return self._runtime.color(stream, allowed=not self._options.no_color)

    def _stderr(self, text: str) -> None:
        self._draft = 0
        with contextlib.suppress(OSError, ValueError):  # nobody watches; the work goes on
            self._runtime.streams.stderr.write(text)

    def _print(self, pieces: Iterable[str]) -> bool:
        def write(out: IO[str]) -> None:
            for piece in pieces:
                out.write(piece)

        return self._stdout(write)

    def _stdout(self, write: Callable[[IO[str]], object]) -> bool:
        """False when nobody takes it any more. A closed pipe is silent; a full disk or a closed stream is said on the
        stream that is left. The exit code stays the result's."""
        out = self._runtime.streams.stdout
        try:
            write(out)
            out.flush()
        except BrokenPipeError:
            return False
        except OSError as error:
            abandon(out)
            self._stderr(f"Warning: the result could not be written to stdout: {error.strerror}\n")
            return False
        return True


def _not_text(error: ValueError) -> str:
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else "its name is not one of a file"


def _structured(output: Format | Report) -> bool:
    return isinstance(output, Format) and output.structured


_BAR = 20


class Progress:
    """Call `update` with each state; `done` wipes the live line. Says nothing at all with --quiet."""

    def __init__(self, runtime: Runtime, *, quiet: bool) -> None:
        self._runtime = runtime
        self._quiet = quiet
        self._last = ""
        self._live = runtime.streams.stderr_tty and runtime.env.get("TERM") != "dumb"
        self._shown = False
        self._lock = threading.Lock()

    def glance(self, state: str) -> None:
        """What is being read at the moment: worth a live line, not worth a line in a log."""
        if self._live:
            self.update(state)

    def update(self, state: str) -> None:
        state = sanitize.line(state)
        with self._lock:  # steps that run at once may each have something to say
            self._update(state)

    def _update(self, state: str) -> None:
        if self._quiet or state == self._last:
            return
        self._last = state
        if self._live:
            width = self._runtime.width - 3
            self._write(f"\r\x1b[2K… {state if len(state) <= width else state[: width - 1] + '…'}")
            self._shown = True
        else:
            self._write(f"{state}\n")

    def count(self, number: int, total: int, step: str) -> None:
        """How far many steps are: a bar on a terminal, a line for each in a log."""
        self._runtime.counted = (number, total)
        if not self._live:
            self.update(f"{step} ({number} of {total})")
            return
        filled = _BAR * number // max(total, 1)
        self.update(f"{'━' * filled}{'─' * (_BAR - filled)} {number} of {total}  {step}")

    def done(self) -> None:
        if self._shown:
            self._write("\r\x1b[2K")
            self._shown = False
        self._last = ""

    def _write(self, text: str) -> None:
        stderr = self._runtime.streams.stderr
        try:
            stderr.write(text)
            stderr.flush()
        except (OSError, ValueError):
            self._quiet = True  # nobody watches any more; the work goes on
