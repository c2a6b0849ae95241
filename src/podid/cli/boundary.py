"""The only module that converts an error to text and an exit code."""

import contextlib
from collections.abc import Iterable, Sequence
from functools import partial

from podid.cli.argv import command_first, condition_keys_named, output_option, separated, verbose
from podid.cli.runtime import Instead, Runtime, abandon
from podid.domain.errors import Again, Cancelled, CredentialsError, ExitCode, Hint, PodidError
from podid.render.view import Line


def main(argv: list[str], runtime: Runtime | None = None) -> int:
    """Run one command line and return the exit code of the process. Never raises."""
    runtime = runtime or Runtime.of_process(argv)
    argv = condition_keys_named(command_first(separated(argv)))
    runtime.argv = tuple(argv)  # hints and the journal repeat it in this order
    cut_short = False
    try:
        code = _dispatch(argv, runtime)
        if code == ExitCode.INTERRUPTED:  # Typer has caught the Ctrl-C
            cut_short = True
            _tell_interrupted(runtime)
    except PodidError as error:
        code = _fail(error, argv, runtime)
    except KeyboardInterrupt:
        cut_short = True
        _tell_interrupted(runtime)
        code = ExitCode.INTERRUPTED
    except (BrokenPipeError, SystemExit):  # Typer exits with this code when its output is closed
        code = ExitCode.OK  # the reader closed the pipe; only printing remained
    except Exception as error:  # noqa: BLE001  the last resort: a bug must not print a traceback with values in it
        cut_short = True
        code = _fail(_bug(error, all_frames=verbose(argv)), argv, runtime)
    runtime.end_runs(cut_short=cut_short)
    return int(_flush(runtime, code))


def _dispatch(argv: list[str], runtime: Runtime) -> int:
    from podid.cli.help import asks_for_help, page
    from podid.cli.tree import GROUPS

    completing = runtime.env.get("_PODID_COMPLETE")
    if completing:
        from podid.cli.completion import answer, words_of
        from podid.cli.suggestions import values

        answered = answer(completing, words_of(argv), partial(values, runtime))
        runtime.to_stdout(lambda stdout: stdout.write(answered))
        return ExitCode.OK
    argv = _meant(argv)
    if not argv and runtime.streams.stdout_tty:
        return _start_page(runtime)
    if not argv or (argv[0] in GROUPS and len(argv) == 1):
        argv = [*argv, "--help"]
    if asks_for_help(argv):
        width = runtime.width if runtime.streams.stdout_tty else None
        lines = page(argv, width)
        if lines is not None:
            _show(lines, runtime)
            return ExitCode.OK
    return _parse_and_run(argv, runtime)


def _start_page(runtime: Runtime) -> int:
    from podid.cli.command import access_for
    from podid.cli.first_run import PAGE_SECONDS, start_page

    shared = ("cluster", "region", "profile", "context", "kubeconfig", "output", "query")
    access = access_for(runtime, dict.fromkeys(shared))
    access.deadline = runtime.deadline(PAGE_SECONDS, f"the {PAGE_SECONDS:g} s for the start page")
    with access.terminal.working("reading the caller's identity"):
        lines = list(start_page(access))
    _show(lines, runtime)
    return ExitCode.OK


def _show(lines: Iterable[str | Line], runtime: Runtime) -> None:
    from dataclasses import replace

    from podid.render.screen import paint_all

    color = "--no-color" not in runtime.argv
    screen = replace(runtime.screen(runtime.streams.stdout, color=color, full=True), width=None)
    runtime.to_stdout(lambda stdout: stdout.write(paint_all(lines, screen)))


def _parse_and_run(argv: list[str], runtime: Runtime) -> int:
    import typer

    from podid.cli.command import build

    try:
        result = build(argv=argv).main(args=argv, prog_name="podid", standalone_mode=False, obj=runtime)
    except Instead as answered:
        return _carry_out(answered, runtime)
    except typer.TyperException as error:
        from podid.cli.usage_errors import usage_error

        raise usage_error(error, argv) from error
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    return result if isinstance(result, int) else ExitCode.OK


