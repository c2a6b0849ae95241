"""Options that stand before the command."""

from collections.abc import Sequence


def command_first(argv: Sequence[str]) -> list[str]:
    """With the shared options that stand before the command behind it: aws and kubectl take theirs at either place."""
    place = _leading(argv) if len(argv) > 1 else 0
    if not place:
        return list(argv)
    from podid.cli.tree import GROUPS

    rest = list(argv[place:])
    path = _command(rest) or tuple(word for word in rest[:1] if word in GROUPS)
    return [*path, *argv[:place], *rest[len(path) :]] if path else list(argv)


def to_complete(words: Sequence[str]) -> list[str]:
    """`words`, of which the last is being typed, with such options where completion looks for them: behind a command,
    and nowhere while the command is still to come. The value of one is looked for as that of `list`, which has all."""
    *before, typed = words
    place = _leading(before)
    if place > len(before):
        return ["list", *words]
    rest = before[place:]
    return [*(command_first(before) if _command(rest) else rest), typed]


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


def _command(words: Sequence[str]) -> tuple[str, ...]:
    from podid.cli.hints import path_of

    return path_of(words)
