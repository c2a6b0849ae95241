"""From the API's JSON: what is kept, and what never is."""

from datetime import UTC, datetime
from typing import Any

import pytest

from harness import table
from podid.domain.cluster import NodeClass
from podid.domain.network import NOT_SEEN
from podid.kube import project, project_network, project_pods
from podid.kube.project import set_by
from podid.kube.project_network import webhook

T0, T1 = "2026-11-24T10:00:00Z", "2026-11-24T10:00:20Z"


def pod(last: dict[str, Any], ready: str = "True") -> dict[str, Any]:
    return {
        "metadata": {"namespace": "shop", "name": "a"},
        "spec": {"containers": [{"name": "app"}]},
        "status": {
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": T1}],
            "containerStatuses": [{"name": "app", "lastState": last}],
        },
    }


@pytest.mark.parametrize(
    ("run", "failed"),
    [
        ({"exitCode": 1, "startedAt": T0, "finishedAt": T1}, True),
        ({"exitCode": 0, "startedAt": T0, "finishedAt": T1}, False),
        # a container that was lost has no times
        ({"exitCode": 137, "startedAt": None, "finishedAt": None}, False),
    ],
)
def test_the_run_before(run: dict[str, Any], failed: bool) -> None:
    (container,) = project_pods.pod(pod({"terminated": run})).containers
    times = datetime(2026, 11, 24, 10, tzinfo=UTC), datetime(2026, 11, 24, 10, 0, 20, tzinfo=UTC)
    assert container.failed == (times if failed else None)


@pytest.mark.parametrize(("policy", "ports"), [("Always", (80,)), (None, ())])
def test_ports_of_init_containers_that_run_as_long_as_the_pod(policy: str | None, ports: tuple[int, ...]) -> None:
    sidecar = {"name": "proxy", "ports": [{"containerPort": 8080, "hostPort": 80}], "restartPolicy": policy}
    assert project_pods.host_ports({"containers": [{"name": "app"}], "initContainers": [sidecar]}) == ports


def test_since_when_a_pod_is_ready() -> None:
    assert project_pods.pod(pod({})).ready_since == datetime(2026, 11, 24, 10, 0, 20, tzinfo=UTC)
    assert project_pods.pod(pod({}, ready="False")).ready_since is None


def test_a_daemon_set_keeps_names_and_what_is_no_secret() -> None:
    env = [
        {"name": "AWS_REGION", "value": "eu-west-1"},
        {"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": "http://user:secret@169.254.170.23/v1/credentials"},
        {"name": "HTTPS_PROXY", "value": "http://user:secret@proxy"},
        {"name": "NO_PROXY", "value": "intra.example, 169.254.169.254"},
        {"name": "no_proxy", "valueFrom": {"configMapKeyRef": {"name": "proxies", "key": "none"}}},
        {"name": "JAVA_TOOL_OPTIONS", "value": "-Dpassword=secret"},
        {"name": "TOKEN", "value": "secret"},
        {"name": "POD_SECURITY_GROUP_ENFORCING_MODE", "value": "standard"},
    ]
    # an empty argument is an argument
    words = ["--flag", "", "--api-token=secret", "--password", "secret", "--proxy=http://user:secret@proxy"]
    script = "exec eks-pod-identity-agent server --auth-token secret --cluster-name demo"
    container = {"name": "a", "args": words, "env": env, "command": ["sh", "-c", "cat secret", script]}
    found = project.daemon_set(
        {
            "metadata": {"name": "a", "namespace": "b"},
            "spec": {"template": {"spec": {"containers": [container]}}},
        }
    )
    assert found.args == ("--flag", "", "--api-token=…", "--password", "…", "--proxy=http://proxy")
    exec_of_agent = "exec eks-pod-identity-agent server --auth-token … --cluster-name demo"
    assert found.command == ("sh", "-c", "…", exec_of_agent)
    assert found.env == {
        "AWS_REGION": "eu-west-1",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
        "HTTPS_PROXY": "",
        "NO_PROXY": "169.254.169.254",
        "no_proxy": NOT_SEEN,
        "JAVA_TOOL_OPTIONS": "",
        "POD_SECURITY_GROUP_ENFORCING_MODE": "standard",
    }


