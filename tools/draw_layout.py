"""Draws docs/explanations/layout.svg from the imports of src/podid (--write), or says that it no longer matches
(--check): a box for each folder, arrows down to the folders that its files import.

The text of a box is the docstring of the folder's `__init__.py`.
"""

import argparse
import ast
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate, combinations, pairwise
from pathlib import Path
from textwrap import wrap

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "podid"
PICTURE = ROOT / "docs" / "explanations" / "layout.svg"

# --- what is in the code ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Folder:
    """`uses` are the folders that its code imports, `knows` those that it names in types alone; `packages` come from
    outside the standard library."""

    name: str
    about: str
    parts: tuple[str, ...]
    uses: frozenset[str]
    knows: frozenset[str]
    packages: tuple[str, ...]


def read(package: Path = PACKAGE) -> dict[str, Folder]:
    names = sorted(path.parent.name for path in package.glob("*/__init__.py"))
    return {name: _folder(package / name, names) for name in names}


def _folder(folder: Path, names: Sequence[str]) -> Folder:
    uses: set[str] = set()
    knows: set[str] = set()
    packages: set[str] = set()
    for path in sorted(folder.rglob("*.py")):
        for module, for_types in _imports(_parsed(path)):
            top, _, rest = module.partition(".")
            if top == folder.parent.name:
                (knows if for_types else uses).update({rest.split(".")[0]} & set(names) - {folder.name})
            elif top not in sys.stdlib_module_names and not for_types:
                packages.add(top)
    about = ast.get_docstring(_parsed(folder / "__init__.py")) or ""
    parts = sorted(path.parent.name for path in folder.glob("*/__init__.py"))
    return Folder(
        name=folder.name,
        about=about.partition("\n\n")[0],
        parts=tuple(parts),
        uses=frozenset(uses),
        knows=frozenset(knows - uses),
        packages=tuple(sorted(packages)),
    )


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Each module's full name, and whether it is imported for type checkers alone."""
    typing_only = {
        inner
        for node in _statements(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in _statements(statement)
    }
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in typing_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", node in typing_only) for alias in node.names)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """It and those in it; what they consist of, which is most of a tree, imports nothing."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from _statements(child)


def arrows(folders: Mapping[str, Folder]) -> list[tuple[str, str]]:
    """From and to; without the imports that a longer way through other folders shows already."""

    def below(name: str) -> set[str]:
        return set(folders[name].uses).union(*(below(other) for other in folders[name].uses))

    return sorted(
        (name, other)
        for name, folder in folders.items()
        for other in folder.uses | folder.knows
        if not any(other in below(between) for between in folder.uses - {other})
    )


# --- where it stands --------------------------------------------------------------------------------------------------

BOX, PASSING, GAP, ROW_GAP, MARGIN = 220, 12, 24, 52, 28
Spot = tuple[str, ...]  # a folder's name; or from, to and row, where an arrow passes a row
Line = list[Spot]


def rows(folders: Mapping[str, Folder]) -> dict[str, int]:
    """The row of each folder from the top: just above what it imports, or, where that is nothing, just below the last
    that imports it."""

    def height(name: str) -> int:
        return max((height(other) + 1 for other in _below(folders[name])), default=0)

    top = max(map(height, folders))
    found = {name: top - height(name) for name in folders}
    for name, folder in folders.items():
        users = [found[other] for other in folders if name in _below(folders[other])]
        if users and not _below(folder):
            found[name] = max(users) + 1
    return found


def _below(folder: Folder) -> frozenset[str]:
    return folder.uses | folder.knows


def way(start: str, end: str, row_of: Mapping[str, int]) -> Line:
    """The boxes at both ends of an arrow, and the spots in the rows between."""
    return [(start,), *((start, end, str(row)) for row in range(row_of[start] + 1, row_of[end])), (end,)]


def places(row_of: Mapping[str, int], ways: Sequence[Line]) -> dict[Spot, float]:
    """The middle of each spot from left to right: of the orders that swapping two in a row leads to, the one with the
    shortest arrows and the fewest crossings."""
    lines: list[Line] = [[] for _ in range(max(row_of.values()) + 1)]
    steps: list[list[tuple[Spot, Spot]]] = [[] for _ in lines]
    for name, row in sorted(row_of.items()):
        lines[row].append((name,))
    for spots in ways:
        for row, (start, end) in enumerate(pairwise(spots), row_of[spots[0][0]]):
            steps[row].append((start, end))
            if len(end) > 1:
                lines[row + 1].append(end)
    best, better = _cost(_placed(lines), steps), True
    while better:
        better = False
        for line in lines:
            for one, other in combinations(range(len(line)), 2):
                line[one], line[other] = line[other], line[one]
                cost = _cost(_placed(lines), steps)
                if cost < best:
                    best, better = cost, True
                else:
                    line[one], line[other] = line[other], line[one]
    found = _placed(lines)
    left = min(x - _width(spot) / 2 for spot, x in found.items())
    return {spot: round(x - left + MARGIN, 1) for spot, x in found.items()}


def _placed(lines: Sequence[Line]) -> dict[Spot, float]:
    """Boxes around the middle axis, passing arrows as near as they can be to where they end."""
    found: dict[Spot, float] = {}
    for line in reversed(lines):
        boxes: Line = [spot for spot in line if len(spot) == 1]
        wanted: dict[Spot, float] = dict(zip(boxes, _offsets(boxes), strict=True))
        wanted.update({spot: found[spot[1:2]] for spot in line if len(spot) > 1})
        found.update(zip(line, _clear(line, wanted), strict=True))
    return found


def _width(spot: Spot) -> int:
    return BOX if len(spot) == 1 else PASSING


def _offsets(line: Line) -> list[float]:
    """Side by side with a gap between, around 0."""
    if not line:
        return []
    steps = ((_width(left) + _width(right)) / 2 + GAP for left, right in pairwise(line))
    found = list(accumulate(steps, initial=0.0))
    return [x - found[-1] / 2 for x in found]


def _clear(line: Line, wanted: Mapping[Spot, float]) -> list[float]:
    """As near to the wanted places as order and gaps allow; a passing arrow gives way to a box."""
    offsets = _offsets(line)
    groups: list[list[tuple[float, int]]] = []  # wish and weight of spots that stand as close as can be
    for spot, offset in zip(line, offsets, strict=True):
        groups.append([(wanted[spot] - offset, 10**6 if len(spot) == 1 else 1)])
        while len(groups) > 1 and _mean(groups[-2]) > _mean(groups[-1]):
            last = groups.pop()
            groups[-1] += last
    bases = [_mean(group) for group in groups for _ in group]
    return [base + offset for base, offset in zip(bases, offsets, strict=True)]


def _mean(group: Sequence[tuple[float, int]]) -> float:
    return sum(wish * weight for wish, weight in group) / sum(weight for _, weight in group)


def _cost(middle: Mapping[Spot, float], steps: Sequence[Sequence[tuple[Spot, Spot]]]) -> float:
    """How far all arrows go sideways, and what their crossings are thought to be worth."""
    total = 0.0
    for row in steps:
        spans = [(middle[start], middle[end]) for start, end in row]
        total += sum(abs(start - end) for start, end in spans)
        total += sum(400 for (a, b), (c, d) in combinations(spans, 2) if (a - c) * (b - d) < 0)
    return total


# --- how it looks -----------------------------------------------------------------------------------------------------

LINE, PAD = 16, 13
SANS = "-apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
ALONE, WITH = "alone", "with"
IMPORTED, KNOWN = "arrow", "arrow known"
STYLE = f"""
  text {{ font: 12px {SANS}; fill: #3e4c59; }}
  .name {{ font: 600 15px {MONO}; fill: #1f2933; }}
  .part {{ font: 11px {MONO}; fill: #52606d; }}
  .tag {{ font: 11px {MONO}; fill: #8a5a00; }}
  .{ALONE} {{ fill: #eaf6ee; stroke: #3d8b5a; }}
  .{WITH} {{ fill: #eaf1fb; stroke: #3f6db3; }}
  .arrow {{ fill: none; stroke: #7b8794; stroke-width: 1.6; marker-end: url(#tip); }}
  .known {{ stroke-dasharray: 5 4; }}
"""


def lines(folder: Folder) -> list[tuple[str, str]]:
    """Style and text of each line under a box's name."""
    return [
        *(("", line) for line in wrap(folder.about, 33)),
        *(("part", line) for line in wrap("  ".join(f"{part}/" for part in folder.parts), 27)),
        *(("tag", line) for line in wrap(", ".join(folder.packages), 27)),
    ]


def height(folder: Folder) -> int:
    return 2 * PAD + LINE * (1 + len(lines(folder))) + 2


def draw(folders: Mapping[str, Folder]) -> str:
    """The picture as SVG text; the same code gives the same text."""
    row_of = rows(folders)
    ways = [way(start, end, row_of) for start, end in arrows(folders)]
    middle = places(row_of, ways)
    heights = [0] * (max(row_of.values()) + 1)
    for name, row in row_of.items():
        heights[row] = max(heights[row], height(folders[name]))
    bands = _bands(heights)
    kinds = [_kind(spots, folders) for spots in ways]
    body = [
        _arrow(list(_points(spots, folders, row_of, middle, bands)), kind)
        for spots, kind in zip(ways, kinds, strict=True)
    ]
    body += [_box(folder, middle[(name,)] - BOX / 2, bands[row_of[name]][0]) for name, folder in folders.items()]
    below = bands[-1][1] + ROW_GAP
    body += _legend(below, kinds)
    right = max(x + _width(spot) / 2 for spot, x in middle.items()) + MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right:g} {below + 3 * LINE + MARGIN}" role="img" '
        f'aria-label="The folders of src/podid and what they import">\n'
        "<!-- Drawn from the code by tools/draw_layout.py: do not edit. -->\n"
        f"<style>{STYLE}</style>\n"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#7b8794"/></marker></defs>\n'
        '<rect width="100%" height="100%" rx="10" fill="#ffffff"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _bands(heights: Sequence[int]) -> list[tuple[int, int]]:
    """Top and bottom of each row."""
    tops = accumulate((each + ROW_GAP for each in heights), initial=MARGIN)
    return [(top, top + each) for top, each in zip(tops, heights, strict=False)]


