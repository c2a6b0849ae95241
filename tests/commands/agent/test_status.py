"""`podid agent status`."""

from worlds import AGENT, Site


def test_issues_are_explained(healthy: Site) -> None:
    addon = healthy.box.world.clusters["demo"].addons[AGENT]
    addon.status = "DEGRADED"
    addon.issues = [{"code": "AccessDenied", "message": "words", "resourceIds": ["a"]}]
    message = healthy("agent", "status", "-o", "wide").stdout + healthy("agent", "status").stdout
    assert "AccessDenied, EKS may not change the cluster's objects: words (a)" in message


def test_a_healthy_agent_is_ready(healthy: Site) -> None:
    status = healthy("agent", "status", "-o", "json")
    assert (status.code, status.json["state"]) == (0, "ready")
    nodes = healthy("agent", "nodes", "-o", "json")
    assert (nodes.code, [item["state"] for item in nodes.json["items"]]) == (0, ["ready"] * 3)


def test_an_agent_that_is_not_installed(site: Site) -> None:
    status = site("agent", "status", "-o", "json")
    assert (status.code, status.json["state"]) == (0, "not-installed")
    site.associate("shop", "orders")
    status = site("agent", "status", "-o", "json")
    assert (status.code, status.json["state"]) == (3, "not-installed")
    nodes = site("agent", "nodes", "-o", "json")
    assert (nodes.code, [item["state"] for item in nodes.json["items"]]) == (3, ["missing"] * 3)


def test_an_agent_that_is_broken_on_one_node(healthy: Site) -> None:
    node = healthy.cluster.pods("kube-system")[0]["spec"]["nodeName"]
    healthy.kube.faults.agent_crashing[node] = "Unable to start server"
    healthy.wait(150)
    status = healthy("agent", "status", "-o", "json")
    assert (status.code, status.json["state"]) == (3, "broken")
    nodes = healthy("agent", "nodes", "-o", "json")
    assert nodes.code == 3
    assert {item["node"]: item["state"] for item in nodes.json["items"]}[node] == "not-ready"


def test_without_kubernetes_the_agent_is_unknown(healthy: Site) -> None:
    healthy.half.kube.stop()
    status = healthy("agent", "status", "-o", "json")
    assert (status.code, status.json["state"]) == (9, "unknown")
    assert healthy("agent", "nodes").code == 7


def test_without_the_permission_to_list_nodes_the_agent_is_unknown(healthy: Site) -> None:
    everywhere = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["daemonsets"], "verbs": ["list"]},
    ]
    caller = healthy.user("viewer", everywhere)
    status = healthy("agent", "status", "-o", "json", env=caller)
    assert (status.code, status.json["state"]) == (9, "unknown")
    assert {item["permission"] for item in status.json["unknowns"]} == {"list nodes (cluster-wide)"}
    nodes = healthy("agent", "nodes", "-o", "json", env=caller)
    assert (nodes.code, nodes.error["code"]) == (4, "AccessDenied")
