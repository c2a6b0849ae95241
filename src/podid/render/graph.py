"""The graph as a table, and as files for Graphviz, Mermaid and browsers."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from html import escape
from importlib.resources import files
from itertools import chain

from podid.domain.text import count_of
from podid.ops.audit.graph import ALL_SERVICES, Graph, GraphEdge, GraphNode, NodeKind
from podid.render.formats import Drawing
from podid.render.sanitize import line
from podid.render.view import NOTHING, Column, Line, View, document, table_of

# Mermaid's default: https://mermaid.js.org/config/schema-docs/config.html#maxedges
MOST_MERMAID_EDGES = 500


def graph_view(graph: Graph, form: object, *, several: bool) -> View:
    """Return a row for each service account. `form` is the chosen format; `several`: the graph is of several
    clusters."""
    names = {node.id: node for node in graph.nodes}
    onward: dict[str, list[GraphNode]] = {}
    for edge in graph.edges:
        onward.setdefault(edge.source, []).append(names[edge.target])

    def beyond(node: GraphNode, *kinds: str) -> list[GraphNode]:
        return [other for other in onward.get(node.id, ()) if other.kind in kinds]

    def roles(account: GraphNode) -> list[GraphNode]:
        return beyond(account, "role", "target-role")

    def targets(account: GraphNode) -> list[GraphNode]:
        return [other for role in roles(account) for other in beyond(role, "role", "target-role")]

    def services(account: GraphNode) -> str:
        reached = (*roles(account), *targets(account))
        words = sorted({service_words(item) for role in reached for item in beyond(role, "service")})
        return ", ".join((*words, *(("?",) if account.unread or any(role.unread for role in reached) else ())))

    def accounts(account: GraphNode) -> str:
        return _names(other for role in (*roles(account), *targets(account)) for other in beyond(role, "account"))

    table = table_of(
        graph.of_kind("service-account"),
        (Column("CLUSTER", wide=not several), "cluster"),
        ("NAMESPACE", "namespace"),
        ("SERVICE ACCOUNT", "name", lambda node: "bad" if node.exists is False else ""),
        ("ROLE", lambda node: _names(roles(node))),
        (Column("TARGET ROLES", folds=1), lambda node: _names(targets(node))),
        (Column("SERVICES", prose=True), services),
        (Column("ACCOUNTS", folds=2, wide=True), accounts),
        empty="no associations",
    )
    ids = tuple(node.id for node in graph.nodes)
    drawings = {str(form): partial(_drawn, form, graph) for form in Drawing}
    unread = tuple(f"not known: {node.kind} {node.name}: {node.unread}" for node in graph.unread)
    notes: list[str | Line] = []
    if form is Drawing.MERMAID and len(graph.edges) > MOST_MERMAID_EDGES:
        edges = f"Mermaid draws at most {MOST_MERMAID_EDGES} edges unless maxEdges is set, and the graph has"
        notes.append(Line(f"{edges} {len(graph.edges)}; -o html has no such limit"))
    return View(document(Graph, graph), (table,), ids, drawings=drawings, notes=tuple(notes), unread=unread)


def _names(nodes: object) -> str:
    return ", ".join(dict.fromkeys(node.name for node in nodes)) or NOTHING  # type: ignore[attr-defined]


def _drawn(form: Drawing, graph: Graph) -> str:
    lines = {Drawing.DOT: _dot_lines, Drawing.MERMAID: _mermaid_lines, Drawing.HTML: _html_lines}[form]
    return "".join(f"{text}\n" for text in lines(graph))


# --- parts of every drawing -------------------------------------------------------------------------------------------

# from left to right
COLUMNS: Mapping[NodeKind, str] = {
    "cluster": "Clusters",
    "service-account": "Service accounts",
    "role": "Roles",
    "target-role": "Target roles",
    "service": "Services",
    "account": "Accounts",
}
# shown for edges whose meaning the columns do not give
EDGE_WORDS = {"can-assume": "can assume", "assumes": "", "has": "", "allows": "", "belongs-to": ""}


def service_words(node: GraphNode) -> str:
    return "all services" if node.name == ALL_SERVICES else node.name


def label(node: GraphNode) -> str:
    """Return the short name of a node, without control characters."""
    if node.kind == "service":
        return line(service_words(node))
    return line(f"{node.namespace}/{node.name}" if node.namespace else node.name)


def mark(node: GraphNode) -> str:
    """Return the mark of a node that does not exist, or whose neighbours are not known."""
    return "✗ " if node.exists is False else "? " if node.unread else ""


def remark(node: GraphNode) -> str:
    """Return the meaning of the mark."""
    if node.exists is False:
        return "does not exist"
    return line(f"not known: {node.unread}") if node.unread else ""


def in_columns(graph: Graph) -> dict[NodeKind, list[GraphNode]]:
    """Return the nodes of each column from top to bottom. Nodes are near those that lead to them, so that few edges
    cross."""
    before: dict[str, list[str]] = {}
    for edge in graph.edges:
        before.setdefault(edge.target, []).append(edge.source)
    height: dict[str, float] = {}
    columns: dict[NodeKind, list[GraphNode]] = {kind: [] for kind in COLUMNS}
    for node in graph.nodes:
        columns[node.kind].append(node)
    for kind, nodes in columns.items():
        if kind == "service-account":
            nodes.sort(key=lambda node: (node.cluster, node.namespace, node.name))
        elif kind != "cluster":
            nodes.sort(key=lambda node: (_mean(before.get(node.id, ()), height), node.name, node.id))
        height |= {node.id: place / len(nodes) for place, node in enumerate(nodes)}
    return columns


def _mean(ids: Sequence[str], height: Mapping[str, float]) -> float:
    known = [height[number] for number in ids if number in height]
    return sum(known) / len(known) if known else 0.0


def drawn(edge: GraphEdge) -> bool:
    """Return whether a drawing shows the edge: a cluster's account is that of its roles, and only adds a line."""
    return not (edge.kind == "belongs-to" and edge.source.startswith("cluster:"))


