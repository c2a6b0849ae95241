"""Probes of `podid doctor --probe`: consent, failures and deletion."""

import json
from typing import Any

import pytest

from podid.kube.reader import KubeReader
from podid.sandbox.baseline import NODE_ROLE
from worlds import Site

PROBE = ("doctor", "shop/orders", "--probe", "--yes", "-o", "json")


def left(site: Site) -> int:
    """Jobs of podid's own, and their pods."""
    pods = [pod for pod in site.cluster.pods("shop") if pod["metadata"]["name"].startswith("podid-probe")]
    return len(site.cluster.items("/apis/batch/v1/jobs")) + len(pods)


def test_probes_require_confirmation(healthy: Site) -> None:
    refused = healthy("doctor", "--probe", "-o", "json")
    assert (refused.code, refused.error["hint"][-5:], left(healthy)) == (2, "--yes", 0)
    assert "running probe pods requires confirmation" in refused.error["message"]
    assert healthy("doctor", "--probe", "--watch", "--yes").code == 2
    assert (
        "the network path from a pod to the agent (--probe)" in healthy.must("doctor", "-o", "json").json["notLookedAt"]
    )
    assert healthy.must("history", "-o", "json").json["items"] == []


def test_a_probe_without_a_failure_is_deleted(healthy: Site) -> None:
    report = healthy.must(*PROBE).json
    healthy.wait(5)
    assert (report["findings"], report["unknowns"], left(healthy)) == ([], [], 0)
    *options, others = report["notLookedAt"]  # its pods are on two nodes, and one was asked on
    assert [text.rpartition("(")[2] for text in options] == ["--logs)", "--cloudtrail)", "--verify)"]
    assert others == "the network path to the agent on their pods' other nodes (podid verify --probe)"
    (run,) = healthy.must("history", "-o", "json").json["items"]
    assert [(step["kind"], step["status"]) for step in run["actions"]] == [("probe", "done")]


@pytest.mark.parametrize(
    ("broken", "mode", "words"),
    [
        ("agent", "host-firewall-blocks-link-local", "it cannot reach the agent"),
        ("eks-auth", "eks-auth-unreachable", "the agent refuses it"),
        ("node role", "node-role-missing-eks-auth", "the agent refuses it"),
    ],
)
def test_failures_that_only_a_probe_finds(healthy: Site, broken: str, mode: str, words: str) -> None:
    if broken == "node role":
        statement = {"Effect": "Deny", "Action": "eks-auth:*", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        healthy.aws("iam").put_role_policy(RoleName=NODE_ROLE, PolicyName="deny", PolicyDocument=document)
    else:
        healthy.kube.faults.cut_off[broken].add("*")
    outcome = healthy(*PROBE)
    healthy.wait(5)
    by_id = {item["id"]: item for item in outcome.json["findings"] if item["subject"]["name"] == "orders"}
    assert (outcome.code, list(by_id), left(healthy)) == (3, [mode], 0)
    assert words in by_id[mode]["message"]
    assert by_id[mode]["fix"]["commands"] == []


CALICO = {
    "metadata": {"name": "calico-node"},
    "spec": {
        "selector": {"matchLabels": {"k8s-app": "calico-node"}},
        "template": {
            "metadata": {"labels": {"k8s-app": "calico-node"}},
            "spec": {"containers": [{"name": "calico-node", "image": "calico/node:v3.28.0"}]},
        },
    },
}
OPEN = {"to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}], "ports": [{"protocol": "TCP", "port": 80}]}


def deny(site: Site, name: str, selector: Any, *rules: Any) -> None:
    spec = {"podSelector": selector, "policyTypes": ["Egress"], "egress": list(rules)}
    path = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies"
    site.cluster.post(path, {"metadata": {"name": name}, "spec": spec})


def test_the_cause_of_an_unreachable_agent(healthy: Site) -> None:
    """Nothing that is seen, then a policy that nobody is known to enforce, then one that is enforced."""

    def finding() -> tuple[str, str]:
        report = healthy(*PROBE).json
        (one,) = [item for item in report["findings"] if item["subject"]["kind"] == "ServiceAccount"]
        return one["id"], " ".join((one["message"], *one["evidence"]))

    healthy.kube.faults.cut_off["agent"].add("*")
    mode, words = finding()
    assert mode == "host-firewall-blocks-link-local"
    assert "networkpolicy-blocks-agent: no network policy blocks TCP 80" in words
    deny(healthy, "deny", {})
    mode, words = finding()
    assert (mode, "it is not known whether network policies are enforced" in words) == (
        "networkpolicy-blocks-agent",
        True,
    )
    healthy.cluster.post("/apis/apps/v1/namespaces/kube-system/daemonsets", CALICO)
    healthy.wait(20)
    mode, words = finding()
    assert (mode, "network policy deny does not allow TCP 80" in words) == ("networkpolicy-blocks-agent", True)


def test_a_network_policy_for_the_probe_only(healthy: Site) -> None:
    healthy.cluster.post("/apis/apps/v1/namespaces/kube-system/daemonsets", CALICO)
    deny(healthy, "deny", {})
    deny(healthy, "let-orders", {"matchLabels": {"app": "orders"}}, OPEN)
    healthy.kube.faults.cut_off["agent"].add("*")
    outcome = healthy(*PROBE)
    assert (outcome.code, outcome.json["findings"]) == (9, [])
    (unknown,) = outcome.json["unknowns"]
    assert (unknown["id"], "blocks podid's own pod" in unknown["reason"]) == (
        "host-firewall-blocks-link-local",
        True,
    )


def test_an_interrupted_probe_leaves_no_job(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> str:
        assert left(healthy) == 2
        raise KeyboardInterrupt

    monkeypatch.setattr(KubeReader, "read_log", interrupted)
    assert healthy(*PROBE).code == 130
    healthy.wait(5)
    assert left(healthy) == 0
