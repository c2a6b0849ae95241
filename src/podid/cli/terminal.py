"""Output to the user: results on stdout, everything else on stderr; progress, questions and the exit code."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import typer

from podid.cli.options import Shared
from podid.cli.runtime import Runtime
from podid.domain.errors import Again, ConsentNeeded, Declined, ExitCode, Other, PodidError, Undetermined, UsageError
from podid.domain.plan import Consent
from podid.render import sanitize
from podid.render.formats import DOCUMENTS, Drawing, Format, Report, json_pieces, jsonl_line, to_text
from podid.render.screen import Screen, changed_rows, draw, paint_all, redrawn, rows_of
from podid.render.view import Line, View

if TYPE_CHECKING:
    from podid.aws.requests import CallRecord
    from podid.local.files import OutputFile


class Terminal:
    """Prints and asks for a command. Only `emit`, `stream`, `stream_lines` and `narrate` write to stdout."""

    def __init__(self, runtime: Runtime, options: Shared) -> None:
        self._runtime = runtime
        self._options = options
        self._quiet = self._is_quiet(options)
        self.progress = Progress(runtime, quiet=self._quiet)
        self._kept: list[View] | None = runtime.views
        # the last view of a --watch
        self._watched: View | None = None
        # rows of text on stderr that a result may replace
        self._draft = 0
        # unread parts that a document on stdout does not contain
        self._lost: tuple[str, ...] = ()
        # the command line that hints repeat
        self.argv = tuple(runtime.argv)

    def _is_quiet(self, options: Shared) -> bool:
        # with a document on stdout, a script's stderr has an error document or nothing
        return options.quiet or (options.output in DOCUMENTS and not self._runtime.streams.stderr_tty)

    def quietly(self) -> Terminal:
        """Return a terminal that shows no progress, for one of several parts of a command at the same time."""
        quiet = Terminal(self._runtime, self._options)
        quiet.progress, quiet.argv = Progress(self._runtime, quiet=True), self.argv
        return quiet

    def note(self, *lines: str | Line, draft: bool = False) -> None:
        """Print sentences to stderr, a line each, escaped; silent with --quiet. A `draft` may be erased later."""
        if not self._quiet:
            self.progress.done()
            screen, above = self._screen(self._runtime.streams.stderr), self._draft
            text = paint_all(lines, screen)
            self._stderr(text)
            if draft and self.redraws:
                self._draft = above + rows_of(text, screen)

    @property
    def redraws(self) -> bool:
        """Return whether result and notes share a terminal on which text can be erased."""
        streams = self._runtime.streams
        live = streams.stderr_tty and self._runtime.env.get("TERM") != "dumb" and self._kept is None
        return live and self.for_person and self._options.query is None and not self._options.verbose

    def erase_draft(self) -> bool:
        """Erase the last draft if no text was written below it and all of it can be on the screen."""
        rows, self._draft = self._draft, 0
        if not 0 < rows < self._runtime.streams.height:
            return False
        self.progress.done()
        self._stderr(f"\x1b[{rows}A\x1b[J")
        with contextlib.suppress(OSError, ValueError):
            self._runtime.streams.stderr.flush()
        return True

    def explain(self, text: str) -> None:
        """Print a line with -v only."""
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
        """Show `state` while the block runs."""
        self.progress.glance(state)
        try:
            yield self.progress
        finally:
            self.progress.done()

    def consent(self, consent: Consent, *, flag: str = "--yes") -> None:
        """Ask, or accept --yes (or another `flag`, or none) as the answer. Raise ConsentNeeded without a terminal,
        Declined for a no."""
        if self._options.yes and flag == "--yes" and not consent.grave:
            return
        if not self._runtime.interactive:
            if consent.grave:
                reason, *more = consent.grave
                message = f"{consent.needed_for} requires confirmation at a terminal; --yes is not sufficient: {reason}"
                raise ConsentNeeded(message, lines=tuple(more))
            message = f"{consent.needed_for} requires confirmation, but podid is not connected to a terminal"
            raise ConsentNeeded(message, hint=Again(add=(flag,)) if flag else ())
        self.progress.done()
        self._draft = 0
        with self._runtime.asking() as prompter:
            yes = prompter.confirm(consent.question, word=consent.word)
        if not yes:
            raise Declined("Nothing was changed")

    def read_file(self, name: str, *, most_mib: int = 1) -> str:
        """Return the text of a regular file, or of stdin for `-`. The AWS CLI's `file://` before a path is accepted.
        Raise UsageError if the file cannot be read or is too large."""
        from podid.local import files

        most = most_mib * 1024 * 1024
        try:
            if name == "-":
                text = self._runtime.streams.stdin.read(most + 1)
            else:
                content = files.read(Path(name.removeprefix("file://")), most)
                text = content.decode().replace("\r\n", "\n").replace("\r", "\n")
        except (OSError, ValueError) as error:
            if name.lstrip().startswith(("{", "[")):
                raise UsageError("Specify a file, or - for standard input, instead of the JSON text itself") from error
            not_text = "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else "not a file name"
            reason = error.strerror if isinstance(error, OSError) else not_text
            raise UsageError(f"{name} cannot be read: {reason}", subject=name) from error
        if len(text) > most:
            raise UsageError(f"{name} cannot be read: it is larger than {most_mib} MiB", subject=name)
        return text.removeprefix("\ufeff")

    def file_to_write(self, name: str, *, force: bool) -> OutputFile:
        """Return the file for a result, checked before the work is done. An existing file is replaced with `force` or
        after a question. Raise UsageError."""
        from podid.local.files import OutputFile

        file = OutputFile(name)
        if file.exists and not force:
            consent = Consent(question=f"{name} exists. Replace it?", needed_for=f"Replacing {name}")
            self.consent(consent, flag="--force")
        return file

    def file_in(self, directory: str, name: str, *, force: bool) -> OutputFile:
        """Return the file of a directory for one of several results. Create the directory if it does not exist."""
        from podid.local.files import make_directory

        make_directory(directory)
        return self.file_to_write(str(Path(directory) / name), force=force)

    @property
    def for_person(self) -> bool:
        """Return whether the result is a table on a terminal, not a document or lines for a script."""
        return self._runtime.streams.stdout_tty and self._options.output is Format.TABLE

    def ignore_output(self) -> None:
        """Print the table, although a variable or the settings file sets another format."""
        self._options = replace(self._options, output=Format.TABLE)
        self._quiet = self._is_quiet(self._options)

    def narrate(self, *lines: str | Line) -> None:
        """Write lines between the output of other commands, for the demo only. Raise UsageError with --output or
        --query."""
        if self._options.default_output:
            self.ignore_output()
        if self._options.output is not Format.TABLE or self._options.query is not None:
            raise UsageError("--output and --query cannot be used with podid demo", hint=Other(("demo",)))
        self._print((paint_all(lines, self._screen(self._runtime.streams.stdout)),))

    def collected(self, run: Callable[[], object]) -> tuple[list[View], ExitCode]:
        """Run a part of a command. Return its results, which are not written, and its exit code."""
        views: list[View] = []
        before, self._kept = self._kept, views
        try:
            run()
        except typer.Exit as ended:
            return views, ExitCode(ended.exit_code)
        finally:
            self._kept = before
        return views, ExitCode.OK

    def emit(self, view: View) -> None:
        """Write the result to stdout in the chosen format, and its notes to stderr."""
        self.progress.done()
        if self._kept is not None:
            self._kept.append(view)
            return
        self._write(view)
        self.note(*view.notes, *self._untold(view))

    def _untold(self, view: View) -> tuple[str, ...]:
        """Return a note for each unread part that stdout does not name. With -o jsonl, `leave` reports those of the
        whole list."""
        options, several = self._options, "items" in view.document
        if options.output in DOCUMENTS and (options.query is not None or (options.output is Format.JSONL and several)):
            self._lost = view.unread
        drawn = options.output in (Format.TABLE, Format.WIDE) and view.lines
        if options.query is None and (drawn or options.output in (*DOCUMENTS, Format.YAML)):
            return ()
        return tuple(f"note: {part}" for part in view.unread)

    def emit_again(self, view: View, moment: datetime) -> None:
        """Write the next view of a --watch. On a terminal it replaces the previous one and has the time; in a pipe only
        changed rows are written. Documents are written whole."""
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
        if options.default_output and isinstance(options.output, Report):
            # this command writes reports, but not with these options
            self.ignore_output()
            options = self._options
        view = view.untitled if options.no_headers else view
        for_reader = options.output in (Format.TABLE, Format.WIDE) and options.query is None
        if for_reader and view.silent:
            self.note(view.silent)
            return
        if for_reader and (view.lines or streams.stdout_tty):
            wide = options.output is Format.WIDE
            self._print((draw(view, self._screen(streams.stdout), wide=wide),))
            return
        if isinstance(options.output, Drawing):
            self._print((view.drawings[options.output](),))
            return
        if isinstance(options.output, Report):
            raise UsageError(f"{options.output} is only for reports: omit -o, or use -o json")
        if for_reader and (empty := view.empty):
            self.note(empty)  # no output at all would look like a failure
        if options.output is Format.JSON and options.query is None:
            self._print(json_pieces(view.document))
            return
        try:
            text = to_text(view, options.output, options.query)
        except UsageError as error:
            if not self._runtime.changing:
                raise
            # the changes are done: losing their result would be worse than showing all of it
            self._stderr(f"Warning: {sanitize.line(error.message)}. The complete result follows\n")
            text = to_text(view, options.output, None)
        self._print((text,))

    def write_report(self, text: str, form: Report) -> None:
        """Write the text of a doctor's report, in a format of other programs. Workflow commands stay effective."""
        self.progress.done()
        obeyed = self._runtime.streams.obeyed
        if form is Report.GITHUB and obeyed is not None:
            self._runtime.to_stdout(lambda _: obeyed.write(text))
        else:
            self._print((text,))

    def stream(self, items: Iterable[Mapping[str, object]]) -> None:
        """Write one object a line as they arrive (-o jsonl). Stop when stdout is closed."""
        for item in items:
            if not self._print((jsonl_line(item),)):
                return

    def stream_lines(self, lines: Iterable[str]) -> None:
        """Write lines as they arrive, escaped. Stop when stdout is closed."""
        self.progress.done()
        for line in lines:
            if not self._print((f"{sanitize.defused(sanitize.line(line))}\n",)):
                return

    def leave(self, code: int) -> None:
        """End the command with `code`, which may be another program's; return if it is OK."""
        if code == ExitCode.UNDETERMINED and self._lost:
            self.tell_failure(Undetermined("the result is incomplete: not everything could be read", lines=self._lost))
        if code != ExitCode.OK:
            raise typer.Exit(int(code))

    def tell_failure(self, *errors: PodidError) -> None:
        """Print errors to stderr after a result."""
        from podid.cli.hints import hint_words
        from podid.render.errors import error_json, error_text

        for error in errors:
            hint = hint_words(error.hint, self.argv)
            if self._options.output in DOCUMENTS:
                self._stderr(error_json(error, hint, self._runtime.take_settled()))
            else:
                self._stderr(error_text(error, hint, self._screen(self._runtime.streams.stderr)))

    def _screen(self, stream: IO[str]) -> Screen:
        return self._runtime.screen(stream, color=not self._options.no_color, full=self._options.verbose)

    def _stderr(self, text: str) -> None:
        self._draft = 0
        with contextlib.suppress(OSError, ValueError):  # a closed stderr does not stop the work
            self._runtime.streams.stderr.write(text)

    def _print(self, pieces: Iterable[str]) -> bool:
        def write(out: IO[str]) -> None:
            for piece in pieces:
                out.write(piece)

        return self._runtime.to_stdout(write)


_BAR = 20


class Progress:
    """Shows each state of `update`; `done` clears the live line. Prints nothing with --quiet."""

    def __init__(self, runtime: Runtime, *, quiet: bool) -> None:
        self._runtime = runtime
        self._quiet = quiet
        self._last = ""
        self._live = runtime.streams.stderr_tty and runtime.env.get("TERM") != "dumb"
        self._shown = False
        self._lock = threading.Lock()

    def glance(self, state: str) -> None:
        """Show a state on a terminal only, not in a log."""
        if self._live:
            self.update(state)

    def update(self, state: str) -> None:
        state, width = sanitize.line(state), self._runtime.width - 3
        with self._lock:  # parallel steps report states
            if self._quiet or state == self._last:
                return
            self._last = state
            if self._live:
                self._write(f"\r\x1b[2K… {state if len(state) <= width else state[: width - 1] + '…'}")
                self._shown = True
            else:
                self._write(f"{state}\n")

    def count(self, number: int, total: int, step: str) -> None:
        """Show the progress of many steps: a bar on a terminal, a line for each step in a log."""
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
            self._quiet = True  # stderr is closed; the work continues
