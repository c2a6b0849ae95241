"""The only place that turns an error into text and an exit code."""

import contextlib
import shlex
from collections.abc import Sequence

import typer

from podid.cli.argv import output_option, verbose
from podid.cli.runtime import Runtime, abandon
from podid.domain.errors import Again, PodidError, UsageError
from podid.domain.exit_codes import ExitCode


def main(argv: list[str], runtime: Runtime | None = None) -> int:
    """Carries out one command line and returns the process's exit code; nothing is raised, whatever happens."""
    runtime = runtime or Runtime.of_process(argv)
    try:
        code = _dispatch(argv, runtime)
        if code == ExitCode.INTERRUPTED:  # Typer has caught the Ctrl-C
            _tell_interrupted(runtime)
    except PodidError as error:
        code = _fail(error, argv, runtime)
    except typer.TyperException as error:
        code = _fail(_usage_error(error), argv, runtime)
    except (KeyboardInterrupt, typer.Abort):
        _tell_interrupted(runtime)
        code = ExitCode.INTERRUPTED
    except (BrokenPipeError, SystemExit):  # SystemExit is how Typer leaves when nobody reads its help
        code = ExitCode.OK  # a reader that has read enough; nothing was left to do but print
    except Exception as error:  # noqa: BLE001  the last resort: a bug must not print a traceback with values in it
        code = _fail(_bug(error, all_frames=verbose(argv)), argv, runtime)
    return int(_flush(runtime, code))


def _dispatch(argv: list[str], runtime: Runtime) -> int:
    from podid.cli.tree import GROUPS, build

    completing = runtime.env.get("_PODID_COMPLETE")
    if completing:
        from podid.cli.completion import answer
        from podid.cli.suggestions import Suggestions

        tree = build(rich_help=False, argv=argv)
        runtime.streams.stdout.write(answer(tree, completing, argv, Suggestions(runtime).values))
        return ExitCode.OK
    argv = _meant(argv)
    if len(argv) == 1 and argv[0] in GROUPS:
        argv = [*argv, "--help"]
    # on a terminal help is drawn by rich, 50 ms later; in a pipe it is plain text
    app = build(rich_help=runtime.streams.stdout_tty, argv=argv)
    result = app.main(args=argv or ["--help"], prog_name="podid", standalone_mode=False, obj=runtime)
    return result if isinstance(result, int) else ExitCode.OK


def _meant(argv: list[str]) -> list[str]:
    """What people type who know other programs: `podid ls`, `podid version`, `podid help list`."""
    if argv[:1] == ["ls"]:
        return ["list", *argv[1:]]
    if argv == ["version"]:
        return ["--version"]
    if argv[:1] == ["explain"]:
        # a line of a log often begins with a hyphen; no option has a blank in it
        argv = [
            f" {word}" if word.startswith("-") and len(word.split()) > 1 and "=" not in word.split()[0] else word
            for word in argv
        ]
    return [*argv[1:], "--help"] if argv[:1] == ["help"] else argv


# options that other programs have for what podid calls otherwise
_ELSEWHERE = {
    "--role-arn": "--role",
    "--role-name": "--role",
    "--cluster-name": "--cluster",
    "--target-role-arn": "--target-role",
    "--format": "--output",
}
_ARGUMENTS = {
    "--service-account": "NAMESPACE/NAME",
    "--service-account-name": "NAMESPACE/NAME",
    "--serviceaccount": "NAMESPACE/NAME",
}


def _usage_error(error: typer.TyperException) -> UsageError:
    """Typer's own complaint in podid's shape, with the help of the command that was being read."""
    describe = getattr(error, "format_message", None)
    context = getattr(error, "ctx", None)
    path = context.command_path.split() if context is not None else ["podid"]
    message = " ".join((str(describe() if describe else error) or "The command line cannot be read").split())
    option = str(getattr(error, "option_name", "") or "")
    if option in _ELSEWHERE:
        return UsageError(
            f"There is no option {option}; it is called {_ELSEWHERE[option]} here",
            hint=Again(swap=(option, _ELSEWHERE[option])),
        )
    advice = f"The service account is an argument, {_ARGUMENTS[option]}." if option in _ARGUMENTS else ""
    return UsageError(message, hint=(*path, "--help"), advice=advice)


def _bug(error: Exception, *, all_frames: bool) -> PodidError:
    # values stay out: an exception's text can hold a token or a policy
    import traceback

    stack = traceback.extract_tb(error.__traceback__)
    frames = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in stack]
    where = " < ".join(reversed(frames if all_frames else frames[-2:]))
    return PodidError(
        f"podid ran into a bug: {type(error).__name__} at {where}",
        advice="Please report it with the command that you ran; add -v for the whole call chain.",
    )


def _fail(error: PodidError, argv: Sequence[str], runtime: Runtime) -> ExitCode:
    from podid.render.errors import error_json, error_text

    json_wanted = output_option(argv, runtime.env) in ("json", "jsonl")
    stderr = runtime.streams.stderr
    if json_wanted:
        text = error_json(error, runtime.argv)
    else:
        color = runtime.color(stderr, wanted="--no-color" not in argv)
        text = error_text(error, runtime.argv, color=color)
    # nobody may be listening any more; the exit code still tells
    with contextlib.suppress(OSError, ValueError):
        stderr.write(text)
    return error.exit_code


def _tell_interrupted(runtime: Runtime) -> None:
    from podid.render.sanitize import line

    again = line(shlex.join(("podid", *runtime.argv)))
    safe = "What was done is in `podid history`; running the command again is safe"
    after = f" {safe}: {again}" if runtime.changing else ""
    with contextlib.suppress(OSError, ValueError):
        runtime.streams.stderr.write(f"Interrupted.{after}\n")


def _flush(runtime: Runtime, code: int) -> int:
    """A stream that cannot be written to changes no code."""
    for stream in (runtime.streams.stdout, runtime.streams.stderr):
        try:
            stream.flush()
        except OSError:
            abandon(stream)
        except ValueError:
            pass  # closed
    return code
