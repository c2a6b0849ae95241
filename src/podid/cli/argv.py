"""Read options from a command line without parsing it; move options that precede the command behind it."""

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from podid.domain.option import OptionField

# the commands with --context-key
EVALUATING = ("can-i", "who-can", "privileges")
_SHORT = re.compile(r"-[A-Za-z]\S+")
_CONDITION = re.compile(r"(?!arn:)[A-Za-z0-9-]+:[^=]+=")


class GivenOption(NamedTuple):
    """An option in a command line: its position, its number of words, and its value (None: missing)."""

    place: int
    size: int
    value: str | None


def occurrences(option: str, argv: Sequence[str], *, short: str = "") -> list[GivenOption]:
    """Return each occurrence of an option with a value, in order."""
    words = _before_names(argv)
    options: list[GivenOption] = []
    for place, word in enumerate(words):
        if word in (option, short or option):
            following = words[place + 1 : place + 2]
            options.append(GivenOption(place, 1 + len(following), following[0] if following else None))
        elif word.startswith(f"{option}="):
            options.append(GivenOption(place, 1, word.partition("=")[2]))
        elif short and word.startswith(short) and len(word) > 2:
            options.append(GivenOption(place, 1, word[2:]))
    return options


def _before_names(argv: Sequence[str]) -> list[str]:
    """Return the words before `--`."""
    words = list(argv)
    return words[: words.index("--")] if "--" in words else words


def values_of(option: str, argv: Sequence[str], *, short: str = "") -> list[str]:
    """Return all values of an option, in order."""
    return [item.value for item in occurrences(option, argv, short=short) if item.value is not None]


def value_of(option: str, argv: Sequence[str], *, short: str = "") -> str:
    """Return the last value of an option, or ""."""
    return next(reversed(values_of(option, argv, short=short)), "")


def output_option(argv: Sequence[str], env: Mapping[str, str]) -> str:
    """Return the last --output value, else PODID_OUTPUT, else "". Errors of parsing are reported in that format."""
    return value_of("--output", argv, short="-o") or env.get("PODID_OUTPUT", "")


def verbose(argv: Sequence[str]) -> bool:
    return any(word in ("-v", "--verbose") for word in argv)


def at_one(argv: Sequence[str], **values: str | None) -> tuple[str, ...]:
    """Return the command line for one of several places: each given option of `values` once, with that value, at the
    position of its first occurrence. Options for several places, such as --all-clusters, become the option for one.
    Adds no other options."""
    words = tuple(argv)
    for name, value in values.items():
        if value is not None:
            words = _once(words, name, value)
    return words


# options for several places, by the option for one; those with a value first
_OF_SEVERAL: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "cluster": (("--cluster-tag", "--shard"), ("--all-clusters",)),
    "region": ((), ("--all-regions",)),
    "accounts": ((), ("--organization",)),
}


def _once(words: tuple[str, ...], name: str, value: str) -> tuple[str, ...]:
    options = occurrences(f"--{name}", words, short="-c" if name == "cluster" else "")
    valued, switches = _OF_SEVERAL.get(name, ((), ()))
    options += [item for option in valued for item in occurrences(option, words)]
    options += [GivenOption(place, 1, None) for place, word in enumerate(_before_names(words)) if word in switches]
    if not options:
        end = len(_before_names(words))
        everywhere = occurrences("--accounts", words) or {"--organization", "--all-regions"} & set(words[:end])
        # these options select all clusters
        return (*words[:end], "--cluster", value, *words[end:]) if name == "cluster" and everywhere else words
    replaced = {place for item in options for place in range(item.place, item.place + item.size)}
    place = min(replaced)
    kept = (word for position, word in enumerate(words) if position > place and position not in replaced)
    return (*words[:place], f"--{name}", value, *kept)


def separated(argv: Sequence[str]) -> list[str]:
    """Return the words with a word for each short option: kubectl also accepts `-Ac demo` and `-c=demo`."""
    words = _before_names(argv)
    if not any(_SHORT.fullmatch(word) for word in words):
        return list(argv)
    from podid.cli.options import SHARED
    from podid.cli.tree import options_of, path_of

    known = {name: item for item in (*SHARED.values(), *options_of(path_of(argv))) for name in item.spellings}
    switches = {name for name, item in known.items() if item.kind == "switch"}
    apart: list[str] = []
    for before, word in pairwise(("", *words)):
        if before not in known or before in switches:  # otherwise it is a value
            while _SHORT.fullmatch(word) and word[:2] in switches:
                apart.append(word[:2])
                word = f"-{word[2:]}"
            word = word[:2] + word[3:] if _SHORT.fullmatch(word) and word[2] == "=" and word[3:] else word
        apart.append(word)
    return [*apart, *argv[len(words) :]]


def command_first(argv: Sequence[str]) -> list[str]:
    """Move shared options that precede the command behind it: aws and kubectl accept both positions."""
    place = leading(argv) if len(argv) > 1 else 0
    if not place:
        return list(argv)
    from podid.cli.tree import path_of

    words = list(argv[place:])
    path = path_of(words) or tuple(word for word in words[:1] if not word.startswith("-"))
    return [*path, *argv[:place], *words[len(path) :]]


def condition_keys_named(argv: Sequence[str]) -> list[str]:
    """Return the words with --context-key in the place of a --context whose value is a condition key, such as
    aws:SourceIp=203.0.113.9, for the commands that evaluate policies. No name of a kube context has this form."""
    words = list(argv)
    if words and words[0] in EVALUATING:
        for item in occurrences("--context", words):
            if _CONDITION.match(item.value or ""):
                words[item.place] = words[item.place].replace("--context", "--context-key", 1)
    return words


def to_complete(words: Sequence[str]) -> list[str]:
    """Return the words with leading options moved behind the command for completion, or omitted if there is no command
    yet. The last word is incomplete. The value of a leading option completes as for `list`, which has them all."""
    from podid.cli.tree import path_of

    *before, typed = words
    before = separated(before)
    place = leading(before)
    if place > len(before):
        return ["list", *before, typed]
    following = before[place:]
    return [*(command_first(before) if path_of(following) else following), typed]


def leading(argv: Sequence[str]) -> int:
    """Return the number of leading words that are shared options and values; 0 if another option is among them."""
    if not argv or not argv[0].startswith("-"):
        return 0
    from podid.cli.options import SHARED

    return leading_options(argv, SHARED.values())


def leading_options(argv: Sequence[str], options: "Collection[OptionField]") -> int:
    """Return the number of leading words that are these options and values, one more if the last value is missing; 0
    if another option is among them."""
    switches = {word for item in options if item.kind == "switch" for word in item.spellings}
    valued = {word for item in options for word in item.spellings} - switches
    place = 0
    while place < len(argv) and argv[place].startswith("-"):
        name, equals, _ = argv[place].partition("=")
        if name in valued:
            place += 1 if equals else 2
        elif name in switches or argv[place][:2] in valued:
            place += 1
        else:
            return 0
    return place
