"""The graph as a table, and as files for Graphviz, Mermaid and browsers."""

from __future__ import annotations

from functools import partial
from importlib import import_module

from podid.ops.audit.graph import Graph, GraphNode
from podid.render.formats import Drawing
from podid.render.graph.parts import service_words
from podid.render.view import NOTHING, Column, Line, View, document, table_of

# Mermaid's default: https://mermaid.js.org/config/schema-docs/config.html#maxedges
MOST_MERMAID_EDGES = 500


def graph_view(graph: Graph, *, several: bool) -> View:
    """Return a row for each service account. `several`: the graph is of several clusters."""
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
    return View(document(Graph, graph), (table,), ids, drawings=drawings)


def graph_notes(graph: Graph, form: object) -> tuple[str | Line, ...]:
    """Return the missing parts of the graph, for stderr."""
    notes = [Line(f"Not known: {node.kind} {node.name}: {node.unread}", "dim") for node in graph.unread]
    if form is Drawing.MERMAID and len(graph.edges) > MOST_MERMAID_EDGES:
        edges = f"Mermaid draws at most {MOST_MERMAID_EDGES} edges unless maxEdges is set, and the graph has"
        notes.append(Line(f"{edges} {len(graph.edges)}; -o html has no such limit"))
    return tuple(notes)


def _names(nodes: object) -> str:
    return ", ".join(dict.fromkeys(node.name for node in nodes)) or NOTHING  # type: ignore[attr-defined]


def _drawn(form: Drawing, graph: Graph) -> str:
    return "".join(f"{text}\n" for text in import_module(f"{__name__}.{form}").lines(graph))
