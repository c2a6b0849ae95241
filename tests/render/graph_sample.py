"""A small graph, and the same graph with hostile names."""

import html.parser
import re
from dataclasses import replace

from podid.ops.audit.graph import EdgeKind, Graph, GraphEdge, GraphNode, NodeKind
from podid.render.formats import Drawing
from podid.render.graph import graph_view

HOSTILE = (
    'x"]</button><script>document.title="owned"</script>\n::error::forged`**;-->&#quot;\\N\x1b[31m\x00\ud800\u202e'
)


UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def node(kind: NodeKind, name: str, **more: str | bool) -> GraphNode:
    return GraphNode(id=f"{kind}:{name}", kind=kind, name=name, **more)  # type: ignore[arg-type]


def edge(source: GraphNode, target: GraphNode, kind: EdgeKind) -> GraphEdge:
    return GraphEdge(source=source.id, target=target.id, kind=kind)


CLUSTER = node("cluster", "demo", exists=True)
ORDERS = node("service-account", "orders", namespace="shop", cluster="demo", exists=True)
ROLE = node("role", "orders-role", arn="arn:aws:iam::111122223333:role/orders-role", exists=True)
TARGET = node("target-role", "reports", unread="the role is in account 444455556666")
S3 = node("service", "s3")
ACCOUNT = node("account", "111122223333")
EDGES = (
    edge(CLUSTER, ORDERS, "has"),
    edge(ORDERS, ROLE, "assumes"),
    edge(ROLE, TARGET, "can-assume"),
    edge(ROLE, S3, "allows"),
    edge(ROLE, ACCOUNT, "belongs-to"),
)


GRAPH = Graph(nodes=(CLUSTER, ORDERS, ROLE, TARGET, S3, ACCOUNT), edges=EDGES)


def hostile() -> Graph:
    nodes = {item.id: replace(item, id=f"{item.id}{HOSTILE}", name=HOSTILE, arn=HOSTILE) for item in GRAPH.nodes}
    edges = (replace(item, source=nodes[item.source].id, target=nodes[item.target].id) for item in GRAPH.edges)
    more = {"cluster": HOSTILE, "namespace": HOSTILE, "account": HOSTILE, "unread": HOSTILE}
    return Graph(nodes=tuple(replace(item, **more) for item in nodes.values()), edges=tuple(edges))  # type: ignore[arg-type]


def drawn(graph: Graph, form: Drawing) -> str:
    return graph_view(graph, form, several=False).drawings[form]()


class Page(html.parser.HTMLParser):
    """Collects the tags and the text of an HTML file."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def dot_strings(text: str) -> list[str]:
    """Return the quoted strings of a DOT file. The other tokens must be DOT's own."""
    strings = re.findall(r'"((?:[^"\\\n]|\\.)*)"', text)
    plain = re.sub(r'"(?:[^"\\\n]|\\.)*"', "S", text)
    assert re.fullmatch(r"[\w\s{}\[\]=,;>-]*", plain), plain
    return strings
