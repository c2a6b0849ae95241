"""Shared parts of the drawings of a graph: words of nodes and edges, and the order of nodes."""

from collections.abc import Mapping, Sequence

from podid.ops.audit.graph import ALL_SERVICES, Graph, GraphEdge, GraphNode, NodeKind
from podid.render.sanitize import line

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