# --- Graphviz: https://graphviz.org/doc/info/lang.html ----------------------------------------------------------------

_DOT_SHAPES: dict[NodeKind, str] = {
    "cluster": "box3d",
    "service-account": "box",
    "role": "ellipse",
    "target-role": "ellipse",
    "service": "component",
    "account": "folder",
}


def _dot_lines(graph: Graph) -> Iterator[str]:
    yield "digraph podid {"
    yield '  rankdir=LR; node [fontname="sans-serif", fontsize=11]; edge [color="gray50"];'
    for nodes in in_columns(graph).values():
        yield from map(_dot_node, nodes)
    for edge in graph.edges:
        if drawn(edge):
            words = EDGE_WORDS[edge.kind]
            style = f" [style=dashed, label={_dot_quoted(words)}]" if words else ""
            yield f"  {_dot_quoted(edge.source)} -> {_dot_quoted(edge.target)}{style};"
    yield "}"


def _dot_node(node: GraphNode) -> str:
    style = "dashed" if node.kind == "target-role" or mark(node) else "solid"
    color = ', color="red"' if node.exists is False else ""
    tip = "; ".join(filter(None, (node.arn, remark(node)))) or label(node)
    shown = f"label={_dot_quoted(mark(node) + label(node))}, shape={_DOT_SHAPES[node.kind]}, style={style}"
    return f"  {_dot_quoted(node.id)} [{shown}{color}, tooltip={_dot_quoted(tip)}];"


def _dot_quoted(text: str) -> str:
    """Return a quoted string. Backslashes would begin an escape of Graphviz."""
    return '"' + line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


# --- Mermaid, for Markdown: https://mermaid.js.org/syntax/flowchart.html ----------------------------------------------

# the brackets around a label are the shape
_MERMAID_SHAPES: dict[NodeKind, tuple[str, str]] = {
    "cluster": ("[[", "]]"),
    "service-account": ("[", "]"),
    "role": ("([", "])"),
    "target-role": ("([", "])"),
    "service": ("{{", "}}"),
    "account": ("[/", "/]"),
}
# all other characters become entity codes: quotes, backticks and tags have a meaning in labels
_MERMAID_UNSAFE = re.compile(r"[^A-Za-z0-9 ✗?*/.,:=+@_-]")


def _mermaid_lines(graph: Graph) -> Iterator[str]:
    yield "flowchart LR"
    nodes = [node for column in in_columns(graph).values() for node in column]
    names = {node.id: f"n{number}" for number, node in enumerate(nodes)}
    for node in nodes:
        before, after = _MERMAID_SHAPES[node.kind]
        text = _MERMAID_UNSAFE.sub(lambda match: f"#{ord(match.group())};", mark(node) + label(node))
        yield f'  {names[node.id]}{before}"{text}"{after}'
    for edge in graph.edges:
        if drawn(edge):
            words = EDGE_WORDS[edge.kind]
            arrow = f"-. {words} .->" if words else "-->"
            yield f"  {names[edge.source]} {arrow} {names[edge.target]}"
    yield "  classDef missing stroke:#c62828,stroke-dasharray:4"
    if missing := [names[node.id] for node in nodes if node.exists is False]:
        yield f"  class {','.join(missing)} missing"


# --- one HTML file: columns of nodes with the edges between them, a search, and a key for each action -----------------

# Python computes the layout, so that the file shows everything without its script too. Names are in the text and the
# attributes of elements only. The script is constant, and the file's policy allows no other.

# pixels; graph.js and graph.css have the same
ROW, WIDTH, STEP, TOP, MIDDLE = 28, 220, 290, 40, 12
_NOUNS = {"service-account": "service account", "target-role": "target role"}


def _asset(name: str) -> str:
    return files("podid.render").joinpath(name).read_text(encoding="utf-8")


def _html_lines(graph: Graph) -> Iterator[str]:
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
    yield from _html_edges(graph, columns, numbers, width, height)
    for place, (kind, nodes) in enumerate(columns.items()):
        heading = COLUMNS[kind]
        yield f'<section style="left:{STEP * place}px"><h2 id="h-{kind}">{heading}</h2><ul aria-labelledby="h-{kind}">'
        for node in nodes:
            yield _html_node(node, numbers[node.id])
        yield "</ul></section>"
    yield '</main><aside id="details" aria-live="polite" hidden></aside>'
    yield f"<script>{script}</script></body></html>"


def _html_node(node: GraphNode, number: int) -> str:
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


def _html_edges(
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
