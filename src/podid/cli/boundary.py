"""The only place that turns an error into text and an exit code."""

import contextlib
import re
from collections.abc import Sequence

import typer

from podid.cli.argv import output_option, value_of, verbose
from podid.cli.leading_options import command_first
from podid.cli.runtime import Instead, Runtime, abandon
from podid.domain.errors import Again, CredentialsError, Hint, Other, PodidError, UsageError
from podid.domain.exit_codes import ExitCode


def main(argv: list[str], runtime: Runtime | None = None) -> int:
    """Carries out one command line and returns the process's exit code; nothing is raised, whatever happens."""
    runtime = runtime or Runtime.of_process(argv)
    argv = command_first(argv)
    runtime.argv = tuple(argv)  # hints and the journal repeat it in this order
    try:
        code = _dispatch(argv, runtime)
        if code == ExitCode.INTERRUPTED:  # Typer has caught the Ctrl-C
            _tell_interrupted(runtime)
    except PodidError as error:
        code = _fail(error, argv, runtime)
    except typer.TyperException as error:
        code = _fail(_usage_error(error, argv), argv, runtime)
    except (KeyboardInterrupt, typer.Abort):
        _tell_interrupted(runtime)
        code = ExitCode.INTERRUPTED
    except (BrokenPipeError, SystemExit):  # SystemExit is how Typer leaves when nobody reads its help
        code = ExitCode.OK  # a reader that has read enough; nothing was left to do but print
    except Exception as error:  # noqa: BLE001  the last resort: a bug must not print a traceback with values in it
        code = _fail(_bug(error, all_frames=verbose(argv)), argv, runtime)
    return int(_flush(runtime, code))


def _dispatch(argv: list[str], runtime: Runtime) -> int:
    from podid.cli.parser import build
    from podid.cli.tree import GROUPS

    completing = runtime.env.get("_PODID_COMPLETE")
    if completing:
        from podid.cli.completion import answer, words_of
        from podid.cli.suggestions import Suggestions

        words = words_of(argv)
        tree = build(rich_help=False, argv=words)
        runtime.streams.stdout.write(answer(tree, completing, words, Suggestions(runtime).values))
        return ExitCode.OK
    argv = _meant(argv)
    if len(argv) == 1 and argv[0] in GROUPS:
        argv = [*argv, "--help"]
    # on a terminal help is drawn by rich, 50 ms later; in a pipe it is plain text
    app = build(rich_help=runtime.streams.stdout_tty, argv=argv)
    try:
        result = app.main(args=argv or ["--help"], prog_name="podid", standalone_mode=False, obj=runtime)
    except Instead as answered:
        return _carry_out(answered, runtime)
    return result if isinstance(result, int) else ExitCode.OK


def _carry_out(answered: Instead, runtime: Runtime) -> int:
    """What was asked for by questions. From here on it is as if it had been typed: hints and the journal repeat it."""
    from podid.render.sanitize import line

    runtime.argv = answered.argv
    code = _dispatch(list(answered.argv), runtime)
    with contextlib.suppress(OSError, ValueError):
        # whole lines, which a terminal wraps without breaking what is pasted
        runtime.streams.stderr.writelines(f"{line(text)}\n" for text in answered.lines)
    return code


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
    "--wide": "--output=wide",
}
# what Typer says of an argument for which there is no place
_EXTRA = re.compile(r"Got unexpected extra argument(?:s|\(s\))? \((.*)\)")
_ARGUMENTS = ("--service-account", "--service-account-name", "--serviceaccount")


