"""Drawings of a graph, each read back by a parser that is not podid's, and with hostile names."""

import base64
import hashlib
import re
from dataclasses import replace

import pytest

from podid.ops.audit.graph import Graph
from podid.render import graph as page
from podid.render.formats import Drawing
from podid.render.graph import MOST_MERMAID_EDGES, graph_view, in_columns
from render.graph_sample import (
    CLUSTER,
    EDGES,
    GRAPH,
    ORDERS,
    ROLE,
    S3,
    UNSEEN,
    Page,
    dot_strings,
    drawn,
    edge,
    hostile,
    node,
)


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
    (note,) = graph_view(GRAPH, Drawing.DOT, several=False).unread
    assert note == "not known: target-role reports: the role is in account 444455556666"
    many = replace(GRAPH, edges=GRAPH.edges * 101)
    assert len(many.edges) > MOST_MERMAID_EDGES
    assert any("maxEdges" in str(note) for note in graph_view(many, Drawing.MERMAID, several=False).notes)
    assert not any("maxEdges" in str(note) for note in graph_view(many, Drawing.HTML, several=False).notes)


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


# --- one HTML file ----------------------------------------------------------------------------------------------------


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
