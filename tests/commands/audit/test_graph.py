"""The exit codes of `podid graph`, and its reads of several clusters."""

from ops.audit.test_graph import DEMO, ORDERS, ROLE, drawn
from podid.sandbox.baseline import add_association, add_cluster
from worlds import Site

ROWS = (("blue", "cart"), ("demo", "orders"), ("demo", "web"))


def test_a_role_is_one_node_for_several_clusters_and_accounts(healthy: Site) -> None:
    add_cluster(healthy.box.world, "blue")
    add_association(healthy.box.world, "shop", "cart", "shop-orders", cluster_name="blue")
    healthy.associate("shop", "web", "shop-orders")
    healthy.box.faults.calls.clear()
    nodes, edges = drawn(healthy, "--all-clusters")
    calls = healthy.box.faults.calls
    assert {calls["iam", name] for name in ("GetRole", "ListRolePolicies", "GetRolePolicy")} == {1}
    blue = DEMO.replace("demo", "blue")
    assert {source for source, target, _ in edges if target == ROLE} == {
        ORDERS,
        f"service-account:{DEMO}/shop/web",
        f"service-account:{blue}/shop/cart",
    }
    assert nodes[f"cluster:{blue}"]["name"] == "blue"
    rows = [line.split("\t") for line in healthy.must("graph", "--all-clusters").stdout.splitlines()]
    assert rows == [[cluster, "shop", name, "shop-orders", "-", "dynamodb"] for cluster, name in ROWS]


def test_without_the_associations_there_is_no_graph(healthy: Site) -> None:
    healthy.box.world.credentials.deny("eks:DescribePodIdentityAssociation")
    outcome = healthy("graph", "-o", "html")
    assert (outcome.code, outcome.stdout) == (4, "")
    assert "eks:DescribePodIdentityAssociation" in outcome.stderr
