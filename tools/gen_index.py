"""Writes src/podid/pages/index.py from the front matter of the pages (--write), or says that it no longer matches
(--check). The program reads the index, since parsing a hundred pages would cost a start of podid dearly."""

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGES = Path(__file__).resolve().parent.parent / "src" / "podid" / "pages"
INDEX = PAGES / "index.py"
WANTED = {"id", "title", "severity", "link", "fix", "rank"}
_WEIGHT = 7  # of a text without one: it is Pod Identity's, and means this
ONE_OF = ("healthy", "told")
ALLOWED = {
    "severity": ("error", "warn", "info"),
    "fix": ("ASK", "GRANT", "DELETE", "PRINT", "-"),
    "bearing": ("stops", "restart", "advice"),
}
BEARING = "stops"  # of a page without one
HEAD = '''"""Every failure mode of podid's pages, the most frequent ones first.

Generated from the pages by tools/gen_index.py: do not edit.
"""

from podid.pages import Entry

ENTRIES: tuple[Entry, ...] = (
'''


class PageError(Exception):
    """A page whose front matter cannot be used; says which and why."""


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """`rank` is low for what is met often. `healthy` is the fact that the doctor's check of this id looks for; where it
    has none, `told` says who tells of this failure mode instead, or why nobody can. Each of `texts` has a weight, which
    says how much it decides. `bearing` is what a failure means for the pods, as `podid.pages` has it."""

    id: str
    title: str
    severity: str
    link: int
    fix: str
    rank: int
    healthy: str
    told: str
    texts: tuple[tuple[str, int], ...]
    bearing: str


def generate(pages: Path = PAGES) -> str:
    """The text of index.py; PageError for a page that is not whole."""
    found = sorted((read(path) for path in pages.glob("*.md")), key=lambda page: (page.rank, page.id))
    return HEAD + "".join(_entry(page) for page in found) + ")\n"


def read(path: Path) -> FrontMatter:
    """Lines `name: value`, where the value is text as it stands, and under `texts:` lines `  - text` or
    `  - [weight] text`."""
    match = re.match(r"---\n(.*?)\n---\n", path.read_text(encoding="utf-8"), re.DOTALL)
    if match is None:
        raise PageError(f"{path.name}: no front matter")
    values, texts = {}, []
    for line in match[1].splitlines():
        name, _, value = line.partition(": ")
        if line.startswith("  - "):
            weight, text = re.fullmatch(r"  - (?:\[(\d)\] )?(.*)", line).groups()  # type: ignore[union-attr]
            texts.append((text, int(weight or _WEIGHT)))
        elif line != "texts:":
            values[name] = value
    values.setdefault("bearing", BEARING)
    problems = list(_problems(path, values))
    if problems:
        raise PageError(f"{path.name}: {'; '.join(problems)}")
    return FrontMatter(
        id=values["id"],
        title=values["title"],
        severity=values["severity"],
        link=int(values["link"]),
        fix=values["fix"],
        rank=int(values["rank"]),
        healthy=values.get("healthy", ""),
        told=values.get("told", ""),
        texts=tuple(texts),
        bearing=values["bearing"],
    )


def _problems(path: Path, values: dict[str, str]) -> Iterator[str]:
    if missing := sorted(WANTED - values.keys()):
        yield f"lacks {', '.join(missing)}"
        return
    if odd := sorted(values.keys() - WANTED - set(ONE_OF) - {"bearing"}):
        yield f"has {', '.join(odd)}, which nothing reads"
    if values.keys().isdisjoint(ONE_OF):
        yield "lacks healthy, the fact that its check looks for, or told, who tells it where no check does"
    if values.keys() >= set(ONE_OF):
        yield "has both healthy and told: what a check looks for, nobody else has to tell"
    if values["id"] != path.stem:
        yield f"id is {values['id']}"
    for name, allowed in ALLOWED.items():
        if values[name] not in allowed:
            yield f"{name} is {values[name]}, not one of {', '.join(allowed)}"
    if values["link"] not in map(str, range(11)):
        yield f"link is {values['link']}, not 0 to 10"
    if not values["rank"].isdecimal():
        yield f"rank is {values['rank']}, not a number, low for what is met often"


def _entry(page: FrontMatter) -> str:
    words: tuple[str | int, ...] = (page.id, page.severity, page.link, page.fix, page.title, page.healthy)
    texts = "".join(f"({_literal(text)}, {weight}), " for text, weight in page.texts)
    bearing = "" if page.bearing == BEARING else f", {_literal(page.bearing)}"
    return f"    Entry({', '.join(map(_literal, words))}, ({texts.rstrip()}){bearing}),\n"


def _literal(value: str | int) -> str:
    """As Python writes it, in double quotes where that needs no backslash."""
    text = repr(value)
    return f'"{text[1:-1]}"' if text.startswith("'") and '"' not in text and "\\" not in text else text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="write index.py")
    mode.add_argument("--check", action="store_true", help="exit 1 if index.py is not what would be written")
    chosen = parser.parse_args()
    try:
        text = generate()
    except PageError as error:
        print(error, file=sys.stderr)
        return 1
    if chosen.write:
        INDEX.write_text(text, encoding="utf-8")
    elif INDEX.read_text(encoding="utf-8") != text:
        print("src/podid/pages/index.py does not say what the pages say", file=sys.stderr)
        print("Run: python tools/gen_index.py --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