def _carry_out(answered: Instead, runtime: Runtime) -> int:
    """Run the command line of a guided run. Hints and the journal repeat it as if it had been typed."""
    from podid.render.sanitize import line

    runtime.argv = answered.argv
    code = _dispatch(list(answered.argv), runtime)
    with contextlib.suppress(OSError, ValueError):
        # unwrapped: the lines are for pasting
        runtime.streams.stderr.writelines(f"{line(text)}\n" for text in answered.lines)
    return code


def _meant(argv: list[str]) -> list[str]:
    """Translate command lines that users know from other programs: `podid ls`, `podid help list`."""
    if argv[:1] == ["ls"]:
        return ["list", *argv[1:]]
    if argv[:1] == ["completion"] and not {"install", "uninstall", "show"}.intersection(argv):
        shells = any(not word.startswith("-") for word in argv[1:])
        return ["completion", *(("show",) if shells else ()), *argv[1:]]
    if argv[:1] == ["explain"]:
        # log lines may begin with a hyphen; no option contains a blank
        argv = [
            f" {word}" if word.startswith("-") and len(word.split()) > 1 and "=" not in word.split()[0] else word
            for word in argv
        ]
    return [*argv[1:], "--help"] if argv[:1] == ["help"] else argv


def _bug(error: Exception, *, all_frames: bool) -> PodidError:
    # omit values: the text of an exception may contain a token or a policy
    import traceback

    stack = traceback.extract_tb(error.__traceback__)
    frames = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in stack]
    where = " < ".join(reversed(frames if all_frames else frames[-2:]))
    return PodidError(
        f"podid ran into a bug: {type(error).__name__} at {where}",
        advice="Please report it with the command that you ran; add -v for the whole call chain.",
    )


def _fail(error: PodidError, argv: Sequence[str], runtime: Runtime) -> ExitCode:
    from podid.cli.first_run import advise
    from podid.cli.hints import hint_words
    from podid.render.errors import error_json, error_text
    from podid.render.formats import DOCUMENTS

    advise(error, runtime)
    if isinstance(error, Cancelled) and runtime.begun:
        error.message = "Interrupted at the question; podid history lists the earlier changes"
    hint = hint_words(_next(error), runtime.argv)
    as_json = (output_option(argv, runtime.env) or _stored_output(runtime)) in DOCUMENTS
    stderr = runtime.streams.stderr
    if as_json:
        text = error_json(error, hint, runtime.take_settled())
    else:
        text = error_text(error, hint, runtime.screen(stderr, color="--no-color" not in argv, full=verbose(argv)))
    # stderr may be closed; the exit code remains
    with contextlib.suppress(OSError, ValueError):
        stderr.write(text)
    return error.exit_code


def _stored_output(runtime: Runtime) -> str:
    """Return the output format of the settings file; empty without a file that can be used."""
    try:
        return runtime.stored.get("output", ("", ""))[0]
    except PodidError:
        return ""


def _next(error: PodidError) -> Hint:
    """Suggest --show-permissions for a missing permission: further ones may be missing as well."""
    if error.hint or not error.permission or isinstance(error, CredentialsError):
        return error.hint
    return Again(add=("--show-permissions",))


def _tell_interrupted(runtime: Runtime) -> None:
    import shlex

    from podid.cli.hints import at_place
    from podid.render.sanitize import line
    from podid.render.screen import Screen, paint_all

    done, total = runtime.counted
    where = f" at {done} of {total} {runtime.steps}" if total else ""
    texts = [f"Interrupted{where}."]
    if runtime.changing:
        again = shlex.join(("podid", *runtime.argv))
        history = shlex.join(at_place(("podid", "history"), runtime.argv))
        texts = [f"{texts[0]} `{history}` lists the changes; it is safe to run the command again:", again]
    if runtime.streams.stderr_tty:  # the terminal has written ^C at the position of the cursor
        lines = [Line(texts[0]), *(Line(f"  {text}", code=True) for text in texts[1:])]
        text = f"\n{paint_all(lines, Screen(runtime.width))}"
    else:
        text = f"{line(' '.join(texts))}\n"
    with contextlib.suppress(OSError, ValueError):
        runtime.streams.stderr.write(text)


def _flush(runtime: Runtime, code: int) -> int:
    """Flush both streams. A failed write does not change the exit code."""
    for stream in (runtime.streams.stdout, runtime.streams.stderr):
        try:
            stream.flush()
        except OSError:
            abandon(stream)
        except ValueError:
            pass  # closed
    return code
