"""`podid agent nodes` and `podid agent status`: what each node and each kind of node shows."""

import json
from typing import Any

import pytest

from podid.sandbox.world import AddonFault
from worlds import AGENT, Site

TAINT = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
ONLY_CRITICAL = json.dumps({"tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}]})


def listed(site: Site) -> dict[str, Any]:
    return {item["node"]: item for item in site("agent", "nodes", "-o", "json").json["items"]}


def names(site: Site) -> list[str]:
    return [node["metadata"]["name"] for node in site.cluster.items("/api/v1/nodes")]


def test_a_node_says_who_needs_its_agent(healthy: Site) -> None:
    healthy.kube.faults.agent_crashing[names(healthy)[0]] = "x"
    healthy.wait(150)
    found = listed(healthy)
    crashing = found[names(healthy)[0]]
    assert (crashing["kind"], crashing["eligible"], crashing["ready"], crashing["state"]) == (
        "managed",
        True,
        False,
        "not-ready",
    )
    assert crashing["restarts"] > 0
    assert {name for item in found.values() for name in item["needy"]} == {"shop/orders"}


def test_a_node_that_is_left_out_matters_once_pods_need_it(healthy: Site) -> None:
    (orders, *_) = healthy.cluster.pods("shop", "orders")
    node = orders["spec"]["nodeName"]
    healthy.cluster.merge(f"/api/v1/nodes/{node}", {"spec": {"taints": [TAINT]}})
    healthy.aws("eks").update_addon(clusterName="demo", addonName=AGENT, configurationValues=ONLY_CRITICAL)
    healthy.wait(60)
    outcome = healthy("agent", "nodes", "-o", "json")
    (item,) = [each for each in outcome.json["items"] if each["node"] == node]
    assert (outcome.code, item["state"], item["eligible"]) == (3, "left-out", False)
    assert (item["reason"], item["needy"]) == ("the taint dedicated=gpu:NoSchedule is not tolerated", ["shop/orders"])
    status = healthy("agent", "status", "-o", "json")
    assert status.code == 3
    (finding,) = status.json["findings"]
    assert (finding["id"], finding["severity"]) == ("agent-not-on-node", "error")
    assert "the taint dedicated=gpu:NoSchedule is not tolerated" in finding["message"]


def test_without_the_associations_nobody_knows_who_needs_it(healthy: Site) -> None:
    healthy.box.world.credentials.deny("eks:ListPodIdentityAssociations")
    outcome = healthy("agent", "nodes", "-o", "json")
    assert (outcome.code, {str(item["needy"]) for item in outcome.json["items"]}) == (0, {"None"})
    assert "the pods that need the agent could not be read" in healthy("agent", "nodes").stderr
    assert "needed by      not checked: " in healthy.must("agent", "status").stdout


def test_status_says_where_the_version_stands(healthy: Site) -> None:
    status = healthy.must("agent", "status", "-o", "json").json
    offer = status["offer"]
    assert (offer["default"], offer["latest"], offer["behind"]) == ("v1.3.10-eksbuild.2", "v1.3.10-eksbuild.3", True)
    assert (offer["nextKubernetesVersion"], offer["nextDefault"]) == ("1.36", "v1.3.10-eksbuild.3")
    assert status["coverage"]["kinds"] == [{"kind": "managed", "nodes": 3, "expected": 3, "ready": 3, "restarts": 0}]
    assert [(role["usedBy"], role["allowed"]) for role in status["nodeRoles"]] == [("node group workers", True)]
    assert status["daemonSets"][0]["hostPorts"] == [80, 2703]


def test_a_role_that_may_not_redeem_is_unhealthy(healthy: Site) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    healthy.aws("iam").detach_role_policy(RoleName="demo-node-role", PolicyArn=arn)
    status = healthy("agent", "status", "-o", "json")
    assert (status.code, status.json["state"]) == (3, "broken")
    assert [role["allowed"] for role in status.json["nodeRoles"]] == [False]
    assert [finding["id"] for finding in status.json["findings"]] == ["node-role-missing-eks-auth"]


def test_issues_are_decoded(healthy: Site) -> None:
    addon = healthy.box.world.clusters["demo"].addons[AGENT]
    addon.status = "DEGRADED"
    addon.issues = [{"code": "AccessDenied", "message": "words", "resourceIds": ["a"]}]
    told = healthy("agent", "status", "-o", "wide").stdout + healthy("agent", "status").stdout
    assert "AccessDenied, EKS may not change the cluster's objects: words (a)" in told


def test_versions_that_cannot_be_read_are_said(healthy: Site) -> None:
    healthy.box.world.credentials.deny("eks:DescribeAddonVersions")
    status = healthy("agent", "status", "-o", "json")
    assert (status.code, status.json["offer"]) == (0, None)
    assert "could not be read" in healthy("agent", "status").stdout


@pytest.mark.parametrize("status", ["CREATE_FAILED", "DEGRADED"])
def test_a_failed_add_on_is_not_healthy_though_nobody_needs_it_yet(site: Site, status: str) -> None:
    site.box.world.addon_faults[AGENT] = AddonFault(status, "AdmissionRequestDenied", "the words of EKS")
    assert site("install-agent").code == 8
    outcome = site("agent", "status", "-o", "json")
    assert (outcome.code, outcome.json["state"]) == (3, "broken")
