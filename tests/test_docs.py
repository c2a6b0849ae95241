"""The documents are true: the reference is what the program says, links lead somewhere, examples run."""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import table
from podid.cli.command import build
from podid.cli.tree import COMMANDS
from podid.sandbox import proxy_samples
from worlds import Site

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [*(ROOT / each for each in ("README.md", "CONTRIBUTING.md", "SECURITY.md")), *sorted(DOCS.rglob("*.md"))]
WRITTEN = [*(page for page in PAGES if "reference" not in page.parts), *sorted((ROOT / "src/podid/pages").glob("*.md"))]
FENCE = re.compile(r"(?P<lead>(?:<!-- [^\n]* -->\n)?)```(?P<kind>\w+)\n(?P<body>.*?)```", re.DOTALL)


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _tool(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- generated --------------------------------------------------------------------------------------------------------


def test_the_reference_is_what_the_program_says() -> None:
    generator = _tool("gen_docs")
    assert generator.stale(generator.generate(), generator.REFERENCE) == []


def test_check_tells_what_differs(tmp_path: Path) -> None:
    generator = _tool("gen_docs")
    generator.write({"a.md": "one\n", "sub/b.md": "two\n"}, tmp_path)
    assert generator.stale({"a.md": "one\n", "sub/b.md": "two\n"}, tmp_path) == []
    (difference,) = generator.stale({"a.md": "1\n", "sub/b.md": "two\n"}, tmp_path)
    assert difference.splitlines()[-2:] == ["-one", "+1"]
    assert len(generator.stale({}, tmp_path)) == 2
    generator.write({"a.md": "one\n"}, tmp_path)
    assert [path.name for path in tmp_path.rglob("*.md")] == ["a.md"]


def test_the_index_of_pages_is_what_the_pages_say() -> None:
    generator = _tool("gen_index")
    assert generator.INDEX.read_text(encoding="utf-8") == generator.generate()


PAGE = """\
---
id: a
title: It's "a": b
severity: warn
link: 3
fix: -
rank: 1
told: nobody
texts:
  - x: y
  - [2] z
---

# A
"""


def test_a_page_goes_into_the_index_as_it_stands(tmp_path: Path) -> None:
    generator = _tool("gen_index")
    (tmp_path / "a.md").write_text(PAGE.replace("rank: 1", "bearing: restart\nrank: 1"), encoding="utf-8")
    (tmp_path / "b.md").write_text(
        PAGE.replace("id: a", "id: b").replace("rank: 1\ntold: nobody", "rank: 0\nhealthy: fine")
    )
    made: dict[str, Any] = {}
    exec(generator.generate(tmp_path), made)
    assert [tuple(entry) for entry in made["ENTRIES"]] == [
        ("b", "warn", 3, "-", 'It\'s "a": b', "fine", (("x: y", 7), ("z", 2)), "stops"),
        ("a", "warn", 3, "-", 'It\'s "a": b', "", (("x: y", 7), ("z", 2)), "restart"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("id: a", "id: b", "a.md: id is b"),
        ("severity: warn", "severity: fatal", "a.md: severity is fatal, not one of error, warn, info"),
        ("link: 3", "link: 11", "a.md: link is 11, not 0 to 10"),
        ("link: 3", "link: 3\nbearing: harms", "a.md: bearing is harms, not one of stops, restart, advice"),
        ("rank: 1\n", "", "a.md: lacks rank"),
        ("rank: 1", "rank: 1\nowner: x", "a.md: has owner, which nothing reads"),
        ("told: nobody\n", "", "a.md: lacks healthy, .* or told"),
        ("rank: 1", "rank: 1\nhealthy: fine", "a.md: has both healthy and told"),
        ("---\n", "", "a.md: no front matter"),
    ],
)
def test_a_page_that_is_not_whole_is_named(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    generator = _tool("gen_index")
    (tmp_path / "a.md").write_text(PAGE.replace(old, new), encoding="utf-8")
    with pytest.raises(generator.PageError, match=complaint):
        generator.generate(tmp_path)


def test_the_picture_of_the_layout_shows_the_code() -> None:
    artist = _tool("draw_layout")
    assert artist.PICTURE.read_text(encoding="utf-8") == artist.draw(artist.read()), "run make docs"


def test_arrows_are_the_imports_that_no_longer_way_shows(tmp_path: Path) -> None:
    artist = _tool("draw_layout")
    for name, imports in {
        "top": "import typer\nfrom app.middle import use\n\ndef late():\n    from app.low import here\n",
        "middle": "import app.low\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import app.far, boto3\n",
        "far": "import json\n",
        "low": "",
    }.items():
        (tmp_path / "app" / name / "part").mkdir(parents=True)
        (tmp_path / "app" / name / "__init__.py").write_text(f'"""What {name} is."""\n')
        (tmp_path / "app" / name / "part" / "__init__.py").write_text(imports)
    folders = artist.read(tmp_path / "app")
    assert folders["top"].packages == ("typer",)
    assert folders["middle"] == artist.Folder(
        "middle", "What middle is.", ("part",), frozenset({"low"}), frozenset({"far"}), ()
    )
    assert artist.arrows(folders) == [("middle", "far"), ("middle", "low"), ("top", "middle")]
    assert artist.rows(folders) == {"top": 0, "middle": 1, "far": 2, "low": 2}
    drawn = artist.draw(folders)
    assert drawn.count('class="arrow known"') == 1 + 1  # and in the legend
    ways = [artist.way(start, end, artist.rows(folders)) for start, end in artist.arrows(folders)]
    middle = artist.places(artist.rows(folders), ways)
    assert abs(middle[("far",)] - middle[("low",)]) >= artist.BOX + artist.GAP
    assert middle[("top",)] == middle[("middle",)]


def test_every_command_has_a_section() -> None:
    text = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    assert re.findall(r"^## podid (.*)$", text, re.MULTILINE) == [command.name for command in COMMANDS]


# --- links ------------------------------------------------------------------------------------------------------------


@table("page", PAGES)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if path.startswith(("https://", "http://")):
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.is_file() or (anchor and file.suffix == ".md" and anchor not in _anchors(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", [*PAGES[:3], DOCS / "explanations/layout.md", DOCS / "guides/release.md"])
def test_files_that_are_named_exist(page: Path) -> None:
    """A path is from the root or from src/podid; CAPITALS in it stand for something else."""
    named = re.findall(r"`([\w.-][\w./-]*(?:\.(?:py|md|toml|yml|txt)|/))`", page.read_text(encoding="utf-8"))
    assert [
        path
        for path in named
        if not re.search("[A-Z]", path) and not (ROOT / path).exists() and not (ROOT / "src/podid" / path).exists()
    ] == []


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_site_lists_every_page() -> None:
    def pages(node: Any) -> Iterator[str]:
        for item in node.values() if isinstance(node, dict) else node:
            if isinstance(item, str):
                yield item
            else:
                yield from pages(item)

    listed = list(pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]))
    assert sorted(listed) == sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))


