"""Network policies in a report."""

from typing import Any

import pytest

from ops.reading.reports import viewer
from worlds import Site

POLICIES = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies"
Json = dict[str, Any]


def add_policy(site: Site, **spec: Any) -> None:
    body = {"podSelector": {"matchLabels": {"app": "orders"}}, "policyTypes": ["Egress"], **spec}
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "egress"},
        "spec": body,
    }
    site.cluster.post(POLICIES, policy)


def findings(site: Site, *more: str) -> dict[str, Json]:
    report = site("doctor", "shop/orders", "-o", "json", *more).json
    return {str(item["id"]): dict(item) for item in report["findings"]}


@pytest.fixture
def calico(healthy: Site) -> Site:
    healthy.cluster.make_workload("DaemonSet", "kube-system", "calico-node", "default")
    return healthy


def test_an_egress_rule_without_the_agent(calico: Site) -> None:
    add_policy(calico, egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}]}])
    finding = findings(calico)["networkpolicy-blocks-agent"]
    assert finding["severity"] == "error"
    assert finding["link"] == 5
    assert "network policy egress does not allow TCP 80 to 169.254.170.23" in finding["message"]
    assert calico("doctor").code == 3


def test_an_egress_rule_with_the_agent(calico: Site) -> None:
    ports = [{"protocol": "TCP", "port": 80}]
    add_policy(calico, egress=[{"to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}], "ports": ports}])
    assert findings(calico) == {}


def test_a_policy_that_nothing_enforces_is_unknown(healthy: Site) -> None:
    add_policy(healthy)
    outcome = healthy("doctor", "-o", "json")
    assert outcome.code == 9
    assert [item["id"] for item in outcome.json["unknowns"]] == ["networkpolicy-blocks-agent"]


def test_without_the_permission_to_list_network_policies(calico: Site) -> None:
    add_policy(calico)
    rules = [{"apiGroups": ["", "apps", "batch", "admissionregistration.k8s.io"], "resources": ["*"], "verbs": ["*"]}]
    outcome = calico("doctor", "-o", "json", env=calico.user("reader", rules))
    assert outcome.code == 9
    unknown = [item for item in outcome.json["unknowns"] if item["id"] == "networkpolicy-blocks-agent"]
    assert [item["permission"] for item in unknown] == ["list networkpolicies.networking.k8s.io (cluster-wide)"]


def test_under_cilium(healthy: Site) -> None:
    healthy.cluster.make_workload("DaemonSet", "kube-system", "cilium", "default")
    add_policy(healthy, egress=[{"to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}]}])
    assert list(findings(healthy)) == ["cilium-host-entity"]


def test_without_the_permission_to_list_policies_of_cilium(healthy: Site) -> None:
    healthy.cluster.make_workload("DaemonSet", "kube-system", "cilium", "default")
    for kind in ("ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"):
        outcome = healthy("doctor", "-o", "json", env=viewer(healthy, kind))
        assert (outcome.code, outcome.json["findings"]) == (9, [])
        unknown = {item["id"]: item["permission"] for item in outcome.json["unknowns"]}
        assert unknown["cilium-host-entity"].startswith(f"list {kind}.cilium.io")
        assert "tool-k8s-rbac-denied" in unknown
