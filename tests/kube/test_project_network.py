"""The webhook's registration and Cilium's policies as domain values."""

from typing import Any

from harness import table
from podid.kube import project_network
from podid.kube.project_network import webhook

PODS = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}


@table(
    ("rules", "asked"),
    [
        ([PODS], True),
        ([{key: ["*"] for key in PODS}], True),
        ([{**PODS, "resources": ["*/*"]}], True),
        ([{**PODS, "resources": ["pods/*"]}], True),
        ([{**PODS, "operations": ["UPDATE"]}, PODS], True),
        ([{**PODS, "operations": ["UPDATE"]}], False),
        ([{**PODS, "apiGroups": ["apps"]}], False),
        ([{**PODS, "resources": ["pods/ephemeralcontainers"]}], False),
        ([], False),
    ],
)
def test_the_webhook_is_called_for_the_creation_of_pods(rules: list[dict[str, Any]], asked: bool) -> None:
    projected = webhook({"webhooks": [{"rules": rules}]})
    assert projected is not None
    assert projected.on_create is asked
    assert project_network.webhook({}) is None
    both = webhook({"webhooks": [{"rules": []}, {"rules": rules}]})
    assert both is not None
    assert both.on_create is asked


PORT_80 = [{"ports": [{"port": "80", "protocol": "TCP"}]}]


ALL_PODS: dict[str, Any] = {"endpointSelector": {}}


def cilium(spec: dict[str, Any]) -> list[tuple[bool, bool, bool]]:
    projected = project_network.cilium_policies({"metadata": {"namespace": "shop", "name": "a"}, "spec": spec})
    return [(item.to_host, item.isolates, item.denies_host) for item in projected]


@table(
    ("rule", "to_host"),
    [
        ({"toEntities": ["host"]}, True),
        ({"toEntities": ["cluster"], "toPorts": PORT_80}, True),
        ({"toEntities": ["world", "all"]}, True),
        ({"toEntities": ["world", "remote-node"]}, False),
        # a CIDR never is the node, and a rule without anything allows nothing
        ({"toCIDR": ["0.0.0.0/0"]}, False),
        ({}, False),
        # ports alone are for every destination
        ({"toPorts": PORT_80}, True),
        ({"toPorts": [{"ports": [{"port": "443"}]}]}, False),
        ({"toCIDR": ["10.0.0.0/8"], "toPorts": PORT_80}, False),
        ({"toEntities": ["host"], "toPorts": [{"ports": [{"port": "443"}, {"port": "0", "protocol": "ANY"}]}]}, True),
        ({"toEntities": ["host"], "toPorts": [{"ports": [{"port": "1", "endPort": 1024}]}]}, True),
        ({"toEntities": ["host"], "toPorts": [{"ports": [{"port": "80", "protocol": "UDP"}]}]}, False),
        ({"toEntities": ["host"], "toPorts": [{"ports": [{"port": "http"}]}]}, False),
    ],
)
def test_cilium_policies_that_allow_the_node(rule: dict[str, Any], to_host: bool) -> None:
    assert cilium({**ALL_PODS, "egress": [rule]}) == [(to_host, True, False)]
    assert cilium({**ALL_PODS, "egressDeny": [rule]}) == [(False, True, to_host)]


def test_cilium_policies_that_isolate_no_pod() -> None:
    rules = {"egress": [{"toCIDR": ["10.0.0.0/8"]}]}
    assert cilium({"nodeSelector": {}, **rules}) == []
    assert cilium({**ALL_PODS, "ingress": [{}]}) == cilium({**ALL_PODS, "egress": []}) == []
    assert cilium({**ALL_PODS, **rules, "enableDefaultDeny": {"egress": False}}) == [(False, False, False)]


def test_labels_that_a_cilium_policy_selects() -> None:
    selector = {"matchLabels": {"k8s:app": "a", "k8s:io.cilium.k8s.namespace.labels.team": "x"}}
    for rule, labels in (
        ({"toEntities": ["host"]}, {"app": "a"}),
        ({"toCIDR": ["10.0.0.0/8"]}, {"app": "a", "io.cilium.k8s.namespace.labels.team": "x"}),
    ):
        spec = {"endpointSelector": selector, "egress": [rule]}
        (projected,) = project_network.cilium_policies({"metadata": {"name": "a"}, "spec": spec})
        assert projected.selector.labels == labels
