"""Draws docs/images/*.svg: what a terminal of 96 columns shows of real runs on the sandbox (--write), or says which
pictures no longer match (--check). demo.svg plays the scenes of `podid demo` one after another. The sandbox is the one
of the tests, with their clock and their names."""

import argparse
import contextlib
import difflib
import json
import re
import shlex
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from podid.sandbox.tour import POLICY, POLICY_FILE, SCENES  # noqa: E402
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
COLORS = {
    "": "#dee2e9",
    "32": "#7ec778",
    "33": "#e5c066",
    "1;31": "#f06262",
    "2": "#8b93a1",
    "1": "#ffffff",
    "36": "#7fb7d4",
}
FRAME = """<svg viewBox="0 0 {outer}" xmlns="http://www.w3.org/2000/svg" \
font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14px">
<rect fill="#1d2129" stroke="#4a5162" x="0.5" y="0.5" width="{width}" height="{height}" rx="8"/>
{texts}
</svg>
"""
# seconds of a scene, and of these the part in which its command is typed
SCENE, TYPED = 7, 1.2
FILM = """<svg viewBox="0 0 {outer}" xmlns="http://www.w3.org/2000/svg" \
font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14px">
<title>podid demo: from an empty cluster to verified credentials</title>
<style>
.scene, .output {{ opacity: 0 }}
.scene {{ animation: scene {whole}s step-end var(--at) infinite }}
.output {{ animation: output {whole}s step-end var(--at) infinite }}
.cover {{ animation: typed {whole}s steps(30) var(--at) infinite; transform-box: fill-box; transform-origin: right }}
@keyframes scene {{ 0% {{ opacity: 1 }} {end}% {{ opacity: 0 }} }}
@keyframes output {{ 0% {{ opacity: 0 }} {typed}% {{ opacity: 1 }} {end}% {{ opacity: 0 }} }}
@keyframes typed {{ {typed}%, 100% {{ transform: scaleX(0) }} }}
@media (prefers-reduced-motion: reduce) {{
  .scene, .output, .cover {{ animation: none }}
  .cover {{ display: none }}
  .scene:last-child, .scene:last-child .output {{ opacity: 1 }}
}}
</style>
<rect fill="#1d2129" stroke="#4a5162" x="0.5" y="0.5" width="{width}" height="{height}" rx="8"/>
{scenes}
</svg>
"""
STYLED = re.compile(r"(?:\x1b\[([0-9;]*)m)?([^\x1b]*)(?:\x1b\[0m)?")


def screens() -> dict[str, str]:
    """File name -> SVG."""
    with _site() as site:
        site.with_agent().with_identity().with_samples()
        site.wait(3600)
        drawn = {f"{name}.svg": _drawn(argv, site) for name, argv in SCREENS.items()}
    with _site() as site:
        site.with_samples().wait(3600)
        return drawn | {"demo.svg": _film(site)}


@contextlib.contextmanager
def _site() -> Iterator[Site]:
    with (
        tempfile.TemporaryDirectory() as directory,
        contextlib.chdir(directory),
        whole_site(Path(directory), START.timestamp()) as site,
    ):
        site.podid.tty, site.podid.width = True, WIDTH
        yield site


def _drawn(argv: tuple[str, ...], site: Site) -> str:
    lines = [f"\x1b[1m$ podid {' '.join(argv)}\x1b[0m", *_printed(argv, site)]
    return FRAME.format(texts="\n".join(_column(lines)), **_size(len(lines)))


def _film(site: Site) -> str:
    """Return the scenes of the demo as one picture that shows them in turn, and then begins again."""
    Path(POLICY_FILE).write_text(json.dumps(POLICY), encoding="utf-8")
    parts, rows = [], 0
    for number, scene in enumerate(SCENES):
        said = [f"\x1b[36m# {line}\x1b[0m" for line in textwrap.wrap(scene.say, WIDTH - 2)]
        prompt = f"$ {shlex.join(('podid', *scene.argv))}"
        output = _printed(scene.argv, site)
        top = len(said)
        parts += [
            f'<g class="scene" style="--at: {number * SCENE}s">',
            *_column([*said, f"\x1b[1m{prompt}\x1b[0m"]),
            f'<rect class="cover" fill="#1d2129" x="{LEFT + 2 * COLUMN:.1f}" y="{TOP + top * ROW - 15}" '
            f'width="{len(prompt) * COLUMN:.1f}" height="{ROW}"/>',
            '<g class="output">',
            *_column(output, top + 1),
            "</g>\n</g>",
        ]
        rows = max(rows, top + 1 + len(output))
    whole = SCENE * len(SCENES)
    return FILM.format(
        **_size(rows),
        whole=whole,
        end=round(100 * SCENE / whole, 2),
        typed=round(100 * TYPED / whole, 2),
        scenes="\n".join(parts),
    )


def _printed(argv: tuple[str, ...], site: Site) -> list[str]:
    text = site(*argv, env={"FORCE_COLOR": "1", "FORCE_HYPERLINK": "0"}).stdout
    # ids and the names of pods are made at random
    text = re.sub(r"\ba-[a-z0-9]{17}\b", "a-0123456789abcdefg", text)
    pods = list(dict.fromkeys(re.findall(r"\borders-[a-z0-9]{10}-[a-z0-9]{5}\b", text)))
    for number, pod in enumerate(pods):
        text = text.replace(pod, f"orders-7d9fb46c5d-4kxz{number}")
    return text.rstrip().splitlines()


def _size(rows: int) -> dict[str, object]:
    width, height = round(2 * LEFT + WIDTH * COLUMN), TOP + rows * ROW
    return {"width": width, "height": height, "outer": f"{width + 1} {height + 1}"}


def _column(lines: list[str], row: int = 0) -> list[str]:
    return [drawn for number, line in enumerate(lines, row) for drawn in _texts(line, TOP + number * ROW)]


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
