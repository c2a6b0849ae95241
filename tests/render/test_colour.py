"""Colour: where it is wanted, what it means, and that nothing depends on it."""

import re

import pytest

from worlds import Site

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize(
    ("tty", "env", "flags", "coloured"),
    [
        (True, {}, (), True),
        (True, {"NO_COLOR": "1"}, (), False),
        (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, (), False),
        (True, {"TERM": "dumb"}, (), False),
        (True, {}, ("--no-color",), False),
        (False, {}, (), False),
        (False, {"FORCE_COLOR": "1"}, (), True),
        (False, {"FORCE_COLOR": "1"}, ("--no-color",), False),
    ],
)
def test_where_it_is_wanted(
    account: Site, tty: bool, env: dict[str, str], flags: tuple[str, ...], coloured: bool
) -> None:
    account.podid.tty, account.podid.width = tty, 200
    found = account("doctor", *flags, env=env)
    assert bool(COLOUR.search(found.stdout)) is coloured
    refused = account("status", "shop/nothing", *flags, env=env)
    assert bool(COLOUR.search(refused.stderr)) is coloured


def test_the_words_are_the_same_without(site: Site) -> None:
    plain, coloured = site("doctor"), site("doctor", env={"FORCE_COLOR": "1"})
    assert COLOUR.sub("", coloured.stdout) == plain.stdout


@pytest.mark.parametrize("output", ["json", "yaml", "csv", "name", "jsonl"])
def test_no_document_has_any(site: Site, output: str) -> None:
    site.podid.tty = True
    assert not COLOUR.search(site("doctor", "-o", output, env={"FORCE_COLOR": "1"}).stdout)


def test_foreign_text_obeys_nothing_in_colour_either(site: Site) -> None:
    site.podid.tty = True
    refused = site("explain", "\x1b[31mred\x1b[0m zzz")
    assert "\x1b[31m" not in refused.stdout + refused.stderr
