"""Rows of commands: their paths and modules."""

from podid.cli.tree import COMMANDS, Row, path_of
from podid.domain.grouping import grouped


def test_the_words_that_name_a_command() -> None:
    assert path_of(["role", "create", "x"]) == ("role", "create")
    assert path_of(["list", "role"]) == ("list",)
    assert path_of(["role"]) == path_of(["nosuch"]) == path_of([]) == ()


def test_the_module_of_a_row() -> None:
    assert Row("role create", "Change", "Create.").module == "podid.commands.role.create"
    assert Row("list", "Inspect", "List.", "association.list").module == "podid.commands.association.list"
    row = next(row for row in COMMANDS if row.name == "undo")
    assert row.load().body.__module__ == "podid.commands.history.undo"


def test_the_verbs_of_a_noun_share_a_panel() -> None:
    """The first page lists a noun once, in the panel of its first verb."""
    panels = grouped((row.path[0], row.panel) for row in COMMANDS)
    assert {noun: names for noun, names in panels.items() if len(set(names)) > 1} == {}
