"""What can be told from a command line before, or without, parsing it."""

from collections.abc import Mapping, Sequence


def output_option(argv: Sequence[str], env: Mapping[str, str]) -> str:
    """The last -o/--output value, else PODID_OUTPUT, else "": an error in the rest of the line is reported in it."""
    return value_of("--output", argv, short="-o") or env.get("PODID_OUTPUT", "")


def value_of(option: str, argv: Sequence[str], *, short: str = "") -> str:
    """What an option is last given as, "" when it is not there."""
    chosen = ""
    words = list(argv)
    for position, word in enumerate(words):
        if word == "--":
            break
        if word in (option, short or option) and position + 1 < len(words):
            chosen = words[position + 1]
        elif word.startswith(f"{option}="):
            chosen = word.partition("=")[2]
        elif short and word.startswith(short) and len(word) > 2:
            chosen = word[2:].removeprefix("=")
    return chosen


def verbose(argv: Sequence[str]) -> bool:
    return any(word in ("-v", "--verbose") for word in argv)