# --- commands that are named ------------------------------------------------------------------------------------------


def _command_lines(text: str) -> Iterator[list[str]]:
    for block in FENCE.finditer(text):
        if block["kind"] in ("sh", "console"):
            for line in block["body"].splitlines():
                for words in re.findall(r"(?:^(?:\$ )?|\$\(|&& |<\()(podid [^|>&)]*)", line):
                    yield shlex.split(words.split(" 2>")[0], comments=True)
    prose = FENCE.sub("", text)
    for words in re.findall(r"`(podid [a-z][^`|]*)`", prose):
        yield shlex.split(words)


def test_every_command_line_exists() -> None:
    tree = build()
    strange = []
    lines = [(page.name, line) for page in WRITTEN for line in _command_lines(page.read_text(encoding="utf-8"))]
    for page, (_, *words) in lines:
        node: Any = tree
        while words and words[0] in getattr(node, "commands", {}):
            node = node.commands[words.pop(0)]
        known = {option for param in node.params for option in (*param.opts, *param.secondary_opts)}
        words = words[: words.index("--")] if "--" in words else words
        used = {word for word in words if word.startswith("-") and word != "-"} - {"--help", "--version"}
        if (words and hasattr(node, "commands") and not used) or not used <= known:
            strange.append((page, node.name, words))
    assert strange == []


