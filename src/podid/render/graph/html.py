"""A graph as one HTML file: columns of nodes with the edges between them, a search, and a key for each action.

Python computes the layout, so that the file shows everything without its script too. Names are in the text and the
attributes of elements only. The script is constant, and the file's policy allows no other.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from html import escape
from importlib.resources import files
from itertools import chain

from podid.domain.text import count_of
from podid.ops.audit.graph import Graph, GraphNode, NodeKind
from podid.render.graph.parts import COLUMNS, drawn, in_columns, label, mark, remark
from podid.render.sanitize import line

# pixels; graph.js and graph.css have the same
ROW, WIDTH, STEP, TOP, MIDDLE = 28, 220, 290, 40, 12
_NOUNS = {"service-account": "service account", "target-role": "target role"}


def _asset(name: str) -> str:
    return files("podid.render.graph").joinpath(name).read_text(encoding="utf-8")


def lines(graph: Graph) -> Iterator[str]:
    columns = {kind: nodes for kind, nodes in in_columns(graph).items() if nodes}
    style, script = _asset("graph.css"), _asset("graph.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    title = escape(line(f"podid graph: {', '.join(node.name for node in graph.of_kind('cluster'))}"))
    counts = ", ".join(count_of(len(nodes), _NOUNS.get(kind, kind)) for kind, nodes in columns.items())
    yield '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield f"<title>{title}</title><style>{style}</style></head><body>"
    yield f'<header><h1>{title}</h1><p class="soft">{counts}</p>'
    yield '<form id="search" role="search" hidden><label for="query">Search</label>'
    yield '<input id="query" type="search" autocomplete="off" spellcheck="false">'
    yield '<output id="count" for="query"></output></form>'
    yield '<p id="keys" class="soft" hidden>Keys: <kbd>/</kbd> search, arrows move, <kbd>Enter</kbd> shows only the '
    yield "connected nodes, <kbd>Esc</kbd> shows all nodes.</p>"
    yield '<p class="soft">✗ does not exist · ? not completely known · dashed: only a policy allows it</p></header>'
    height = TOP + ROW * max((len(nodes) for nodes in columns.values()), default=0)
    width = STEP * len(columns)
    yield f'<main id="graph" style="width:{width}px;height:{height}px">'
    numbers = {node.id: number for number, node in enumerate(chain.from_iterable(columns.values()))}
    yield from _edges(graph, columns, numbers, width, height)
    for place, (kind, nodes) in enumerate(columns.items()):
        heading = COLUMNS[kind]
        yield f'<section style="left:{STEP * place}px"><h2 id="h-{kind}">{heading}</h2><ul aria-labelledby="h-{kind}">'
        for node in nodes:
            yield _node(node, numbers[node.id])
        yield "</ul></section>"
    yield '</main><aside id="details" aria-live="polite" hidden></aside>'
    yield f"<script>{script}</script></body></html>"


def _node(node: GraphNode, number: int) -> str:
    arn, cluster = line(node.arn), line(node.cluster)
    facts = (arn, f"cluster {cluster}" if cluster else "", remark(node))
    more = {
        "kind": _NOUNS.get(node.kind, node.kind),
        "words": line(" ".join((node.kind, label(node), arn, cluster, node.account, remark(node)))).lower(),
        "facts": "\t".join(filter(None, facts)),
    }
    data = "".join(f' data-{name}="{escape(value)}"' for name, value in more.items())
    state = " missing" if node.exists is False else ""
    return (
        f'<li><button id="n{number}" type="button" class="{node.kind}{state}" tabindex="{0 if number == 0 else -1}"'
        f' title="{escape(label(node))}"{data}>{escape(mark(node) + label(node))}</button></li>'
    )


def _edges(
    graph: Graph, columns: Mapping[NodeKind, list[GraphNode]], numbers: Mapping[str, int], width: int, height: int
) -> Iterator[str]:
    places = {node.id: (column, row) for column, nodes in enumerate(columns.values()) for row, node in enumerate(nodes)}
    yield f'<svg aria-hidden="true" width="{width}" height="{height}">'
    for edge in graph.edges:
        if drawn(edge):
            ends = f"{numbers[edge.source]} {numbers[edge.target]}"
            yield f'<path class="{edge.kind}" data-ends="{ends}" d="{path(places[edge.source], places[edge.target])}"/>'
    yield "</svg>"


def path(source: tuple[int, int], target: tuple[int, int]) -> str:
    """Return the curve between two (column, row); within a column it bends to the right."""
    x1, x2 = STEP * source[0] + WIDTH, STEP * target[0]
    y1, y2 = (TOP + ROW * row + MIDDLE for row in (source[1], target[1]))
    if source[0] >= target[0]:
        x2 += WIDTH
    bend = max(50, (x2 - x1) // 2)
    control = x2 + bend if source[0] >= target[0] else x2 - bend
    return f"M{x1} {y1}C{x1 + bend} {y1} {control} {y2} {x2} {y2}"
