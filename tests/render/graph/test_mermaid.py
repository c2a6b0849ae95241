"""A graph as a Mermaid flowchart."""

from dataclasses import replace

from podid.render.formats import Drawing
from render.graph.sample import CLUSTER, GRAPH, ORDERS, drawn


def test_mermaid() -> None:
    lines = drawn(GRAPH, Drawing.MERMAID).splitlines()
    assert lines[0] == "flowchart LR"
    assert '  n1["shop/orders"]' in lines
    assert "  n2 -. can assume .-> n3" in lines
    missing = replace(GRAPH, nodes=(CLUSTER, replace(ORDERS, exists=False), *GRAPH.nodes[2:]))
    assert "  class n1 missing" in drawn(missing, Drawing.MERMAID).splitlines()