def test_the_first_page_lists_every_command() -> None:
    table = (DOCS / "index.md").read_text(encoding="utf-8").partition("## Commands")[2].partition("\n## ")[0]
    named = set[str]()
    for row in table.splitlines():
        # the noun of the first command stands for those after it: `podid agent status`, `agent nodes`, `list`
        first, *others = re.findall(r"`([^`]+)`", row.split("|")[1]) if row.startswith("| `") else [""]
        noun = first.removeprefix("podid ").partition(" ")[0]
        names = [name.removeprefix("podid ") for name in (first, *others)]
        named |= {*names, *(f"{noun} {name}" for name in names)}
    groups = {"sandbox", "completion"}  # whose guides list their commands
    assert [row.name for row in COMMANDS if row.name not in named and row.path[0] not in groups] == []


# --- examples that are run --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """One `$` line of a console block, and what is shown below it."""

    argv: tuple[str, ...]
    shown: tuple[str, ...]
    code: int = 0


def steps(body: str) -> Iterator[Step]:
    """`$ echo $?` and the line below it are the exit code that is expected of the line above, 0 where there is none."""
    chunks = [chunk.splitlines() for chunk in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]]
    for position, (line, *shown) in enumerate(chunks):
        if line == "echo $?":
            continue
        code = 0
        if position + 1 < len(chunks) and chunks[position + 1][0] == "echo $?":
            code = int(chunks[position + 1][1])
        yield Step(tuple(shlex.split(line)), tuple(shown), code)


def fits(shown: tuple[str, ...], printed: list[str]) -> bool:
    """Line by line; `…` stands for any text, alone on a line for any lines, none included."""
    pattern = "".join(
        r"(?:[^\n]*\n)*?" if line == "…" else re.escape(line).replace("…", r"[^\n]*") + r"\n" for line in shown
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None


@table(
    ("shown", "printed", "fit"),
    [
        ((), [], True),
        ((), ["a"], False),
        (("a",), ["a"], True),
        (("a",), ["a", "b"], False),
        (("a …c",), ["a bbb c"], True),
        (("…",), ["a", "b"], True),
        (("…", "b"), ["b"], True),
        (("a", "…", "d"), ["a", "b", "c", "d"], True),
        (("a", "…", "d"), ["a", "b", "c"], False),
        (("a.c",), ["abc"], False),
    ],
)
def test_how_output_is_compared(shown: tuple[str, ...], printed: list[str], fit: bool) -> None:
    assert fits(shown, printed) is fit


def _examples(page: Path) -> bool:
    return any(block["kind"] == "console" for block in FENCE.finditer(page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", [page for page in WRITTEN if _examples(page)])
def test_examples(page: Path, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's console blocks, in order, on one sandbox. A comment above a block names the file that it is
    (`<!-- file: NAME -->`) or what is run before it unseen (`<!-- setup: podid … -->`)."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    if samples := re.search(r"sandbox start --samples (kiam|kube2iam)\n", page.read_text(encoding="utf-8")):
        proxy_samples.load(site.box.reach(), samples[1])
        site.wait(60)
    for block in FENCE.finditer(page.read_text(encoding="utf-8")):
        note = re.match(r"<!-- (file|setup): (.*) -->", block["lead"])
        if note and note[1] == "file":
            (work / note[2]).write_text(block["body"], encoding="utf-8")
        if block["kind"] != "console":
            continue
        if note and note[1] == "setup":
            run(site, Step(tuple(shlex.split(note[2])), ("…",)))
        for step in steps(block["body"]):
            run(site, step)


def run(site: Site, step: Step) -> None:
    program, *argv = step.argv
    assert program == "podid"
    outcome = site(*argv)
    line = shlex.join(step.argv)
    assert outcome.code == step.code, f"{line}\n{outcome.stdout}{outcome.stderr}"
    printed = outcome.stdout.splitlines()
    assert fits(step.shown, printed), f"{line}\nshown:\n" + "\n".join(step.shown) + "\nprinted:\n" + outcome.stdout