def _usage_error(error: typer.TyperException, argv: Sequence[str]) -> UsageError:
    """Typer's own complaint in podid's shape, with the command line that was meant, or the help of the command that was
    being read."""
    from podid.cli.hints import path_of
    from podid.cli.options import FLAGS, spellings
    from podid.domain.words import did_you_mean, nearest

    describe = getattr(error, "format_message", None)
    context = getattr(error, "ctx", None)
    path = context.command_path.split()[1:] if context is not None else path_of(argv)
    message = " ".join((str(describe() if describe else error) or "The command line cannot be read").split())
    option = str(getattr(error, "option_name", "") or "")
    if option in _ELSEWHERE:
        return UsageError(
            f"There is no option {option}; it is called {_ELSEWHERE[option]} here",
            hint=Again(swap=(option, _ELSEWHERE[option])),
        )
    account = next((name for name in _ARGUMENTS if value_of(name, argv)), "")
    if option in _ARGUMENTS or (account and option in ("--namespace", "-n")):
        return UsageError(
            f"There is no option {option}; the service account is an argument, NAMESPACE/NAME",
            hint=_with_argument(account, argv, path) or Other((*path, "--help")),
        )
    typed, known = option, list(getattr(error, "possibilities", None) or ())
    if message.startswith("No such command") and context is not None:
        typed, known = message.split("'")[1], list(context.command.commands)
        message = f"There is no command {typed}"
    elif context is not None and (extra := _EXTRA.fullmatch(message)):
        some = any(param.param_type_name == "argument" for param in context.command.params)
        what = f"fewer arguments: {extra[1]} is too much" if some else f"no argument, and {extra[1]} is one"
        message = f"podid {' '.join(path)} takes {what}"
    elif message.startswith("No such option"):
        message = f"There is no option {option}"
        if any(option in spellings(name) for name in FLAGS):
            # other commands have it: it is spelled right, and no other one is meant
            message, known = f"{message} of {' '.join(('podid', *path))}", []
    near = nearest(typed, known, 1)
    value = value_of(typed, argv)
    # one that takes a value, for which none was given, is not what was meant
    fits = near and ((value and not value.startswith("-")) or not _takes_value(context, near[0]))
    return UsageError(
        f"{message}{did_you_mean(typed, known, 1)}",
        hint=Again(swap=(typed, near[0])) if fits else Other((*path, "--help")),
    )


def _takes_value(context: object, option: str) -> bool:
    """Whether that is an option of the command that takes a value."""
    params = getattr(getattr(context, "command", None), "params", ())
    named = next((param for param in params if option in (*param.opts, *param.secondary_opts)), None)
    return named is not None and not getattr(named, "is_flag", False) and not getattr(named, "count", False)


def _with_argument(option: str, argv: Sequence[str], path: Sequence[str]) -> Hint:
    """The command line with NAMESPACE/NAME made of `option` and --namespace; empty where it lacks one of the two."""
    words, found = list(argv), {}
    for name, short in ((option, ""), ("--namespace", "-n")):
        found[name] = value_of(name, words, short=short)
        at = next((place for place, word in enumerate(words) if word.partition("=")[0] in (name, short or name)), None)
        if not found[name] or at is None:
            return ()
        del words[at : at + (1 if "=" in words[at] else 2)]
    return ("podid", *path, f"{found['--namespace']}/{found[option]}", *words[len(path) :])


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
    from podid.cli.hints import hint_words
    from podid.render.errors import error_json, error_text

    hint = hint_words(_next(error), runtime.argv)
    json_wanted = output_option(argv, runtime.env) in ("json", "jsonl")
    stderr = runtime.streams.stderr
    if json_wanted:
        text = error_json(error, hint, runtime.take_settled())
    else:
        color = runtime.color(stderr, wanted="--no-color" not in argv)
        width = runtime.width if runtime.streams.stderr_tty else None
        text = error_text(error, hint, width=width, color=color)
    # nobody may be listening any more; the exit code still tells
    with contextlib.suppress(OSError, ValueError):
        stderr.write(text)
    return error.exit_code


def _next(error: PodidError) -> Hint:
    """Who lacks a right is shown all that the command needs: the next one would be missed after the next try."""
    if error.hint or not error.permission or isinstance(error, CredentialsError):
        return error.hint
    return Again(add=("--show-permissions",))


def _tell_interrupted(runtime: Runtime) -> None:
    import shlex

    from podid.render.lines import paint_all
    from podid.render.sanitize import line
    from podid.render.view import Line

    again = line(shlex.join(("podid", *runtime.argv)))
    safe = "What was done is in `podid history`; running the command again is safe"
    after = f" {safe}: {again}" if runtime.changing else ""
    done, total = runtime.counted
    where = f" at {done} of {total} steps" if total else ""
    text = f"Interrupted{where}.{after}"
    if runtime.streams.stderr_tty:  # which has written ^C where the cursor was
        text = f"\n{paint_all([Line(text)], width=runtime.width, color=False)}"
    else:
        text = f"{text}\n"
    with contextlib.suppress(OSError, ValueError):
        runtime.streams.stderr.write(text)


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
