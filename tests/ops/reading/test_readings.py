"""Sections that are read from the cluster: refusals of agent pods, clocks, instances, firewalls."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from checks.builder import NOW, agent_pod, daemon_set
from ops.reading.reports import findings
from podid.domain.snapshot import Known
from podid.ops.reading.readings import agent_warnings
from podid.sandbox.kube.kubelet import Kubelet
from worlds import Site


def test_a_namespace_that_rejects_the_agent(healthy: Site) -> None:
    healthy.cluster.merge(
        "/api/v1/namespaces/kube-system", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    )
    for pod in healthy.cluster.pods("kube-system"):
        healthy.cluster.delete(f"/api/v1/namespaces/kube-system/pods/{pod['metadata']['name']}")
    healthy.wait(200)
    seen = findings(healthy)
    assert seen["admission-policy-blocks-agent"] == "error"
    assert "agent-not-on-node" not in seen


def test_a_terminating_agent_pod_hides_no_refusal() -> None:
    """Those of a node that is gone stay for a while, beside the ones that are wanted."""
    complete, leaving = daemon_set(desired=1), agent_pod(deleting=True)
    refused = {f"{complete.namespace}/{complete.name}": Known((f"{complete.name} is refused",))}
    assert warnings_of(complete, leaving) == refused


@pytest.mark.parametrize(("desired", "pods"), [(0, ()), (0, (agent_pod(deleting=True),)), (1, (agent_pod(),))])
def test_old_refusals_of_a_complete_daemon_set_are_not_read(desired: int, pods: tuple[Any, ...]) -> None:
    """One that goes to no node, as in Auto Mode, may have been refused before."""
    assert warnings_of(daemon_set(desired=desired), *pods) == {}


def warnings_of(daemons: Any, *pods: Any) -> Any:
    sections = {"daemon_sets": (daemons,), "agent_pods": pods}

    def list_warnings(*about: str, since: datetime) -> tuple[str, ...]:
        assert timedelta(minutes=10) < NOW - since < timedelta(hours=1), "an Event is kept for an hour"
        return (f"{about[-1]} is refused",)

    kube: Any = SimpleNamespace(list_warnings=list_warnings)
    source: Any = SimpleNamespace(value=sections.__getitem__, kube=kube, now=NOW)
    return agent_warnings(source)


def test_a_past_refusal_is_no_finding(healthy: Site) -> None:
    system = "/api/v1/namespaces/kube-system"
    label = "pod-security.kubernetes.io/enforce"
    healthy.cluster.merge(system, {"metadata": {"labels": {label: "restricted"}}})
    for pod in healthy.cluster.pods("kube-system"):
        healthy.cluster.delete(f"{system}/pods/{pod['metadata']['name']}")
    # a controller tries again and again, so that the refusal stays a present one
    healthy.wait(3000)
    assert findings(healthy)["admission-policy-blocks-agent"] == "error"
    healthy.cluster.merge(system, {"metadata": {"labels": {label: None}}})
    healthy.wait(1100)
    assert findings(healthy) == {}


def test_a_clock_a_firewall_and_an_instance(healthy: Site) -> None:
    (node, *_) = [item["metadata"]["name"] for item in healthy.cluster.items("/api/v1/nodes")]
    healthy.kube.faults.clocks[node] = -400.0
    script = "iptables -t raw -I PREROUTING -i eni+ -d 169.254.0.0/16 -j DROP; sleep infinity"
    container = {"name": "rules", "image": "busybox", "command": ["sh", "-c", script]}
    healthy.cluster.make_workload("DaemonSet", "kube-system", "block", "default", pod={"initContainers": [container]})
    instance = "i-0a1b2c3d4e5f60001"
    healthy.aws("ec2").modify_instance_metadata_options(InstanceId=instance, HttpEndpoint="disabled")
    seen = findings(healthy)
    assert seen.pop("node-clock-skew") == "warn"
    assert seen.pop("host-firewall-blocks-link-local") == "error"
    assert seen.pop("agent-imds-unavailable") == "error"
    assert seen == {}


def test_an_expired_lease_shows_no_clock_skew(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(healthy) == {}  # which renews them
    monkeypatch.setattr(Kubelet, "renew_leases", lambda self: None)
    healthy.wait(400)
    assert findings(healthy) == {}


def test_an_instance_without_metadata(healthy: Site) -> None:
    for instance in ("i-0a1b2c3d4e5f60001", "i-0a1b2c3d4e5f60002", "i-0a1b2c3d4e5f60003"):
        healthy.aws("ec2").modify_instance_metadata_options(InstanceId=instance, HttpEndpoint="disabled")
    assert findings(healthy) == {"agent-imds-unavailable": "error"}