def test_who_has_set_what() -> None:
    spec: Any = {
        "f:template": {"f:spec": {"f:containers": {'k:{"name":"agent"}': {".": {}, "f:image": {}, "f:args": {}}}}}
    }
    entries = [
        {"manager": "kubectl-edit", "fieldsV1": {"f:spec": spec}},
        {"manager": "kube-controller-manager", "subresource": "status", "fieldsV1": {"f:status": {"f:ready": {}}}},
        {"manager": "kubectl", "fieldsV1": {"f:metadata": {"f:finalizers": {".": {}, 'v:"a"': {}}}}},
        {"manager": "kubectl", "fieldsV1": None},
        {"manager": "odd", "fieldsV1": {"f:spec": {"k:[": {}, "what": {}}, "f:x": "y"}},
    ]
    container = "spec.template.spec.containers[name=agent]"
    assert set_by({"managedFields": entries}) == {
        "kubectl-edit": (f"{container}.image", f"{container}.args"),
        "kubectl": ('metadata.finalizers["a"]',),
        "odd": ("spec[[]", "spec[]"),
    }
    assert set_by({"managedFields": None}) == set_by({}) == {}


PODS = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}


@table(
    ("rules", "asked"),
    [
        ([PODS], True),
        ([{key: ["*"] for key in PODS}], True),
        ([{**PODS, "resources": ["*/*"]}], True),
        ([{**PODS, "operations": ["UPDATE"]}, PODS], True),
        ([{**PODS, "operations": ["UPDATE"]}], False),
        ([{**PODS, "apiGroups": ["apps"]}], False),
        ([{**PODS, "resources": ["pods/ephemeralcontainers"]}], False),
        ([], False),
    ],
)
def test_what_the_webhook_is_asked_about(rules: list[dict[str, Any]], asked: bool) -> None:
    found = webhook({"webhooks": [{"rules": rules}]})
    assert found is not None
    assert found.on_create is asked
    assert project_network.webhook({}) is None


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"role": "nodes", "amiFamily": "AL2023"}, NodeClass(name="default", role="nodes")),
        ({"instanceProfile": "profile"}, NodeClass(name="default", instance_profile="profile")),
        (None, NodeClass(name="default")),
    ],
)
def test_karpenters_classes_of_nodes(spec: Any, expected: NodeClass) -> None:
    assert project.node_class({"metadata": {"name": "default"}, "spec": spec}) == expected


PORT_80 = [{"ports": [{"port": "80", "protocol": "TCP"}]}]
ALL_PODS: dict[str, Any] = {"endpointSelector": {}}


def cilium(spec: dict[str, Any]) -> list[tuple[bool, bool, bool]]:
    found = project_network.cilium_policies({"metadata": {"namespace": "shop", "name": "a"}, "spec": spec})
    return [(each.to_host, each.isolates, each.denies_host) for each in found]


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
def test_what_cilium_lets_to_the_node(rule: dict[str, Any], to_host: bool) -> None:
    assert cilium({**ALL_PODS, "egress": [rule]}) == [(to_host, True, False)]
    assert cilium({**ALL_PODS, "egressDeny": [rule]}) == [(False, True, to_host)]


def test_cilium_policies_that_isolate_no_pod() -> None:
    rules = {"egress": [{"toCIDR": ["10.0.0.0/8"]}]}
    assert cilium({"nodeSelector": {}, **rules}) == []
    assert cilium({**ALL_PODS, "ingress": [{}]}) == cilium({**ALL_PODS, "egress": []}) == []
    assert cilium({**ALL_PODS, **rules, "enableDefaultDeny": {"egress": False}}) == [(False, False, False)]


def test_whom_a_cilium_policy_selects() -> None:
    selector = {"matchLabels": {"k8s:app": "a", "k8s:io.cilium.k8s.namespace.labels.team": "x"}}
    for rule, labels in (
        ({"toEntities": ["host"]}, {"app": "a"}),
        ({"toCIDR": ["10.0.0.0/8"]}, {"app": "a", "io.cilium.k8s.namespace.labels.team": "x"}),
    ):
        spec = {"endpointSelector": selector, "egress": [rule]}
        (found,) = project_network.cilium_policies({"metadata": {"name": "a"}, "spec": spec})
        assert found.selector.labels == labels
