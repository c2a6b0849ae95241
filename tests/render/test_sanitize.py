"""Foreign text: escapes for terminals, tables, spreadsheets and CI runners."""

from harness import table
from podid.render.sanitize import csv_cell, defused, line, tsv


@table(
    ("text", "shown"),
    [
        ("plain é 漢", "plain é 漢"),
        ("a\tb\nc\r", "a\\tb\\nc\\r"),
        ("\x1b[31m\x07", "\\x1b[31m\\x07"),
        ("left\u202eright\u200b", "left\\u202eright\\u200b"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_control_characters_are_visible(text: str, shown: str) -> None:
    assert line(text) == shown


def test_fields() -> None:
    assert tsv("a\\b\tc") == "a\\\\b\\tc"
    assert [csv_cell(text) for text in ("=1", "+1", "-1", "@x", "a=1")] == ["'=1", "'+1", "'-1", "'@x", "a=1"]


@table(
    ("text", "shown"),
    [
        ("::error ::x", "\\x3a:error ::x"),
        ("a ::error", "a ::error"),
        ("a\n  ::error", "a\n  \\x3a:error"),
        ("x ##[group]", "x \\x23#[group]"),
        ("##vso[task]", "\\x23#vso[task]"),
        ("## title", "## title"),
    ],
)
def test_commands_of_ci_runners(text: str, shown: str) -> None:
    assert defused(text) == shown


def test_text_that_continues_a_line_begins_no_command() -> None:
    assert defused("::error", fresh=False) == "::error"
    assert defused("##[group]", fresh=False) == "\\x23#[group]"
