"""The order of nodes in drawings of a graph."""

from podid.ops.audit.graph import Graph
from podid.render.graph.parts import in_columns
from render.graph.sample import CLUSTER, EDGES, ORDERS, ROLE, S3, edge, node


def test_columns_keep_neighbours_near() -> None:
    other = node("service-account", "billing", namespace="apps", cluster="demo")
    role = node("role", "zz-role")
    graph = Graph(
        nodes=(CLUSTER, ORDERS, other, ROLE, role, S3), edges=(*EDGES[:2], EDGES[3], edge(other, role, "assumes"))
    )
    columns = in_columns(graph)
    assert [item.name for item in columns["service-account"]] == ["billing", "orders"]
    assert [item.name for item in columns["role"]] == ["zz-role", "orders-role"]
