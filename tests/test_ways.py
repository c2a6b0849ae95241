"""The table of ways is whole: every command is in it, and each way in the test that it is for."""

import pytest

from harness import Podid, table
from podid.cli.tree import COMMANDS
from ways import INTERRUPTED, MUTATED, OWN, STORY, Way

NAMES = {row.name for row in COMMANDS}
# run by themselves in test_every_command.py
STARTED = {"sandbox start", "demo", "mcp"}
# call neither AWS nor Kubernetes
OFFLINE = {
    *(
        "explain",
        "trust check",
        "preset list",
        "preset show",
        "history",
        "demo",
        "completion show",
        "version",
        "mcp",
        "completion install",
        "completion uninstall",
        "schema",
        "convert",
        "validate",
    ),
    *("config list", "config get", "config set", "config unset", "config path"),
}


def commands(ways: tuple[Way, ...]) -> set[str]:
    return {way.command for way in ways}


def test_every_command_is_in_the_story() -> None:
    assert NAMES - commands(STORY) == STARTED, "STORY of ways.py needs a line"


def test_answers_to_every_command_are_mutated() -> None:
    missing = {name for name in NAMES - commands(MUTATED) if not name.startswith("sandbox")}
    assert missing == OFFLINE, "MUTATED of ways.py needs a line, unless the command calls neither AWS nor Kubernetes"


def test_every_command_is_interrupted() -> None:
    missing = {name for name in NAMES - commands(INTERRUPTED) if not name.startswith("sandbox")}
    assert missing == OFFLINE, (
        "INTERRUPTED of ways.py needs a line, unless the command calls neither AWS nor Kubernetes"
    )


def test_permissions_of_every_command_are_called() -> None:
    showing = {row.name for row in COMMANDS if "show_permissions" in row.load().shared}
    assert showing == commands(OWN), "OWN of ways.py needs a line"


@table("command", sorted(commands(OWN)))
def test_permissions_are_named_by_the_reasons_that_are_printed(command: str) -> None:
    printed = Podid()(*command.split(), "--show-permissions", "-o", "json").json["optional"]
    for way in OWN:
        if way.command == command:
            named = [[item["for"] for item in printed if item["for"].startswith(reason)] for reason in way.permissions]
            assert all(len(reasons) == 1 for reasons in named), (way.line, way.permissions, named)


@pytest.mark.parametrize("ways", [STORY, MUTATED, INTERRUPTED], ids=["STORY", "MUTATED", "INTERRUPTED"])
def test_ways_of_one_site_begin_in_one_world(ways: tuple[Way, ...]) -> None:
    assert len({way.world for way in ways}) == 1
