"""A graph as a Mermaid flowchart, for Markdown: https://mermaid.js.org/syntax/flowchart.html"""

import re
from collections.abc import Iterator

from podid.ops.audit.graph import Graph, NodeKind
from podid.render.graph.parts import EDGE_WORDS, drawn, in_columns, label, mark

# the brackets around a label are the shape
_SHAPES: dict[NodeKind, tuple[str, str]] = {
    "cluster": ("[[", "]]"),
    "service-account": ("[", "]"),
    "role": ("([", "])"),
    "target-role": ("([", "])"),
    "service": ("{{", "}}"),
    "account": ("[/", "/]"),
}
# all other characters become entity codes: quotes, backticks and tags have a meaning in labels
_UNSAFE = re.compile(r"[^A-Za-z0-9 ✗?*/.,:=+@_-]")


def lines(graph: Graph) -> Iterator[str]:
    yield "flowchart LR"
    nodes = [node for column in in_columns(graph).values() for node in column]
    names = {node.id: f"n{number}" for number, node in enumerate(nodes)}
    for node in nodes:
        before, after = _SHAPES[node.kind]
        yield f'  {names[node.id]}{before}"{_escaped(mark(node) + label(node))}"{after}'
    for edge in graph.edges:
        if drawn(edge):
            words = EDGE_WORDS[edge.kind]
            arrow = f"-. {words} .->" if words else "-->"
            yield f"  {names[edge.source]} {arrow} {names[edge.target]}"
    yield "  classDef missing stroke:#c62828,stroke-dasharray:4"
    if missing := [names[node.id] for node in nodes if node.exists is False]:
        yield f"  class {','.join(missing)} missing"


def _escaped(text: str) -> str:
    return _UNSAFE.sub(lambda match: f"#{ord(match.group())};", text)
