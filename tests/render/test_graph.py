"""Drawings of a graph, each read back by a parser that is not podid's, and with hostile names."""

import base64
import hashlib
import html.parser
import re
from dataclasses import replace

import pytest

from podid.ops.audit.graph import EdgeKind, Graph, GraphEdge, GraphNode, NodeKind
from podid.render.formats import Drawing
from podid.render.graph import MOST_MERMAID_EDGES, graph_notes, graph_view
from podid.render.graph import html as page
from podid.render.graph.parts import in_columns

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
    return graph_view(graph, several=False).drawings[form]()


class Page(html.parser.HTMLParser):
    """What a browser would make of the file."""

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
    """The tokens of a DOT file that are quoted strings; anything between them must be DOT's own."""
    strings = re.findall(r'"((?:[^"\\\n]|\\.)*)"', text)
    rest = re.sub(r'"(?:[^"\\\n]|\\.)*"', "S", text)
    assert re.fullmatch(r"[\w\s{}\[\]=,;>-]*", rest), rest
    return strings


def test_columns_keep_neighbours_near() -> None:
    other = node("service-account", "billing", namespace="apps", cluster="demo")
    role = node("role", "zz-role")
    graph = Graph(
        nodes=(CLUSTER, ORDERS, other, ROLE, role, S3), edges=(*EDGES[:2], EDGES[3], edge(other, role, "assumes"))
    )
    columns = in_columns(graph)
    assert [item.name for item in columns["service-account"]] == ["billing", "orders"]
    assert [item.name for item in columns["role"]] == ["zz-role", "orders-role"]


def test_dot() -> None:
    text = drawn(GRAPH, Drawing.DOT)
    assert '"role:orders-role" -> "service:s3";' in text
    assert '"role:orders-role" -> "target-role:reports" [style=dashed, label="can assume"];' in text
    assert 'label="? reports"' in text
    assert 'tooltip="not known: the role is in account 444455556666"' in text
    dot_strings(text)


def test_mermaid() -> None:
    lines = drawn(GRAPH, Drawing.MERMAID).splitlines()
    assert lines[0] == "flowchart LR"
    assert '  n1["shop/orders"]' in lines
    assert "  n2 -. can assume .-> n3" in lines
    missing = replace(GRAPH, nodes=(CLUSTER, replace(ORDERS, exists=False), *GRAPH.nodes[2:]))
    assert "  class n1 missing" in drawn(missing, Drawing.MERMAID).splitlines()


def test_html_has_every_node_and_edge_and_runs_only_its_script() -> None:
    text = drawn(GRAPH, Drawing.HTML)
    read = Page(text)
    buttons = read.all("button")
    assert [item["class"] for item in buttons] == [item.kind for item in GRAPH.nodes]
    assert [item["tabindex"] for item in buttons] == ["0", "-1", "-1", "-1", "-1", "-1"]
    assert [item["data-ends"] for item in read.all("path")] == ["0 1", "1 2", "2 3", "2 4", "2 5"]
    assert buttons[1]["data-words"] == "service-account shop/orders  demo  "
    assert buttons[3]["data-facts"] == "not known: the role is in account 444455556666"
    script = re.search(r"<script>(.*)</script>", text, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    policies = [item["content"] for item in read.all("meta") if "http-equiv" in item]
    assert policies == [f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"]
    assert not {"src", "href"} & {name for _, attributes in read.tags for name in attributes}


def test_script_and_style_use_the_layout_of_the_page() -> None:
    script = page._asset("graph.js")
    numbers = dict(re.findall(r"([A-Z]+) = (\d+)", script.splitlines()[1]))
    expected = {"ROW": page.ROW, "WIDTH": page.WIDTH, "STEP": page.STEP, "TOP": page.TOP, "MIDDLE": page.MIDDLE}
    assert numbers == {name: str(value) for name, value in expected.items()}
    style = page._asset("graph.css")
    assert f"li {{ height: {page.ROW}px; }}" in style
    assert f"width: {page.WIDTH}px" in style
    assert f"h2 {{ font-size: .9rem; height: {page.TOP}px;" in style


@pytest.mark.parametrize("form", Drawing)
def test_hostile_names_stay_text(form: Drawing) -> None:
    text = drawn(hostile(), form)
    assert not UNSEEN.search(text)
    text.encode()
    if form is Drawing.HTML:
        read = Page(text)
        assert len(read.all("script")) == 1
        assert len(read.all("button")) == len(GRAPH.nodes)
        assert 'document.title="owned"' in "".join(read.text)
        assert not any(name.startswith("on") for _, attributes in read.tags for name in attributes)
    elif form is Drawing.DOT:
        strings = dot_strings(text)
        assert any("owned" in item for item in strings)
        assert all("\\N" not in item.replace("\\\\", "") for item in strings)
    else:
        labels = re.findall(r'^  n\d+\S*?"(.*?)"\S*$', text, re.MULTILINE)
        assert len(labels) == len(GRAPH.nodes)
        assert not any(set('<>`"|[]{}') & set(label) for label in labels)
    assert not any(item.lstrip().startswith("::") for item in text.splitlines())


def test_a_graph_without_nodes_is_drawn_too() -> None:
    empty = Graph(nodes=(), edges=())
    for form in Drawing:
        assert drawn(empty, form)


def test_notes_name_unread_nodes_and_the_limit_of_mermaid() -> None:
    (note,) = graph_notes(GRAPH, Drawing.DOT)
    assert getattr(note, "text", note) == "Not known: target-role reports: the role is in account 444455556666"
    many = replace(GRAPH, edges=GRAPH.edges * 101)
    assert len(many.edges) > MOST_MERMAID_EDGES
    assert any("maxEdges" in str(note) for note in graph_notes(many, Drawing.MERMAID))
    assert not any("maxEdges" in str(note) for note in graph_notes(many, Drawing.HTML))
