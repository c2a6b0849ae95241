"""What a terminal shows: short names where they are clear, everything with -o wide and -v, and results in the place of
their plan."""

import re
from datetime import UTC, datetime

import pytest

from harness import table
from podid.render.screen import Screen, draw, paint, redrawn, rows_of
from podid.render.view import Line, View
from worlds import Site

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SCREEN = Screen(80, account="111122223333", now=NOW)
ROLE = "arn:aws:iam::111122223333:role/team/orders"
SHORT = {
    f"association shop/orders -> {ROLE}: created": "association shop/orders -> orders: created",
    f"annotated for IRSA with {ROLE}, and": "annotated for IRSA with role orders, and",
    f"role {ROLE}.": "role orders.",
    "role arn:aws:iam::444455556666:role/orders": "role arn:aws:iam::444455556666:role/orders",
    "as arn:aws:sts::111122223333:assumed-role/admin/me in": "as assumed-role/admin/me in",
    "eks:X on arn:aws:eks:us-west-2:111122223333:cluster/demo, because": "eks:X on cluster demo, because",
    "is arn:aws:eks:us-west-2:111122223333:cluster/demo": "is arn:aws:eks:us-west-2:111122223333:cluster/demo",
    "AWS: arn:aws:iam::111122223333:root": "AWS: arn:aws:iam::111122223333:root",
    "policy arn:aws:iam::aws:policy/service-role/S3Read": "policy S3Read",
    "on ip-10-0-0-10.us-west-2.compute.internal, ip-10-0-0-11.ec2.internal": "on ip-10-0-0-10, ip-10-0-0-11",
    "until 2026-11-24T18:00:01Z": "until 18:00 UTC",
    "since 2026-03-02T09:00:00Z": "since 2026-03-02 09:00 UTC",
    f'add {{"AWS": "{ROLE}"}} to it': f'add {{"AWS": "{ROLE}"}} to it',
    f'  "AWS": "{ROLE}"': f'  "AWS": "{ROLE}"',
    f"  Fix   podid associate shop/orders --role {ROLE}": "  Fix   podid associate shop/orders --role orders",
    f"  Fix   aws sts assume-role --role {ROLE}": f"  Fix   aws sts assume-role --role {ROLE}",
}


@table(("text", "short"), SHORT.items())
def test_names_are_short_where_they_are_clear(text: str, short: str) -> None:
    assert SCREEN.short(text) == short
    assert Screen(80, account="111122223333").short(text) == text


def test_a_style_ends_where_its_words_end() -> None:
    line = Line(f"role {ROLE} is broken", "bad", upto=len(f"role {ROLE}"))
    coloured = paint(line, Screen(80, color=True, account="111122223333", now=NOW))
    assert coloured == "\x1b[1;31mrole orders\x1b[0m is broken"


def test_lines_for_one_place_are_in_no_other() -> None:
    view = View({}, lines=("both", Line("full", only="full"), Line("short", only="short")))
    assert draw(view, SCREEN, wide=False) == "both\nshort\n"
    assert draw(view, SCREEN, wide=True) == view.text == "both\nfull\n"


def test_further_lines_begin_where_the_line_says() -> None:
    line = Line("trust policy  " + "word " * 10, hang=14)
    assert paint(line, Screen(40)) == "trust policy  word word word word word\n" + " " * 14 + "word word word word word"
    assert paint(line, Screen(30)) == "trust policy\n    word word word word word\n    word word word word word"


def test_rows_are_counted_as_a_terminal_shows_them() -> None:
    assert rows_of("\x1b[32mab\x1b[0m\n\nabcde\n", Screen(2)) == 5
    assert rows_of("名\n", Screen(80)) == 0  # of two columns each, or of one: terminals differ


ERASED = re.compile(r"\x1b\[\d+A\x1b\[J")


@pytest.mark.parametrize(
    ("height", "flags", "erased"), [(50, (), True), (0, (), False), (4, (), False), (50, ("-v",), False)]
)
def test_a_result_takes_the_place_of_its_plan(account: Site, height: int, flags: tuple[str, ...], erased: bool) -> None:
    site = account.with_agent()
    site.podid.tty, site.podid.height = True, height
    outcome = site("associate", "shop/orders", "--role", "storefront", "--wait", "api", *flags, env={"NO_COLOR": "1"})
    assert outcome.code == 0, outcome
    assert "+ create association shop/orders -> " in outcome.stderr
    assert bool(ERASED.search(outcome.stderr)) is erased
    assert outcome.stdout.startswith("As user/podid-admin in account 111122223333") is erased
    assert "✓ association shop/orders -> " in outcome.stdout


@pytest.mark.parametrize("output", ["json", "name", "wide"])
def test_no_other_output_erases_anything(account: Site, output: str) -> None:
    account.podid.tty, account.podid.height = True, 50
    outcome = account("associate", "shop/orders", "--role", "storefront", "--wait", "api", "-o", output)
    assert not ERASED.search(outcome.stderr)
    assert outcome.stdout.strip()


@pytest.mark.parametrize("command", ["status", "list"])
def test_a_watch_redraws_a_terminal_with_the_time(site: Site, command: str) -> None:
    site.podid.tty, site.podid.height = True, 50
    outcome = site(command, "--watch", "--timeout", "12s", env={"NO_COLOR": "1"})
    screens = outcome.stdout.split("\x1b[H\x1b[2J")[1:]
    assert len(screens) > 1
    for screen in screens:
        head, empty, *lines = screen.splitlines()
        assert re.match(r"\d\d:\d\d:\d\d UTC", head)
        assert empty == ""
        assert lines


def test_a_screen_is_cut_to_the_rows_of_the_terminal() -> None:
    view = View({}, lines=tuple(map(str, range(100))))
    shown = redrawn(view, SCREEN, NOW, 10).splitlines()
    assert len(shown) < 10
    assert shown[-1] == "and 94 more lines"
