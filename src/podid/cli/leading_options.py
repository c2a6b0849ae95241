"""Options that stand before the command."""

from collections.abc import Sequence


def command_first(argv: Sequence[str]) -> list[str]:
    """With the shared options that stand before the command behind it: aws and kubectl take theirs at either place."""
    if len(argv) < 2 or not argv[0].startswith("-"):
        return list(argv)
    from podid.cli.hints import path_of
    from podid.cli.options import FLAGS, spellings
    from podid.cli.tree import GROUPS

    switches = {word for name, flag in FLAGS.items() if flag.default is False for word in spellings(name)}
    valued = {word for name in FLAGS for word in spellings(name)} - switches
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
            return list(argv)
    rest = list(argv[place:])
    path = path_of(rest) or tuple(word for word in rest[:1] if word in GROUPS)
    return [*path, *argv[:place], *rest[len(path) :]] if path else list(argv)
