"""Command lines to paste: hints of errors and fixes of findings, at the place that the command line names."""

from __future__ import annotations

from collections.abc import Sequence

from podid.cli.argv import value_of, values_of
from podid.domain.errors import Again, Hint, Other

WHERE = ("cluster", "region", "profile", "expect_account", "context", "kubeconfig", "journal_dir")
# what other programs call the same
_ELSEWHERE = {"aws": ("region", "profile"), "kubectl": ("context", "kubeconfig")}


def hint_words(hint: Hint, argv: Sequence[str]) -> tuple[str, ...]:
    """The hint as words for shlex.join; empty where there is nothing to try. `argv` is the command line that failed."""
    words = tuple(argv)
    if isinstance(hint, Again) and not _has_options(path_of(words), hint.add):
        hint = hint.instead or ()
    if isinstance(hint, Again):
        return hint.of(words, path=len(path_of(words)))
    if isinstance(hint, Other):
        return at_place(hint.of(), words)
    return at_place(hint, words)


def at_place(command: tuple[str, ...], argv: Sequence[str], *, region: str = "") -> tuple[str, ...]:
    """`command` with the flags of `argv` that say where, as far as its program has them and it does not carry them yet.
    `region` is what neither a flag nor the environment gives: the cluster's own, from its ARN."""
    flags: list[str] = []
    for name in _takes(command):
        long = f"--{name.replace('_', '-')}"
        short = "-c" if name == "cluster" else ""
        value = value_of(long, argv, short=short) or (region if name == "region" else "")
        if not value:
            continue
        if not value_of(long, command, short=short):
            flags += (long, value)
        elif name == "cluster" and long in command and len(values_of(long, argv, short=short)) == 1:
            # an ARN binds region and account too
            place = command.index(long) + 1
            command = (*command[:place], value, *command[place + 1 :])
    return with_flags(command, *flags)


def with_flags(command: tuple[str, ...], *flags: str) -> tuple[str, ...]:
    """`command` with these at its end, or before the `--` that only names follow."""
    place = command.index("--") if "--" in command else len(command)
    return (*command[:place], *flags, *command[place:])


def _takes(command: Sequence[str]) -> tuple[str, ...]:
    if "--help" in command:
        return ()  # no place matters to it
    if not command or command[0] != "podid":
        elsewhere = _ELSEWHERE.get(command[0], ()) if command else ()
        # what lists the contexts takes none
        return elsewhere if tuple(command[:2]) != ("kubectl", "config") else ("kubeconfig",)
    from podid.cli.tree import COMMANDS

    path = path_of(command[1:])
    shared = next((row.load().shared for row in COMMANDS if row.path == path), ())
    return tuple(name for name in WHERE if name in shared)


def _has_options(path: tuple[str, ...], flags: Sequence[str]) -> bool:
    """Whether the command takes all of the flags: an error may come from far below of what was asked for."""
    wanted = {flag.partition("=")[0] for flag in flags if flag.startswith("--")}
    return not path or not wanted or wanted <= options_of(path)


def options_of(path: tuple[str, ...]) -> frozenset[str]:
    """The options of the command that these words name, by what it declares."""
    from inspect import signature

    from podid.cli.options import FLAGS, OUTPUT
    from podid.cli.tree import COMMANDS

    command = next((row.load() for row in COMMANDS if row.path == path), None)
    if command is None:
        return frozenset()
    parameters = signature(command.body, eval_str=True).parameters.values()
    declared = [item for parameter in parameters for item in getattr(parameter.annotation, "__metadata__", ())]
    declared += [FLAGS[name].metadata["option"] for name in (*command.shared, *OUTPUT) if name in FLAGS]
    words = ["--show-permissions"] if "show_permissions" in command.shared else []
    # Typer keeps the first name of an option in an annotation as its default
    words += [word for item in declared for word in (item.default, *(item.param_decls or ())) if isinstance(word, str)]
    return frozenset(name for word in words for name in word.split("/") if name.startswith("-"))


def path_of(words: Sequence[str]) -> tuple[str, ...]:
    """The words that name the command; empty for what is none."""
    from podid.cli.tree import COMMANDS

    found = [row.path for row in COMMANDS if tuple(words[: len(row.path)]) == row.path]
    return max(found, key=len, default=())
