"""What a terminal shows: short names where they are clear, everything with -o wide and -v, and results in the place of
their plan."""

import os
import pty
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from harness import Podid, table
from podid.pages import SITE
from podid.pages.index import ENTRIES
from podid.render.screen import Screen, can_link, draw, linked, paint, redrawn, rows_of, unlinked
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


# --- hyperlinks: their targets, where they are written, and that the text is otherwise the same -----------------------


ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\x1b\]8;;([^\x1b]+)\x1b\\([^\x1b]*)\x1b\]8;;\x1b\\")
CAPABLE = {"TERM": "xterm-256color"}
PAGE = f"{SITE}failures/agent-not-installed/"


def test_the_pages_are_those_of_the_site() -> None:
    assert yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["site_url"] == SITE
    for entry in ENTRIES:
        assert LINK.findall(linked(f"✗ {entry.id}: it failed")) == [(f"{SITE}failures/{entry.id}/", entry.id)]


@table(
    ("text", "links"),
    [
        ("podid explain agent-not-installed", [(PAGE, "agent-not-installed")]),
        ("\x1b[1;31magent-not-installed\x1b[0m.", [(PAGE, "agent-not-installed")]),
        ("See (https://a.example/b?c=d#e).", [("https://a.example/b?c=d#e",) * 2]),
        ("https://a.example/b/, https://a.example", [("https://a.example/b/",) * 2, ("https://a.example",) * 2]),
        # parts of other names
        ("shop/agent-not-installed agent-not-installed/x --agent-not-installed agent-not-installed.json", []),
        ("agent-not-installed-2 my-agent-not-installed agent-not-installed@x", []),
        ("http://169.254.170.23/v1/credentials two-words https:// none", []),
    ],
)
def test_the_targets(text: str, links: list[tuple[str, str]]) -> None:
    result = linked(text)
    assert LINK.findall(result) == links
    assert unlinked(result) == text


@table(
    ("env", "capable"),
    [
        (CAPABLE, True),
        ({**CAPABLE, "NO_COLOR": "1"}, True),
        ({**CAPABLE, "VTE_VERSION": "7600"}, True),
        ({**CAPABLE, "VTE_VERSION": "4601"}, False),
        ({**CAPABLE, "CI": "true"}, False),
        ({**CAPABLE, "FORCE_HYPERLINK": "0"}, False),
        ({"FORCE_HYPERLINK": "1"}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "linux"}, False),
        ({}, False),
    ],
)
def test_the_terminals(env: dict[str, str], capable: bool) -> None:
    assert can_link(env) is capable


def test_results_and_errors_on_a_terminal(site: Site) -> None:
    site.podid.tty = True
    plain, result = site("doctor"), site("doctor", env=CAPABLE)
    assert (PAGE, "agent-not-installed") in LINK.findall(result.stdout)
    assert unlinked(result.stdout) == plain.stdout
    failed = site("doctor", "--check", "agent-not-installd", env=CAPABLE)
    assert failed.code == 2
    assert (PAGE, "agent-not-installed") in LINK.findall(failed.stderr)


@table("output", ["table", "json", "yaml", "csv", "name", "jsonl"])
def test_documents_and_pipes_have_none(output: str) -> None:
    podid = Podid(env={**CAPABLE, "FORCE_HYPERLINK": "1"}, tty=output != "table")
    answer = podid("explain", "agent-not-installed", "-o", output)
    assert "agent-not-installed" in answer.stdout
    assert "\x1b" not in answer.stdout


def test_a_terminal_of_a_process(tmp_path: Path) -> None:
    """As `script` runs it; the same in a pipe has no links."""
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), **CAPABLE}
    command = [sys.executable, "-m", "podid", "explain", "agent-not-installed"]
    parent, child = pty.openpty()
    process = subprocess.Popen(command, env=env, stdin=child, stdout=child, stderr=child, close_fds=True)
    os.close(child)
    shown = b""
    while True:
        try:
            part = os.read(parent, 65536)
        except OSError:  # the terminal's other end is closed
            break
        if not part:
            break
        shown += part
    os.close(parent)
    assert process.wait(timeout=60) == 0
    links = LINK.findall(shown.decode())
    assert (PAGE, "agent-not-installed") in links
    assert any(url.startswith("https://docs.aws.amazon.com/") for url, _ in links)
    piped = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert "\x1b" not in piped.stdout