def _kind(spots: Line, folders: Mapping[str, Folder]) -> str:
    (start,), (end,) = spots[0], spots[-1]
    return IMPORTED if end in folders[start].uses else KNOWN


def _points(
    spots: Line,
    folders: Mapping[str, Folder],
    row_of: Mapping[str, int],
    middle: Mapping[Spot, float],
    bands: Sequence[tuple[int, int]],
) -> Iterator[tuple[float, float, float]]:
    """For each spot the upright that the arrow runs down there: x, top and bottom."""
    first = row_of[spots[0][0]]
    yield middle[spots[0]], bands[first][0] + height(folders[spots[0][0]]), bands[first][1]
    for row, spot in enumerate(spots[1:], first + 1):
        top, bottom = bands[row]
        yield middle[spot], top, bottom if spot is not spots[-1] else top


def _arrow(points: Sequence[tuple[float, float, float]], kind: str) -> str:
    """Uprights joined by curves."""
    x, y, bottom = points[0]
    drawn = [f"M{x:g} {y:g}V{bottom:g}"]
    for (left, _, start), (right, top, end) in pairwise(points):
        bend = (start + top) / 2
        drawn.append(f"C{left:g} {bend:g} {right:g} {bend:g} {right:g} {top:g}")
        if end > top:
            drawn.append(f"V{end:g}")
    return f'<path class="{kind}" d="{"".join(drawn)}"/>'


