"""What can be told from a command line before, or without, parsing it."""

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
