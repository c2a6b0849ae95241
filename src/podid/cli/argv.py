"""What can be told from a command line before, or without, parsing it."""

from collections.abc import Mapping, Sequence


def output_option(argv: Sequence[str], env: Mapping[str, str]) -> str:
    """The last -o/--output value, else PODID_OUTPUT, else "": an error in the rest of the line is reported in it."""
    chosen = env.get("PODID_OUTPUT", "")
    words = list(argv)
    for position, word in enumerate(words):
        if word == "--":
            break
        if word in ("-o", "--output") and position + 1 < len(words):
            chosen = words[position + 1]
        elif word.startswith("--output="):
            chosen = word.partition("=")[2]
        elif word.startswith("-o") and len(word) > 2:
            chosen = word[2:].removeprefix("=")
    return chosen


def verbose(argv: Sequence[str]) -> bool:
    return any(word in ("-v", "--verbose") for word in argv)
