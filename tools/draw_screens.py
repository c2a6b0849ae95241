"""Draws docs/images/*.svg: what a terminal of 96 columns shows of real runs on the sandbox (--write), or says which
pictures no longer match (--check). The sandbox is the one of the tests, with their clock and their names."""

import argparse
import difflib
import re
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

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
# rich's own frame fetches a font from elsewhere; a picture of the project's stands by itself
FRAME = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, monospace; font-size: {char_height}px; \
line-height: {line_height}px; font-variant-east-asian: full-width; }}
{styles}
</style>
<defs>{lines}</defs>
<rect fill="#1d2129" width="{width}" height="{height}" rx="8"/>
<g transform="translate(18, 24)" clip-path="none">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
THEME = TerminalTheme(
    (29, 33, 41),
    (222, 226, 233),
    [
        *((61, 68, 80), (240, 98, 98), (126, 199, 120), (229, 192, 102)),
        *((105, 164, 237), (198, 134, 226), (92, 199, 206), (222, 226, 233)),
    ],
)


def screens() -> dict[str, str]:
    """File name -> SVG."""
    with tempfile.TemporaryDirectory() as directory, whole_site(Path(directory), START.timestamp()) as site:
        site.with_agent().with_identity().with_samples()
        site.wait(3600)
        site.podid.tty, site.podid.width = True, WIDTH
        return {f"{name}.svg": _drawn(name, argv, site) for name, argv in SCREENS.items()}


def _drawn(name: str, argv: tuple[str, ...], site: Site) -> str:
    outcome = site(*argv, env={"FORCE_COLOR": "1"})
    # ids are made at random
    text = re.sub(r"\ba-[a-z0-9]{17}\b", "a-0123456789abcdefg", outcome.stdout)
    shown = "\n".join(line.rstrip() for line in text.rstrip().splitlines())
    with Path("/dev/null").open("w", encoding="utf-8") as nowhere:
        console = Console(width=WIDTH, record=True, file=nowhere, force_terminal=True, legacy_windows=False)
        console.print(Text(f"$ podid {' '.join(argv)}", style="bold"), soft_wrap=True)
        console.print(Text.from_ansi(shown), soft_wrap=True)
        drawn = console.export_svg(theme=THEME, code_format=FRAME, unique_id=f"podid-{name}")
    return re.sub(r"[ \t]+\n", "\n", drawn)


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
