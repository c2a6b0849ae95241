"""What can be told from a command line before, or without, parsing it; options that stand before the command."""

from collections.abc import Mapping, Sequence


def output_option(argv: Sequence[str], env: Mapping[str, str]) -> str:
    """The last -o/--output value, else PODID_OUTPUT, else "": an error in the rest of the line is reported in it."""
    return value_of("--output", argv, short="-o") or env.get("PODID_OUTPUT", "")


def value_of(option: str, argv: Sequence[str], *, short: str = "") -> str:
    """What an option is last given as, "" when it is not there."""
    return next(reversed(values_of(option, argv, short=short)), "")


def values_of(option: str, argv: Sequence[str], *, short: str = "") -> list[str]:
    """All that an option is given as, in order."""
    found: list[str] = []
    words = list(argv)
    for position, word in enumerate(words):
        if word == "--":
            break
        if word in (option, short or option) and position + 1 < len(words):
            found.append(words[position + 1])
        elif word.startswith(f"{option}="):
            found.append(word.partition("=")[2])
        elif short and word.startswith(short) and len(word) > 2:
            found.append(word[2:].removeprefix("="))
    return found


def verbose(argv: Sequence[str]) -> bool:
    return any(word in ("-v", "--verbose") for word in argv)


def at_one(argv: Sequence[str], **values: str | None) -> tuple[str, ...]:
    """The command line for one of several places: every option of `values` that is given is given once, in the place of
    the first, as that value; --all-clusters and --cluster-tag become the cluster. What was not given is not added."""
    words = tuple(argv)
    for name, value in values.items():
        if value is not None:
            words = _once(words, name, value)
    return words


def _once(words: tuple[str, ...], name: str, value: str) -> tuple[str, ...]:
    long, short = f"--{name}", "-c" if name == "cluster" else ""
    kept: list[str] = []
    place = None
    position = 0
    while position < len(words) and words[position] != "--":
        word = words[position]
        joined = word.startswith(f"{long}=") or (short and word.startswith(short) and not word.startswith("--"))
        every = name == "cluster" and (word == "--all-clusters" or word.startswith("--cluster-tag="))
        tag = name == "cluster" and word == "--cluster-tag"
        size = 2 if word in (long, short or long) or tag else 1 if joined or every else 0
        if size and place is None:
            place = len(kept)
        if not size:
            kept.append(word)
        position += size or 1
    if place is None:
        return words
    return (*kept[:place], long, value, *kept[place:], *words[position:])


def command_first(argv: Sequence[str]) -> list[str]:
    """With the shared options that stand before the command behind it: aws and kubectl take theirs at either place."""
    place = _leading(argv) if len(argv) > 1 else 0
    if not place:
        return list(argv)
    from podid.cli.tree import GROUPS, path_of

    rest = list(argv[place:])
    path = path_of(rest) or tuple(word for word in rest[:1] if word in GROUPS)
    return [*path, *argv[:place], *rest[len(path) :]] if path else list(argv)


def to_complete(words: Sequence[str]) -> list[str]:
    """`words`, of which the last is being typed, with such options where completion looks for them: behind a command,
    and nowhere while the command is still to come. The value of one is looked for as that of `list`, which has all."""
    from podid.cli.tree import path_of

    *before, typed = words
    place = _leading(before)
    if place > len(before):
        return ["list", *words]
    rest = before[place:]
    return [*(command_first(before) if path_of(rest) else rest), typed]


def _leading(argv: Sequence[str]) -> int:
    """How many words in front are shared options and their values, one more where a value is missing; 0 where another
    option is among them."""
    if not argv or not argv[0].startswith("-"):
        return 0
    from podid.cli.options import SHARED

    switches = {word for item in SHARED.values() if item.kind == "switch" for word in item.spellings}
    valued = {word for item in SHARED.values() for word in item.spellings} - switches
    letters = {word[1] for word in switches if not word.startswith("--")}
    place = 0
    while place < len(argv) and argv[place].startswith("-"):
        name, equals, _ = argv[place].partition("=")
        short = not name.startswith("--") and len(argv[place]) > 2
        if name in valued:
            place += 1 if equals else 2
        elif name in switches or (short and (argv[place][:2] in valued or set(argv[place][1:]) <= letters)):
            place += 1
        else:
            return 0
    return place
