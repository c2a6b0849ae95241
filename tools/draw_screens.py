"""Draws docs/images/*.svg: what a terminal of 96 columns shows of real runs on the sandbox (--write), or says which
pictures no longer match (--check). The sandbox is the one of the tests, with their clock and their names."""

import argparse
import difflib
import re
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from worlds import Site, whole_site  # noqa: E402  the path has to be known first

IMAGES = ROOT / "docs" / "images"
WIDTH = 96
START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SCREENS: dict[str, tuple[str, ...]] = {
    "list": ("list",),
    "doctor": ("doctor",),
    "plan": ("associate", "payments/billing-worker", "--role", "billing-worker", "--dry-run"),
}
# columns and rows of the terminal in pixels
COLUMN, ROW, LEFT, TOP = 8.4, 20, 18, 34
COLORS = {"": "#dee2e9", "32": "#7ec778", "33": "#e5c066", "1;31": "#f06262", "2": "#8b93a1", "1": "#ffffff"}
FRAME = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" \
font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14px">
<rect fill="#1d2129" width="{width}" height="{height}" rx="8"/>
{texts}
</svg>
"""
STYLED = re.compile(r"(?:\x1b\[([0-9;]*)m)?([^\x1b]*)(?:\x1b\[0m)?")


def screens() -> dict[str, str]:
    """File name -> SVG."""
    with tempfile.TemporaryDirectory() as directory, whole_site(Path(directory), START.timestamp()) as site:
        site.with_agent().with_identity().with_samples()
        site.wait(3600)
        site.podid.tty, site.podid.width = True, WIDTH
        return {f"{name}.svg": _drawn(argv, site) for name, argv in SCREENS.items()}


def _drawn(argv: tuple[str, ...], site: Site) -> str:
    outcome = site(*argv, env={"FORCE_COLOR": "1"})
    # ids are made at random
    text = re.sub(r"\ba-[a-z0-9]{17}\b", "a-0123456789abcdefg", outcome.stdout)
    lines = [f"\x1b[1m$ podid {' '.join(argv)}\x1b[0m", *text.rstrip().splitlines()]
    texts = [drawn for number, line in enumerate(lines) for drawn in _texts(line, TOP + number * ROW)]
    width, height = round(2 * LEFT + WIDTH * COLUMN), TOP + len(lines) * ROW
    return FRAME.format(width=width, height=height, texts="\n".join(texts))


def _texts(line: str, y: int) -> Iterator[str]:
    """Yield an element for the words between two gaps: each has its place, whatever a viewer does with spaces."""
    column = 0
    for code, part in STYLED.findall(line):
        for match in re.finditer(r"\S+(?: \S+)*", part):
            x, length = LEFT + (column + match.start()) * COLUMN, len(match[0]) * COLUMN
            weight = ' font-weight="bold"' if code.startswith("1") else ""
            yield (
                f'<text x="{x:.1f}" y="{y}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs" '
                f'fill="{COLORS[code]}"{weight}>{escape(match[0])}</text>'
            )
        column += len(part)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--write", action="store_true")
    choice.add_argument("--check", action="store_true")
    options = parser.parse_args()
    stale = []
    for name, drawn in screens().items():
        path = IMAGES / name
        if options.write:
            IMAGES.mkdir(exist_ok=True)
            path.write_text(drawn, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != drawn:
            stale.append(name)
            old = path.read_text(encoding="utf-8") if path.exists() else ""
            sys.stderr.writelines(list(difflib.unified_diff(old.splitlines(True), drawn.splitlines(True), n=0))[:12])
    if stale:
        sys.stderr.write(f"docs/images: {', '.join(stale)} no longer shows what podid prints; run `make docs`\n")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
