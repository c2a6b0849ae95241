"""The man pages: roff that every formatter reads, and everything that the help has."""

import itertools
import re

import gen_man
from harness import table
from podid.cli.help import items_of
from podid.cli.tree import COMMANDS, Row

PAGES = gen_man.generate()
REQUESTS = {'.\\"', ".TH", ".nh", ".SH", ".SS", ".PP", ".TP", ".br", ".nf", ".fi"}
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION"]


def plain(text: str) -> str:
    """Return the text of a page, without requests and escapes."""
    text = re.sub(r"\\f[BIR]|\\&|^\.(?:SH|SS|TP|br|nf|fi|PP|nh).*$", "", text, flags=re.MULTILINE)
    for escape, character in {r"\-": "-", r"\(aq": "'", r"\(ga": "`", r"\e": "\\"}.items():
        text = text.replace(escape, character)
    return re.sub(r"\\\[u([0-9A-F]{4,6})\]", lambda code: chr(int(code[1], 16)), text)


@table("name", PAGES)
def test_a_page_is_correct_roff(name: str) -> None:
    lines = PAGES[name].splitlines()
    assert [line for line in lines if line.startswith(".") and line.split()[0] not in REQUESTS] == []
    assert [line for line in lines if line.startswith("'") or not line or not line.isascii()] == []
    assert re.findall(r"\\(?!f[BIR]|&|-|\(aq|\(ga|e|\[u[0-9A-F]{4,6}\]|\")", PAGES[name]) == []
    # a request that takes the next line as its text has one
    assert [line for line, after in itertools.pairwise(lines) if line == ".TP" and after[0] == "."] == []
    assert lines.count(".nf") == lines.count(".fi")
    sections = [line.removeprefix(".SH ") for line in lines if line.startswith(".SH ")]
    assert sections[:3] == SECTIONS
    assert sections[-1] == "SEE ALSO"
    assert lines[lines.index(".SH NAME") + 1].startswith(gen_man.escaped(name.removesuffix(".1")) + r" \- ")


@table("row", COMMANDS)
def test_a_page_has_what_the_help_has(row: Row) -> None:
    command = row.load()
    page = " ".join(plain(PAGES[f"{gen_man.page_of(row)}.1"]).split())
    missing = [example for example in command.examples if " ".join(example.split()) not in page]
    missing += [name for name, _ in items_of(command.own) if name not in page]
    assert missing == []
    assert [line for lines in command.paragraphs for line in lines if line.replace("`", "") not in page] == []


def test_the_first_page_lists_every_command() -> None:
    assert set(re.findall(r"(podid-[a-z-]+)\(1\)", plain(PAGES["podid.1"]))) == {
        gen_man.page_of(row) for row in COMMANDS
    }
