"""Command lines to paste, hints of errors and fixes of findings, with the options for the place."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from podid.cli.argv import at_one, value_of, values_of
from podid.cli.options import SHARED
from podid.cli.tree import options_of, path_of
from podid.domain.errors import Again, Hint, Other
from podid.domain.option import OptionField

_SHARED_LONG = frozenset(item.long for item in SHARED.values() if item.kind == "text")
# shared options that other programs have under the same name
_ELSEWHERE = {"aws": ("region", "profile"), "kubectl": ("context", "kubeconfig")}


def hint_words(hint: Hint, argv: Sequence[str]) -> tuple[str, ...]:
    """Return the hint as words for shlex.join, or () if there is nothing to try. `argv` is the failed command line."""
    words = tuple(argv)
    if isinstance(hint, Again) and not _has_options(path_of(words), hint.add):
        hint = hint.instead or ()
    if isinstance(hint, Again):
        hint, words = _once(hint, words)
        again = hint.of(words, path=len(path_of(words)))
        declared = {item.field: item for item in (*SHARED.values(), *options_of(path_of(again[1:])))}
        consents = {name for item in declared.values() if item.consent for name in item.spellings}
        return hint.of(words, path=len(path_of(words)), unconsented=lambda word: "" if word in consents else word)
    if isinstance(hint, Other):
        return at_place(hint.of(), words)
    return at_place(hint, words)


def _once(hint: Again, words: tuple[str, ...]) -> tuple[Again, tuple[str, ...]]:
    """Return the command line with the values of added options in place of the typed ones, and the hint that adds the
    others."""
    add = hint.add
    for flag, value in pairwise(hint.add):
        if flag in _SHARED_LONG and (changed := at_one(words, **{flag[2:]: value})) != words:
            place = add.index(flag)
            words, add = changed, (*add[:place], *add[place + 2 :])
    return replace(hint, add=add), words


def at_place(command: tuple[str, ...], argv: Sequence[str], *, region: str = "") -> tuple[str, ...]:
    """Return `command` with the options of `argv` about the place that its program has and that it lacks. `region` is
    the region of the cluster's ARN, if no flag or variable sets one."""
    flags: list[str] = []
    for item in _places(command):
        values = values_of(item.long, argv, short=item.short)
        value = values[-1] if values else region if item.field == "region" else ""
        if not value:
            continue
        if not value_of(item.long, command, short=item.short):
            flags += (item.long, value)
        elif item.field == "cluster" and value.endswith(f"/{value_of(item.long, command)}") and len(set(values)) == 1:
            # an ARN also binds region and account
            place = command.index(item.long) + 1
            command = (*command[:place], value, *command[place + 1 :])
    return with_flags(command, *flags)


def with_flags(command: tuple[str, ...], *flags: str) -> tuple[str, ...]:
    """Return `command` with the flags at its end, or before a `--`."""
    place = command.index("--") if "--" in command else len(command)
    return (*command[:place], *flags, *command[place:])


def _places(command: Sequence[str]) -> tuple[OptionField, ...]:
    """Return the options about the place that the program of a command line has."""
    if "--help" in command:
        return ()  # help needs no place
    if not command or command[0] != "podid":
        names: Sequence[str] = _ELSEWHERE.get(command[0], ()) if command else ()
        if tuple(command[:2]) == ("kubectl", "config"):
            names = ("kubeconfig",)  # kubectl config get-contexts has no --context
        return tuple(SHARED[name] for name in names)
    return tuple(item for item in options_of(path_of(command[1:])) if item.where)


def _has_options(path: tuple[str, ...], flags: Sequence[str]) -> bool:
    """Return whether the command has all of the flags: the error may come from a shared operation."""
    names = {flag.partition("=")[0] for flag in flags if flag.startswith("--")}
    return not path or not names or names <= options_by_name(path).keys()


def options_by_name(words: Sequence[str]) -> dict[str, OptionField]:
    """Return the options of the command that the words begin with, by each spelling."""
    return {name: item for item in options_of(path_of(words)) for name in item.spellings}
