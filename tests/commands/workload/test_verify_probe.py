"""`podid verify --probe`: pods of podid, their answers and their deletion."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness import Outcome
from permissions_support import without_eks_auth
from podid.kube.writer import KubeWriter
from podid.sandbox.baseline import NODE_ROLE
from worlds import ACCOUNT, ORDERS, ROLE_ARN, Site, trust_for

PROBE = ("verify", "shop/orders", "--yes", "--probe", "-o", "json")


def jobs(site: Site) -> list[str]:
    return [item["metadata"]["name"] for item in site.cluster.items("/apis/batch/v1/jobs")]


def probed(site: Site, *more: str, code: int, **how: Any) -> Any:
    """Return the report, and check that the Jobs and pods of the probes are deleted."""
    outcome: Outcome = site(*PROBE, *more, **how)
    assert outcome.code == code, outcome
    site.wait(5)
    assert jobs(site) == []
    assert not any(pod["metadata"]["name"].startswith("podid-probe") for pod in site.cluster.pods("shop"))
    return outcome.json


def nodes_of(site: Site) -> list[str]:
    return sorted({pod["spec"]["nodeName"] for pod in site.cluster.pods("shop", "orders")})


def test_a_probe_on_each_node_gets_the_role(healthy: Site) -> None:
    report = probed(healthy, code=0)
    nodes = nodes_of(healthy)
    assert (report["state"], len(report["pods"])) == ("verified", 2)
    assert [probe["node"] for probe in report["probes"]] == nodes
    assert {probe["roleArn"] for probe in report["probes"]} == {ROLE_ARN}


def test_the_manifest_is_small_and_restricted(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    healthy.cluster.merge(
        "/api/v1/namespaces/shop", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    )
    manifests: list[Any] = []
    delete = KubeWriter.delete_job

    def look(writer: KubeWriter, namespace: str, name: str) -> None:
        manifests.append(healthy.cluster.get(f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}"))
        delete(writer, namespace, name)

    monkeypatch.setattr(KubeWriter, "delete_job", look)
    probed(healthy, "--probe-image", "registry.example/aws-cli:2", "--timeout", "60s", code=0)
    spec = manifests[0]["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert manifests[0]["metadata"]["labels"] == {
        "app.kubernetes.io/name": "podid-probe",
        "app.kubernetes.io/managed-by": "podid",
    }
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) == (0, 90, 60)
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("orders", False)
    assert (container["image"], container["command"][0]) == ("registry.example/aws-cli:2", "aws")
    assert container["resources"]["limits"] == {"cpu": "500m", "memory": "256Mi"}


@pytest.mark.parametrize(
    ("broken", "link", "mode"),
    [
        ("network", 5, "host-firewall-blocks-link-local"),
        ("policy", 5, "networkpolicy-blocks-agent"),
        ("node role", 7, "node-role-missing-eks-auth"),
        ("eks auth", 8, "eks-auth-unreachable"),
    ],
)
def test_the_probe_reports_the_broken_link(healthy: Site, broken: str, link: int, mode: str) -> None:
    if broken == "policy":
        spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"podSelector": {}}]}]}
        path = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies"
        healthy.cluster.post(path, {"metadata": {"name": "default-deny"}, "spec": spec})
    elif broken == "node role":
        statement = {"Effect": "Deny", "Action": "eks-auth:*", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        healthy.aws("iam").put_role_policy(RoleName=NODE_ROLE, PolicyName="deny", PolicyDocument=document)
    else:
        healthy.kube.faults.cut_off["agent" if broken == "network" else "eks-auth"].add("*")
    report = probed(healthy, code=3)
    assert (report["state"], report["link"], report["id"]) == ("broken", link, mode)
    # from here EKS Auth issues the role all the same
    assert all(pod["token"] is not None for pod in report["pods"])
    assert all(probe["message"] for probe in report["probes"])


def test_a_network_policy_that_allows_the_agent(healthy: Site) -> None:
    to = {"to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}], "ports": [{"port": 80, "protocol": "TCP"}]}
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [to]}
    path = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies"
    healthy.cluster.post(path, {"metadata": {"name": "agent-only"}, "spec": spec})
    assert probed(healthy, code=0)["state"] == "verified"


def test_a_refused_role_is_a_broken_link(healthy: Site) -> None:
    document = trust_for(ORDERS)
    document["Statement"][0]["Action"] = "sts:AssumeRole"
    healthy.trust("shop-orders", document)
    report = probed(healthy, code=3)
    assert (report["state"], report["id"]) == ("broken", "trust-missing-tag-session")
    assert {probe["link"] for probe in report["probes"]} == {9}


def test_sts_out_of_reach_is_unknown(healthy: Site) -> None:
    healthy.kube.faults.cut_off["sts"].add("*")
    report = probed(healthy, code=9)
    assert report["state"] == "verified"
    assert "the agent returned credentials, but the pod cannot reach STS" in report["probes"][0]["unknown"]


def test_chosen_nodes(healthy: Site) -> None:
    first, *others = nodes_of(healthy)
    report = probed(healthy, "--probe-node", first, code=0)
    assert [probe["node"] for probe in report["probes"]] == [first]
    assert others
    outcome = healthy(*PROBE, "--probe-node", "nosuch")
    assert (outcome.code, jobs(healthy)) == (5, [])
    assert healthy("verify", "shop/orders", "--yes", "--probe-image", "x").code == 2


def test_a_probe_verifies_a_service_account_without_pods(healthy: Site) -> None:
    healthy.cluster.delete("/apis/apps/v1/namespaces/shop/deployments/orders")
    healthy.wait(60)
    report = probed(healthy, code=0)
    assert (report["state"], report["pods"], len(report["probes"])) == ("verified", [], 1)


def test_without_the_permission_to_redeem_running_pods_are_not_verified(healthy: Site, tmp_path: Path) -> None:
    """The probe pod does not need the permission of the caller."""
    report = probed(healthy, code=9, env=without_eks_auth(healthy.box, tmp_path))
    assert (report["state"], report["newPod"]["state"]) == ("ready", "verified")
    assert {probe["roleArn"] for probe in report["probes"]} == {ROLE_ARN}


def test_an_image_that_cannot_be_pulled(healthy: Site) -> None:
    healthy.kube.faults.image_pull_failing.add("registry.example/none")
    began = healthy.slept
    report = probed(healthy, "--probe-image", "registry.example/none", code=9)
    assert "ImagePullBackOff (registry.example/none)" in report["probes"][0]["unknown"]
    assert healthy.slept - began < 30


def test_a_job_that_the_cluster_rejects(healthy: Site) -> None:
    healthy.kube.faults.fail("kubernetes", "POST /apis/batch/*", status=403)
    report = probed(healthy, code=9)
    assert "the cluster rejected podid's Job" in report["probes"][0]["unknown"]


def test_a_deleted_service_account(healthy: Site) -> None:
    healthy.cluster.delete("/api/v1/namespaces/shop/serviceaccounts/orders")
    report = probed(healthy, code=3)
    assert (report["state"], report["id"]) == ("broken", "association-sa-not-found")


def test_a_node_that_does_not_answer(healthy: Site) -> None:
    node = nodes_of(healthy)[0]
    healthy.kube.faults.kubelet_unreachable.add(node)
    began = healthy.slept
    report = healthy(*PROBE, "--probe-node", node, "--timeout", "20s").json
    assert f"no answer: its pod on {node} is " in report["probes"][0]["unknown"]
    assert healthy.slept - began < 60


def test_an_interruption_deletes_the_jobs(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("podid.ops.reading.probes._watch", interrupted)
    outcome = healthy(*PROBE)
    healthy.wait(5)
    assert (outcome.code, jobs(healthy)) == (130, [])
    (run,) = healthy.must("history", "-o", "json").json["items"]
    assert {step["status"] for step in run["actions"]} == {"done"}


def test_a_killed_probe_is_settled_and_its_job_is_deleted(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("podid.ops.reading.probes._watch", killed)
        patch.setattr("podid.ops.reading.probes.ProbeRun.clean_up", killed)
        with pytest.raises(Killed):
            healthy(*PROBE, "--timeout", "30s")
    assert len(jobs(healthy)) == 2
    said = healthy.must("associate", "shop/orders", "--role", "shop-orders", "--wait", "none").stderr
    assert "Kubernetes deletes it one minute after its deadline" in said
    healthy.wait(150)
    assert jobs(healthy) == []


def test_a_job_that_cannot_be_deleted_is_reported(healthy: Site) -> None:
    healthy.kube.faults.fail("kubernetes", "DELETE */jobs/*", status=403)
    outcome = healthy(*PROBE)
    assert outcome.code == 0
    assert "could not be deleted" in outcome.json["probes"][0]["message"]


def test_the_probe_waits_for_a_recent_change(healthy: Site) -> None:
    iam = healthy.aws("iam")
    iam.create_role(RoleName="orders-next", AssumeRolePolicyDocument=json.dumps(trust_for(ORDERS)))
    healthy.wait(300)
    healthy.box.world.delays.association = 6
    healthy.must("associate", "shop/orders", "--role", "orders-next", "--replace", "--wait", "api")
    report = probed(healthy, code=3)
    # the pods are from before the change
    assert (report["state"], report["newPod"]["state"]) == ("stale", "verified")
    assert report["probes"][0]["roleArn"] == f"arn:aws:iam::{ACCOUNT}:role/orders-next"
