"""Hyperlinks: their targets, where they are written, and that the text is otherwise the same."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import yaml

from harness import Podid, table
from podid.pages import SITE
from podid.pages.index import ENTRIES
from podid.render.screen import can_link, linked, unlinked
from worlds import Site

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