def _box(folder: Folder, x: float, y: float) -> str:
    kind = WITH if folder.packages else ALONE
    texts = [f'<text class="name" x="{x + PAD:g}" y="{y + PAD + 12:g}">{folder.name}/</text>']
    for number, (style, text) in enumerate(lines(folder), 1):
        at = y + PAD + 13 + LINE * number
        texts.append(f'<text class="{style}" x="{x + PAD:g}" y="{at:g}">{escape(text)}</text>')
    frame = f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{BOX}" height="{height(folder)}" rx="7"/>'
    return "\n".join([frame, *texts])


def _legend(y: float, kinds: Collection[str]) -> Iterator[str]:
    boxes = ((ALONE, "imports podid and the standard library"), (WITH, "imports the libraries named in it as well"))
    for number, (kind, text) in enumerate(boxes):
        x = MARGIN + 300 * number
        yield f'<rect class="{kind}" x="{x}" y="{y}" width="22" height="14" rx="4"/>'
        yield f'<text x="{x + 30}" y="{y + 11}">{text}</text>'
    lines = ((IMPORTED, "imports"), (KNOWN, "knows the types of: handed in by the caller"))
    for number, (kind, text) in enumerate(line for line in lines if line[0] in kinds):
        x = MARGIN + 300 * number
        yield f'<path class="{kind}" d="M{x} {y + 34}h22"/>'
        yield f'<text x="{x + 30}" y="{y + 38}">{text}</text>'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="write the picture")
    mode.add_argument("--check", action="store_true", help="exit 1 if the picture is not what would be drawn")
    chosen = parser.parse_args()
    drawn = draw(read())
    if chosen.write:
        PICTURE.write_text(drawn, encoding="utf-8")
    elif not PICTURE.exists() or PICTURE.read_text(encoding="utf-8") != drawn:
        print("docs/explanations/layout.svg does not show the code as it is", file=sys.stderr)
        print("Run: python tools/draw_layout.py --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
