"""Waits of `install-agent`, which end early if they are useless."""

import json
from typing import Any

import pytest

from ops.agent.support import BIND, RESTRICTED, addon, nodes
from podid.domain.errors import AccessDenied
from podid.kube.reader import KubeReader
from podid.sandbox.world import AddonFault
from way_worlds import without_node_permission
from worlds import AGENT, Site


def fails(site: Site, *argv: str, mode: str, code: int = 8, within: float = 60.0) -> str:
    slept = site.slept
    outcome = site("install-agent", *argv)
    assert outcome.code == code, outcome
    assert f"{mode}: " in outcome.stderr, outcome
    assert site.slept - slept <= within, "podid waited although it was useless"
    return outcome.stderr


def test_an_add_on_that_fails(site: Site) -> None:
    site.box.world.addon_faults[AGENT] = AddonFault("CREATE_FAILED", "ConfigurationConflict", "the words of EKS")
    assert "the words of EKS" in fails(site, mode="addon-config-conflict")
    del site.box.world.addon_faults[AGENT]
    again = site.must("install-agent")
    issue = "ConfigurationConflict: the words of EKS"
    assert f"the add-on is CREATE_FAILED: {issue}; it is updated again" in again.stderr
    assert addon(site)["status"] == "ACTIVE"


@pytest.mark.parametrize("installed", [False, True], ids=["new", "changed"])
def test_a_refusal_by_the_cluster_ends_the_wait(site: Site, installed: bool) -> None:
    """The DaemonSet's events show it. `agent status` reports it once, for all nodes."""
    site.associate("shop", "orders")
    if installed:
        site.with_agent()
    site.cluster.merge("/api/v1/namespaces/kube-system", RESTRICTED)
    change = ("--config", "agent.additionalArgs.-b=169.254.170.23") if installed else ()
    message = fails(site, "--force", *change, mode="admission-policy-blocks-agent")
    assert "violates PodSecurity" in message
    site.wait(300)
    status = site("agent", "status", "-o", "json")
    assert [item["id"] for item in status.json["findings"] if not item["maskedBy"]] == ["admission-policy-blocks-agent"]
    assert status.code == 3
    assert site("agent", "status").stdout.count("\n✗ ") == 1
    doctor = site("doctor", "--link", "agent", "-o", "json").json["findings"]
    assert [item["id"] for item in doctor if not item["maskedBy"]] == ["admission-policy-blocks-agent"]


def test_without_events_the_wait_goes_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.cluster.merge("/api/v1/namespaces/kube-system", RESTRICTED)

    def denied(*_: object, **__: object) -> tuple[str, ...]:
        raise AccessDenied("may not list events", permission="list events")

    monkeypatch.setattr(KubeReader, "list_warnings", denied)
    outcome = site("install-agent", "--force", "--timeout", "30s")
    assert (outcome.code, "admission-policy-blocks-agent: an admission policy" in outcome.stderr) == (7, False)


def test_an_update_that_fails(healthy: Site) -> None:
    healthy.box.world.addon_faults[AGENT] = AddonFault("UPDATE_FAILED", "ConfigurationConflict", "the words of EKS")
    message = fails(healthy, "--addon-version", "latest", mode="addon-config-conflict")
    assert "the words of EKS" in message
    assert addon(healthy)["status"] == "UPDATE_FAILED"
    del healthy.box.world.addon_faults[AGENT]
    assert "the add-on is UPDATE_FAILED" in healthy.must("install-agent").stderr
    assert addon(healthy)["status"] == "ACTIVE"


def test_an_update_that_cannot_be_read(healthy: Site) -> None:
    """Without the permission to read the update, the status ends the wait."""
    healthy.box.world.credentials.deny("eks:DescribeUpdate")
    healthy.box.world.addon_faults[AGENT] = AddonFault("UPDATE_FAILED", "AdmissionRequestDenied", "the words of EKS")
    fails(healthy, "--addon-version", "latest", mode="admission-policy-blocks-agent")


