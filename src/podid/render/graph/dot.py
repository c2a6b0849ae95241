"""A graph in the DOT language of Graphviz: https://graphviz.org/doc/info/lang.html"""

from collections.abc import Iterator

from podid.ops.audit.graph import Graph, GraphNode, NodeKind
from podid.render.graph.parts import EDGE_WORDS, drawn, in_columns, label, mark, remark
from podid.render.sanitize import line

_SHAPES: dict[NodeKind, str] = {
    "cluster": "box3d",
    "service-account": "box",
    "role": "ellipse",
    "target-role": "ellipse",
    "service": "component",
    "account": "folder",
}


def lines(graph: Graph) -> Iterator[str]:
    yield "digraph podid {"
    yield '  rankdir=LR; node [fontname="sans-serif", fontsize=11]; edge [color="gray50"];'
    for nodes in in_columns(graph).values():
        yield from map(_node, nodes)
    for edge in graph.edges:
        if drawn(edge):
            words = EDGE_WORDS[edge.kind]
            style = f" [style=dashed, label={_quoted(words)}]" if words else ""
            yield f"  {_quoted(edge.source)} -> {_quoted(edge.target)}{style};"
    yield "}"


def _node(node: GraphNode) -> str:
    style = "dashed" if node.kind == "target-role" or mark(node) else "solid"
    color = ', color="red"' if node.exists is False else ""
    tip = "; ".join(filter(None, (node.arn, remark(node)))) or label(node)
    shown = f"label={_quoted(mark(node) + label(node))}, shape={_SHAPES[node.kind]}, style={style}"
    return f"  {_quoted(node.id)} [{shown}{color}, tooltip={_quoted(tip)}];"


def _quoted(text: str) -> str:
    """Return a quoted string. Backslashes would begin an escape of Graphviz."""
    return '"' + line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
