"""Builds the documentation site: docs/ and a page for each failure mode, by MkDocs or by Zensical.

docs/ does not repeat the pages of src/podid/pages. They are put in place in a copy of docs/, and each id that a page of
docs/ mentions becomes a link to them.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

import yaml

import gen_index
from podid.domain.findings import link_words
from podid.pages.index import ENTRIES

ROOT = Path(__file__).resolve().parent.parent
# Zensical's search finds a pasted error text; Material's reads its colons as operators
BUILDERS = ("zensical", "mkdocs")
DEFAULT = BUILDERS[0]
FAILURES = "failures"
FOLDER = ROOT / "build" / "docs"
FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)
EXTERNAL = re.compile(r"(?:\]\(|<)(https?://[^)>\s]+)")
IDS = "|".join(entry.id for entry in ENTRIES)
MENTION = re.compile(rf"(?<!\[)`(?:podid explain )?({IDS})`(?!\])")


def failure_pages() -> dict[str, str]:
    """Return the pages of the failure modes by file name, each with its error texts, and their index."""
    modes = {path.stem: gen_index.read(path) for path in gen_index.PAGES.glob("*.md")}
    files = {f"{name}.md": _failure(mode) for name, mode in modes.items()}
    rows = [f"| [`{entry.id}`]({entry.id}.md) | {entry.title} | {entry.severity} |" for entry in ENTRIES]
    head = (
        f"# Failure modes\n\nThe {len(ENTRIES)} failure modes of Pod Identity that podid explains, the most frequent "
        "ones first. Search for an id, or paste an error text into the search field. `podid explain` prints these "
        "pages without network access.\n\n| Id | Failure | Severity |\n| --- | --- | --- |\n"
    )
    return files | {"index.md": head + "\n".join(rows) + "\n"}


def _failure(mode: gen_index.FrontMatter) -> str:
    text = (gen_index.PAGES / f"{mode.id}.md").read_text(encoding="utf-8")
    _, _, body = text.split("---\n", 2)
    chain = "[link](../explanations/how-a-pod-gets-credentials.md)"
    facts = f"Severity: {mode.severity}. Broken {chain}: {link_words(mode.link)}.\n\n"
    if mode.texts:
        texts = "".join(f"- `{text}`\n" for text, _ in mode.texts)
        facts += f"## Error texts\n\nA message with one of these texts is a sign of this failure:\n\n{texts}\n"
    return _linked(body.lstrip().replace("## Why\n", f"{facts}## Why\n", 1), "", skip=mode.id)


def _linked(text: str, way: str, skip: str = "") -> str:
    """Return the page with a link for each id of a failure mode in its prose."""

    def link(match: re.Match[str]) -> str:
        return match[0] if match[1] == skip else f"[{match[0]}]({way}{match[1]}.md)"

    parts = FENCE.split(text)
    return "".join(part if part.startswith("```") else MENTION.sub(link, part) for part in parts)


def assemble(folder: Path) -> Path:
    """Write what a builder reads into the folder; return its configuration."""
    shutil.rmtree(folder, ignore_errors=True)
    docs = folder / "docs"
    shutil.copytree(ROOT / "docs", docs)
    for page in docs.rglob("*.md"):
        depth = len(PurePosixPath(page.relative_to(docs).as_posix()).parts) - 1
        page.write_text(_linked(page.read_text(encoding="utf-8"), "../" * depth + f"{FAILURES}/"), encoding="utf-8")
    (docs / FAILURES).mkdir()
    for name, text in failure_pages().items():
        (docs / FAILURES / name).write_text(text, encoding="utf-8")
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    reference = next(part["Reference"] for part in settings["nav"] if "Reference" in part)
    names = sorted(entry.id for entry in ENTRIES)
    reference.append({"Failure modes": [f"{FAILURES}/index.md", *({name: f"{FAILURES}/{name}.md"} for name in names)]})
    configuration = folder / "mkdocs.yml"
    configuration.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    return configuration


def external_links(docs: Path) -> dict[str, list[str]]:
    """Return the links that lead out of the site, each with its pages. Nothing here requests them."""
    links: dict[str, list[str]] = {}
    for page in sorted(docs.rglob("*.md")):
        for link in sorted(set(EXTERNAL.findall(FENCE.sub("", page.read_text(encoding="utf-8"))))):
            links.setdefault(link, []).append(page.relative_to(docs).as_posix())
    return dict(sorted(links.items()))


def build(folder: Path, builder: str = DEFAULT) -> Path:
    """Build the site in the folder; return its root. A build with a warning raises CalledProcessError."""
    configuration = assemble(folder)
    program = Path(sys.executable).with_name(builder)
    command: list[str | Path] = [program, "build", "--strict", "--clean", "--config-file", configuration]
    # Material prints a notice about MkDocs 2 otherwise
    subprocess.run(command, cwd=folder, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, check=True)
    return site_of(folder)


def site_of(folder: Path) -> Path:
    return folder / "site"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--builder", choices=BUILDERS, default=DEFAULT)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to build it")
    parser.add_argument("--links", action="store_true", help="list the links that lead out of the site instead")
    options = parser.parse_args()
    if options.links:
        for link, pages in external_links(assemble(options.folder).parent / "docs").items():
            print(f"{link}  {', '.join(pages)}")
        return 0
    try:
        print(f"{build(options.folder, options.builder)}/index.html")
    except FileNotFoundError:
        print(f"{options.builder} is not installed; run: pip install 'podid[docs]'", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