def test_an_update_that_does_not_succeed(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The add-on stays ACTIVE; only the update shows the failure."""
    from podid.sandbox.aws import eks_addons

    body = eks_addons._update_body
    errors = [{"errorCode": "ConfigurationConflict", "errorMessage": "held", "resourceIds": []}]
    ended = lambda change: {**body(change), "status": "Failed", "errors": errors}  # noqa: E731
    monkeypatch.setattr(eks_addons, "_update_body", ended)
    message = fails(healthy, "--addon-version", "latest", mode="addon-config-conflict")
    assert "ended as Failed" in message


def test_an_update_with_an_unknown_status(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A status that podid does not know may yet become one that it knows."""
    from podid.sandbox.aws import eks_addons

    body, words = eks_addons._update_body, ["Queued", "InProgress", "Queued", "Cancelled"]
    monkeypatch.setattr(eks_addons, "_update_body", lambda change: {**body(change), "status": words.pop(0)})
    assert "ended as Cancelled" in fails(healthy, "--addon-version", "latest", mode="addon-degraded-or-failed")


def test_a_status_that_cannot_be_judged_loses_no_result(healthy: Site) -> None:
    healthy.box.world.credentials.deny("iam:GetRole")
    outcome = healthy("install-agent", "--addon-version", "latest", "--wait", "verified", "-o", "json")
    # a redeemed token decides what could not be read
    assert (outcome.code, [after["state"] for after in outcome.json["after"]]) == (0, ["verified"])
    healthy.box.world.credentials.deny("eks-auth:AssumeRoleForPodIdentity")
    outcome = healthy("install-agent", "--wait", "verified", "-o", "json")
    assert (outcome.code, [after["state"] for after in outcome.json["after"]]) == (9, ["unknown"])
    assert outcome.json["awaited"]["reached"] is True


def test_a_previous_failure_is_not_the_updates(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """EKS may report it once more."""
    from podid.sandbox.aws import eks_addons

    body, late = eks_addons._body, [1]

    def behind(call: Any, cluster: Any, of: Any) -> Any:
        result = body(call, cluster, of)
        return {**result, "status": "UPDATE_FAILED"} if of.status == "UPDATING" and late and late.pop() else result

    healthy.box.world.addon_faults[AGENT] = AddonFault("UPDATE_FAILED", "ConfigurationConflict", "held")
    fails(healthy, "--addon-version", "latest", mode="addon-config-conflict")
    healthy.box.world.addon_faults.clear()
    monkeypatch.setattr(eks_addons, "_body", behind)
    assert "is UPDATE_FAILED" in healthy.must("install-agent").stderr
    assert not late


def test_agents_that_crash(site: Site) -> None:
    site.kube.faults.agent_crashing["*"] = BIND
    site.box.world.delays.addon = 600.0
    message = fails(site, mode="agent-ipv6-bind")
    assert "cannot assign requested address" in message
    assert addon(site)["status"] == "CREATING", "EKS has not noticed"
    fails(site, mode="agent-ipv6-bind", code=3)


def test_agents_that_crash_without_the_permission_to_list_nodes(site: Site) -> None:
    """AmazonEKSViewPolicy does not allow listing nodes."""
    rules = [
        {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]},
        {"apiGroups": ["apps"], "resources": ["daemonsets"], "verbs": ["list"]},
    ]
    viewer = site.user("viewer", rules)
    site.kube.faults.agent_crashing["*"] = BIND
    failed = site("install-agent", env=viewer)
    assert (failed.code, "agent-ipv6-bind: " in failed.stderr, site.slept < 60) == (8, True, True)
    site.kube.faults.agent_crashing.clear()
    site.wait(60)
    mended = site("install-agent", env=viewer).stdout
    assert "? 3 of 3 agent pods are Ready; nodes were not checked: " in mended


def test_a_change_that_fixes_crashing_agents(site: Site) -> None:
    """The old pods crash until they are replaced."""
    site.kube.faults.ipv6_disabled.add("*")
    fails(site, mode="agent-ipv6-bind")
    site.wait(30)
    site.must("install-agent", "--config", "agent.additionalArgs.-b=169.254.170.23")


def test_a_daemon_set_that_was_deleted_does_not_come_back(healthy: Site) -> None:
    healthy.cluster.delete(f"/apis/apps/v1/namespaces/kube-system/daemonsets/{AGENT}")
    message = healthy("install-agent")
    assert (message.code, healthy.slept < 10) == (3, True)
    assert "is ACTIVE, but its DaemonSet was deleted" in message.stderr
    assert "podid uninstall-agent --cluster demo" in message.stderr


REFUSED = {
    "level": "error",
    "msg": "Error fetching credentials: operation error EKS Auth: AssumeRoleForPodIdentity, AccessDeniedException: "
    "User: arn:aws:sts::111122223333:assumed-role/nodes/i-1 is not authorized to perform: "
    "eks-auth:AssumeRoleForPodIdentity on resource: arn:aws:eks:us-west-2:111122223333:cluster/demo",
}


def test_agents_that_eks_auth_refuses(healthy: Site) -> None:
    for node in nodes(healthy):
        healthy.kube.add_agent_line(node, json.dumps(REFUSED))
    fails(healthy, mode="node-role-missing-eks-auth", code=3)
    for node in nodes(healthy):
        healthy.kube.add_agent_line(node, '{"level":"info","msg":"Successfully fetched credentials from EKS Auth"}')
    healthy.must("install-agent")


def test_a_refusal_whose_cause_the_run_fixes_is_over(healthy: Site) -> None:
    without_node_permission(healthy)
    for node in nodes(healthy):
        healthy.kube.add_agent_line(node, json.dumps(REFUSED))
    healthy.wait(60)
    assert "AmazonEKSWorkerNodeMinimalPolicy" in healthy.must("install-agent", "--fix-node-role").stdout
