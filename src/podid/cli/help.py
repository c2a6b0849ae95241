"""Help as lines: of podid, of a noun, of a command, and of the common options.

Help imports only the command that it describes, and Typer only with that.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from podid.cli.argv import leading
from podid.cli.tree import COMMANDS, GROUPS, PANELS, Row, path_of
from podid.render.view import Line

if TYPE_CHECKING:
    from podid.cli.options import Command
    from podid.domain.option import OptionField

ABOUT = "Set up and verify Amazon EKS Pod Identity, or find the first broken link."
# the main tasks, in the order in which users need them
MAIN_WORKFLOW = (
    ("podid demo", "Take a tour on this machine, without AWS."),
    ("podid install-agent", "Install the agent on a cluster."),
    ("podid associate", "Give pods a role, step by step."),
    ("podid associate NS/SA --role ROLE", "The same for scripts, without prompts."),
    ("podid verify NS/SA", "Verify which role the pods get."),
    ("podid doctor", "Find the cause if pods get no credentials."),
)
OPTIONS = "options"
# wider pages are hard to read; a pipe has no width
WIDEST, PIPE = 100, 80
# after a longer option, its meaning is on the next line
_LONGEST = 30


def asks_for_help(argv: Sequence[str]) -> bool:
    words = list(argv[: argv.index("--")] if "--" in argv else argv)
    return "--help" in words or "-h" in words


def page(argv: Sequence[str], width: int | None) -> list[str | Line] | None:
    """Return the lines of the requested page; None if the command line names no command."""
    words = [word for word in argv if word not in ("--help", "-h")]
    words = [word for word in words[leading(words) :] if not word.startswith("-")]
    width = PIPE if width is None else min(width, WIDEST)
    if not words:
        return list(_root(width))
    if words == [OPTIONS]:
        return list(_common(width))
    if len(words) == 1 and words[0] in GROUPS:
        return list(_noun(words[0], width))
    row = next((row for row in COMMANDS if row.path == path_of(words)), None)
    return None if row is None else list(_command(row, width))


def _root(width: int) -> Iterator[str | Line]:
    yield from wrapped(ABOUT, width)
    yield from section("Main workflow", two_columns(MAIN_WORKFLOW, width, longest=width))
    for panel in PANELS:
        yield from section(panel, two_columns(_entries(panel), width))
    yield ""
    yield from wrapped(
        "podid COMMAND --help explains a command. podid help options explains the options that commands share. Write "
        "a service account as NAMESPACE/NAME.",
        width,
    )


def _entries(panel: str) -> Iterator[tuple[str, str]]:
    """Yield each command, and each noun once with its verbs."""
    for row in COMMANDS:
        noun = row.path[0]
        if row.panel != panel:
            continue
        if len(row.path) == 1:
            yield noun, row.summary
        elif row is next(other for other in COMMANDS if other.path[0] == noun):
            verbs = ", ".join(other.path[1] for other in COMMANDS if other.path[0] == noun)
            yield noun, f"{GROUPS[noun].removesuffix('.')}: {verbs}."
    if panel == PANELS[-1]:
        yield "help", "Show this page, or the help of a command."


def _noun(noun: str, width: int) -> Iterator[str | Line]:
    rows = [row for row in COMMANDS if row.path[0] == noun]
    yield GROUPS[noun]
    yield from section("Usage", [f"  podid {noun} COMMAND"])
    yield from section("Commands", two_columns(((row.path[1], row.summary) for row in rows), width))
    yield ""
    yield f"podid {noun} COMMAND --help explains a command."


def _command(row: Row, width: int) -> Iterator[str | Line]:
    command = row.load()
    (first,), *details = command.paragraphs
    yield from wrapped(first, width)
    yield ""
    yield Line(f"Usage: {usage(row.name, command)}", style="head", upto=len("Usage:"))
    yield from section("Examples", [f"  {example}" for example in command.examples])
    for paragraph in details:
        yield ""
        for line in paragraph:
            yield from wrapped(line, width)
    for heading, items in sections_of(command).items():
        full = two_columns(items_of(item for item in items if not item.brief), width)
        brief = [item for item in items if item.brief]
        more = (*(item.long for item in brief), f"(see {brief[0].brief})") if brief else ()
        yield from section(heading, (*full, *_in_short(more, width)))
    yield from section("Common options", _in_short(common_names(command), width), "podid help options")


def sections_of(command: Command) -> dict[str, list[OptionField]]:
    """Return the command's own arguments and options by heading."""
    sections: dict[str, list[OptionField]] = {}
    first = "Arguments and options" if any(item.argument for item in command.own) else "Options"
    heading = next((item.heading for item in command.own if item.heading), first)
    for item in command.own:
        heading = item.heading or heading
        sections.setdefault(heading, []).append(item)
    for items in sections.values():
        items.sort(key=lambda item: not item.argument)
    return sections


def usage(name: str, command: Command) -> str:
    arguments = (item.metavar for item in command.own if item.argument)
    required = (f"{item.long} {item.metavar}" for item in command.own if item.required and not item.argument)
    return " ".join(("podid", name, *arguments, *required, "[OPTIONS]"))


def common_names(command: Command) -> Iterator[str]:
    from podid.cli.options import OUTPUT, SHARED

    return (SHARED[name].long for name in (*command.shared, *OUTPUT))


def _common(width: int) -> Iterator[str | Line]:
    from podid.cli.options import SHARED

    yield "Options that commands share. You can also put them before the command."
    yield from section("Common options", two_columns(items_of(SHARED.values()), width))
    yield ""
    yield from wrapped(
        "An option overrides its environment variable, the variable overrides the settings file (podid config), and "
        "the file overrides the kubeconfig.",
        width,
    )


def items_of(options: Iterable[OptionField]) -> Iterator[tuple[str, str]]:
    for item in options:
        long = f"--[no-]{item.long[2:]}" if item.off else item.long
        names = "" if item.argument else f"{item.short}, {long}" if item.short else long
        dots = "..." if item.kind == "texts" and item.metavar[-1:].isalnum() else ""
        yield f"{names} {item.metavar}{dots}".strip(), _meaning(item)


def _meaning(item: OptionField) -> str:
    text = item.help.removesuffix(" Repeatable.")
    default = _default(item)
    if default and "[default" not in text:
        text += f" [default: {default}]"
    return f"{text} [{', '.join(item.env)}]" if item.env else text


def _default(item: OptionField) -> str:
    if item.kind == "number":
        return str(item.default)
    if item.kind == "switch":
        return "on" if item.default is True else ""
    return str(item.default) if item.kind == "text" and item.default and not item.required else ""


def section(heading: str, lines: Iterable[str], note: str = "") -> Iterator[str | Line]:
    """Yield a heading and its lines; nothing without lines."""
    body = list(lines)
    if body:
        yield ""
        yield Line(f"{heading} ({note})" if note else heading, style="head", upto=len(heading))
        yield from body


def two_columns(items: Iterable[tuple[str, str]], width: int, longest: int = _LONGEST) -> Iterator[str]:
    """Yield names and meanings in two columns."""
    rows = list(items)
    column = max((len(name) for name, _ in rows if len(name) <= longest), default=0) + 4
    for name, meaning in rows:
        lines = textwrap.wrap(meaning, width - column, break_long_words=False, break_on_hyphens=False) or [""]
        if len(name) > longest:
            yield f"  {name}"
        else:
            yield f"  {name}".ljust(column) + lines.pop(0)
        yield from (" " * column + line for line in lines)


def _in_short(names: Iterable[str], width: int) -> list[str]:
    return textwrap.wrap(
        " ".join(names), width - 2, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
    )


def wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
