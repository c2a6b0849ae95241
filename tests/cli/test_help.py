"""Help: what a page holds, how long it is, and that a command line leads to it."""

import re

import pytest

from harness import Podid, table
from podid.cli import help as pages
from podid.cli.options import SHARED
from podid.cli.tree import COMMANDS, GROUPS, PANELS, START, Row

NAMES = [row.name for row in COMMANDS]
WIDTH, LENGTH = 80, 60
# the first page has a line for every command
FIRST_PAGE = 80


def shown(*argv: str, tty: bool = False, width: int = WIDTH) -> str:
    outcome = Podid(tty=tty, width=width)(*argv)
    assert (outcome.code, outcome.stderr) == (0, "")
    return outcome.stdout


@table("name", ["", "options", *GROUPS, *NAMES])
def test_a_page_fits_a_screen(name: str) -> None:
    """Examples are to be copied, and may be longer."""
    text = shown("help", *name.split())
    assert len(text.splitlines()) <= (LENGTH if name else FIRST_PAGE)
    assert [line for line in text.splitlines() if len(line) > WIDTH and not line.startswith("  podid ")] == []
    assert "\x1b" not in text


def test_the_first_page_begins_with_the_main_workflow_and_has_every_command_once() -> None:
    text = shown("--help")
    job, *panels = re.split(r"^(?=\S.*\n  )", text, flags=re.MULTILINE)[1:]
    assert [line.split("  ")[1] for line in job.splitlines() if line.startswith("  podid")] == [
        command for command, _ in pages.MAIN_WORKFLOW
    ]
    assert [panel.splitlines()[0] for panel in panels] == list(PANELS)
    listed = re.findall(r"^  ([a-z-]+)(?:, version)?  +[A-Z]", "".join(panels), re.MULTILINE)
    at_first = {row.name for row in COMMANDS if row.panel == START}
    assert at_first <= {command.split()[1] for command, _ in pages.MAIN_WORKFLOW}
    assert sorted([*listed, *at_first]) == sorted({row.path[0] for row in COMMANDS} | {"help"})
    for row in COMMANDS:
        assert row.path[-1] in text


@table("noun", GROUPS)
def test_a_noun_lists_its_verbs(noun: str) -> None:
    text = shown(noun)
    assert text == shown(noun, "--help") == shown("help", noun)
    verbs = [row for row in COMMANDS if row.path[0] == noun]
    assert all(re.search(rf"^  {row.path[1]} +{re.escape(row.summary)}$", text, re.MULTILINE) for row in verbs)


@table("row", COMMANDS)
def test_a_command_shows_its_examples_and_each_of_its_options(row: Row) -> None:
    command = row.load()
    text = shown(*row.path, "--help")
    assert text.startswith(row.summary.removesuffix("."))
    assert f"Usage: podid {row.name}" in text
    assert 2 <= len(command.examples) <= 4
    for example in command.examples:
        assert f"\n  {example}\n" in text
    for item in command.own:
        name = item.metavar if item.argument else f"--[no-]{item.long[2:]}" if item.off else item.long
        assert re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text), name
    assert "Common options (podid help options)" in text
    for name in pages.common_names(command):
        assert name in text


@table("row", COMMANDS)
def test_an_option_refers_only_to_options_of_its_command(row: Row) -> None:
    command = row.load()
    known = {*(name for item in command.own for name in item.spellings), *pages.common_names(command)}
    for item in command.own:
        # "podid migrate apply --plan" is about another command
        sentence = re.sub(r"podid [^.;,)]*", "", item.help)
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", sentence)) <= known, item.name


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("migrate apply", r"--parallel N .*\[default: 10\]"),
        ("demo", r"--\[no-\]keep .*\[default: on\]"),
        ("doctor", r"--fail-on LEVEL .*\[default: error\]"),
    ],
)
def test_the_default_of_an_option_is_shown(command: str, line: str) -> None:
    assert re.search(line, shown(*command.split(), "--help", width=100).replace("\n      ", " "))


def test_headings_are_in_the_order_of_the_options() -> None:
    text = shown("associate", "--help")
    headings = re.findall(r"^([A-Z][^:\n]*)\n  ", text, re.MULTILINE)
    assert headings[:3] == ["Examples", "Service accounts", "Role"]
    assert headings[-1] == "Common options (podid help options)"


def test_common_options_are_explained_in_one_place() -> None:
    text = shown("help", "options")
    for item in SHARED.values():
        assert item.long in text
        assert all(variable in text for variable in item.env)
    assert "--show-permissions" in text


def test_headings_stand_out_on_a_terminal_alone() -> None:
    assert "\x1b[1mInspect\x1b[0m\n" in shown("--help", tty=True)
    outcome = Podid(tty=True)("--help", NO_COLOR="1")
    assert "\x1b" not in outcome.stdout
    assert "\x1b" not in Podid(tty=True)("list", "--help", "--no-color").stdout
    # a wide terminal is not filled
    assert max(len(line) for line in shown("associate", "--help", tty=True, width=300).splitlines()) <= 110


@pytest.mark.parametrize(
    "argv", [("list", "-h"), ("help", "list"), ("list", "-qc", "demo", "--help"), ("-c", "demo", "help", "list")]
)
def test_ways_to_the_help_of_a_command(argv: tuple[str, ...]) -> None:
    assert shown(*argv) == shown("list", "--help")


def test_a_value_is_no_command() -> None:
    assert shown("--cluster", "demo", "--help") == shown("--help")


def test_help_for_an_unknown_command_is_an_error() -> None:
    outcome = Podid()("help", "frobnicate")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "frobnicate" in outcome.stderr


def test_after_two_hyphens_it_is_a_name() -> None:
    assert Podid()("show", "--", "--help").code == 2
