"""`podid install-agent` as install and upgrade: versions, configuration, and waits that end when they are vain."""

import json
import shlex
from typing import Any

import pytest

from ops.change.support import writes
from podid.domain.errors import AccessDenied
from podid.kube.reader import KubeReader
from podid.sandbox.world import AddonFault
from worlds import AGENT, Site

NEWEST, DEFAULT, OLD = "v1.3.10-eksbuild.3", "v1.3.10-eksbuild.2", "v1.3.4-eksbuild.1"
BIND = "unable to start server: listen tcp [fd00:ec2::23]:80: bind: cannot assign requested address"


def addon(site: Site) -> Any:
    return site.aws("eks").describe_addon(clusterName="demo", addonName=AGENT)["addon"]


def nodes(site: Site) -> list[str]:
    return [node["metadata"]["name"] for node in site.cluster.items("/api/v1/nodes")]


# --- versions ---------------------------------------------------------------------------------------------------------


def test_a_rerun_writes_nothing(healthy: Site) -> None:
    count = writes(healthy.box)
    again = healthy("install-agent", "-o", "json")
    assert (again.code, writes(healthy.box)) == (0, count)
    assert again.json["actions"][0]["status"] == "unchanged"


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("v1.0.0", "v1.2.0-eksbuild.1"),  # older than all
        ("v9.9.9", NEWEST),
        ("v1.3.10-eksbuild.9", NEWEST),
        ("v1.3.5", OLD),
        ("garbage", NEWEST),
    ],
)
def test_a_version_that_there_is_not(site: Site, asked: str, near: str) -> None:
    """The default first, which EKS itself would take, and then the nearest."""
    refused = site("install-agent", "--addon-version", asked, "-o", "json")
    assert (refused.code, refused.error["hint"]) == (5, f"podid install-agent --addon-version {DEFAULT} -o json")
    listed = refused.error["message"].partition("EKS offers ")[2]
    assert listed.startswith(f"{DEFAULT}, its default; {near}; ")
    assert listed.endswith(" and 1 more")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("1.3.10", NEWEST),
        ("v1.3.4", OLD),
        ("v1.3.9-eksbuild", "v1.3.9-eksbuild.5"),
        ("lastest", "latest"),
        ("defualt", "default"),
    ],
)
def test_a_version_that_is_written_in_part(site: Site, asked: str, meant: str) -> None:
    refused = site("install-agent", "--addon-version", asked, "-o", "json")
    assert (refused.code, refused.error["hint"]) == (5, f"podid install-agent --addon-version {meant} -o json")
    assert site("install-agent", "--addon-version", meant, "--dry-run").code == 0


@pytest.mark.parametrize("asked", ["v1.0.0", "v9.9.9", "garbage", "v1.3.5"])
def test_no_version_is_proposed_that_would_be_refused(site: Site, asked: str) -> None:
    """The newest is installed, but EKS's default is older."""
    site.must("install-agent", "--addon-version", "latest")
    refused = site("install-agent", "--addon-version", asked, "-o", "json")
    assert (refused.code, refused.error["hint"]) == (5, f"podid install-agent --addon-version {NEWEST} -o json")
    assert site(*shlex.split(refused.error["hint"])[1:]).code == 0


def test_default_then_latest_then_no_way_back_by_accident(site: Site) -> None:
    site.must("install-agent", "--addon-version", "default")
    assert addon(site)["addonVersion"] == DEFAULT
    upgraded = site("install-agent", "--addon-version", "latest", "-o", "json")
    assert (upgraded.code, addon(site)["addonVersion"]) == (0, NEWEST)
    (action,) = upgraded.json["actions"]
    assert (action["verb"], action["status"], action["after"]["addonVersion"]) == ("update", "done", NEWEST)
    count = writes(site.box)
    refused = site("install-agent", "--addon-version", "default", "-o", "json")
    assert (refused.code, writes(site.box)) == (6, count)
    assert refused.error["hint"].endswith("--allow-downgrade")
    site.must("install-agent", "--addon-version", "default", "--allow-downgrade")
    assert addon(site)["addonVersion"] == DEFAULT
    site.must("undo", "last", "--yes")
    assert addon(site)["addonVersion"] == NEWEST


def test_an_older_version_stays_and_is_said(site: Site) -> None:
    site.must("install-agent", "--addon-version", OLD)
    again = site.must("install-agent")
    assert addon(site)["addonVersion"] == OLD
    assert f"{OLD} is installed, but EKS's default for Kubernetes 1.35 is {DEFAULT}" in again.stderr


def test_only_versions_that_eks_would_take(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Platform version and compute type count, and the list's order does not."""
    from podid.sandbox.aws import eks_addons

    answer = eks_addons._versions_body

    def odd(kind: Any, kubernetes: Any) -> Any:
        body = answer(kind, kubernetes)
        for version in body["addonVersions"]:
            if version["addonVersion"] == NEWEST:
                version["compatibilities"][0]["platformVersions"] = ["eks.99"]
            if version["addonVersion"] == DEFAULT:
                version["computeTypes"] = ["fargate"]
        body["addonVersions"].reverse()
        return body

    monkeypatch.setattr(eks_addons, "_versions_body", odd)
    refused = site("install-agent", "--addon-version", NEWEST, "-o", "json")
    assert refused.code == 5
    assert "requires platform version eks.99, and the cluster has eks.9" in refused.error["message"]
    assert NEWEST not in refused.error["hint"]
    assert DEFAULT not in refused.error["hint"]
    site.must("install-agent", "--addon-version", "latest")
    assert addon(site)["addonVersion"] == "v1.3.9-eksbuild.5"
    listed = site.must("agent", "versions", "-o", "json").json
    assert [item["fits"] for item in listed["items"]][:3] == [False, False, True]
    assert (listed["installed"], listed["latest"]) == ("v1.3.9-eksbuild.5", "v1.3.9-eksbuild.5")


def test_versions_that_may_not_be_listed(site: Site) -> None:
    site.box.world.credentials.deny("eks:DescribeAddonVersions")
    assert site("install-agent", "--addon-version", "latest").code == 5
    done = site("install-agent")
    assert (done.code, addon(site)["addonVersion"]) == (0, DEFAULT)
    assert "the add-on's versions could not be read" in done.stderr


def test_what_an_endpoint_does_not_serve_is_said_and_does_not_stop(site: Site) -> None:
    """As endpoints that play AWS answer; it is asked for once, and not for a minute."""
    missing = ("DescribeAddonVersions", "DescribeAddonConfiguration", "DescribeUpdate", "ListNodegroups")
    for operation in missing:
        site.box.faults.fail("eks", operation, status=501)
    site.must("install-agent")
    done = site.must("install-agent", "--addon-version", NEWEST, "--config", "agent.probePort=2704")
    for operation in missing:
        assert f"this endpoint of EKS does not support {operation}" in done.stderr
        assert done.stderr.count(operation) == 1
        assert site.box.faults.calls["eks", operation] <= 2
    assert addon(site)["addonVersion"] == NEWEST


# --- configuration ----------------------------------------------------------------------------------------------------


def values(site: Site) -> Any:
    return json.loads(addon(site).get("configurationValues") or "{}")


def test_values_are_typed_by_the_schema_and_merged(site: Site) -> None:
    file = site.directory / "values.yaml"
    file.write_text("tolerations: [{operator: Exists}]\npodLabels: {team: shop}\n")
    site.must("install-agent", "--config-file", str(file))
    given = ("agent.probePort=2704", "agent.additionalArgs.-v=5", r"nodeSelector.kubernetes\.io/os=linux")
    site.must("install-agent", *(word for item in given for word in ("--config", item)))
    assert values(site) == {
        "tolerations": [{"operator": "Exists"}],
        "podLabels": {"team": "shop"},
        "agent": {"probePort": 2704, "additionalArgs": {"-v": "5"}},
        "nodeSelector": {"kubernetes.io/os": "linux"},
    }
    count = writes(site.box)
    site.must("install-agent", "--config", "agent.probePort=2704")
    assert writes(site.box) == count
    site.must("install-agent", "--config", "podLabels=null", "--config", "nodeSelector=null")
    assert set(values(site)) == {"tolerations", "agent"}
    site.must("undo", "last", "--yes")
    assert values(site)["podLabels"] == {"team": "shop"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("agent.probePort=many", 'agent.probePort is "many", but must be integer'),
        ("agent.probePorts=1", "agent has no key probePorts; did you mean probePort?"),
        ("colour=1", "has no key colour"),
        ("image.pullPolicy=Sometimes", "must be one of"),
    ],
)
def test_values_that_the_schema_refuses_are_not_sent(site: Site, given: str, told: str) -> None:
    count = writes(site.box)
    refused = site("install-agent", "--config", given, "-o", "json")
    assert (refused.code, writes(site.box), refused.error["code"]) == (2, count, "ConfigurationInvalid")
    assert refused.error["message"].startswith("addon-config-schema-invalid: ")
    assert told in refused.error["message"]


@pytest.mark.parametrize(
    "text", ["- a\n", "a: &x 1\nb: *x\n", "1: 2\n", "{", "a: 2026-01-01\n", "x: .inf\ny: !!set {a}\n"]
)
def test_files_that_hold_no_values(site: Site, text: str) -> None:
    file = site.directory / "values"
    file.write_text(text)
    refused = site("install-agent", "--config-file", str(file), "-o", "json")
    assert (refused.code, refused.error["exitCode"]) == (2, 2)


def test_without_the_permission_to_read_the_schema_eks_is_the_judge(site: Site) -> None:
    site.box.world.credentials.deny("eks:DescribeAddonConfiguration")
    done = site("install-agent", "--config", "agent.probePort=2704")
    assert (done.code, values(site)) == (0, {"agent": {"probePort": 2704}})
    assert "the configuration schema could not be read" in done.stderr


# --- waits that are vain ----------------------------------------------------------------------------------------------


def fails(site: Site, *argv: str, mode: str, code: int = 8, within: float = 60.0) -> str:
    slept = site.slept
    outcome = site("install-agent", *argv)
    assert outcome.code == code, outcome
    assert f"{mode}: " in outcome.stderr, outcome
    assert site.slept - slept <= within, "it was waited in vain"
    return outcome.stderr


@pytest.mark.parametrize(
    ("status", "issue", "mode"),
    [
        ("CREATE_FAILED", "ConfigurationConflict", "addon-config-conflict"),
        ("CREATE_FAILED", "AdmissionRequestDenied", "admission-policy-blocks-agent"),
        ("DEGRADED", "AccessDenied", "addon-degraded-or-failed"),
        ("DEGRADED", "InsufficientNumberOfReplicas", "addon-degraded-or-failed"),
    ],
)
def test_an_add_on_that_fails(site: Site, status: str, issue: str, mode: str) -> None:
    site.box.world.addon_faults[AGENT] = AddonFault(status, issue, "the words of EKS")
    assert "the words of EKS" in fails(site, mode=mode)
    del site.box.world.addon_faults[AGENT]
    again = site.must("install-agent")
    assert f"the add-on is {status}: {issue}: the words of EKS; it is updated again" in again.stderr
    assert addon(site)["status"] == "ACTIVE"


RESTRICTED = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}


def test_a_namespace_that_refuses_the_agent_is_told_ahead(site: Site) -> None:
    site.cluster.merge("/api/v1/namespaces/kube-system", RESTRICTED)
    refused = site("install-agent")
    assert (refused.code, AGENT in site.box.world.clusters["demo"].addons) == (6, False)
    assert 'admission-policy-blocks-agent: namespace kube-system enforces Pod Security "restricted"' in refused.stderr
    assert "kubectl label namespace kube-system pod-security.kubernetes.io/enforce=privileged" in refused.stderr


@pytest.mark.parametrize("there", [False, True], ids=["new", "changed"])
def test_what_the_cluster_refuses_is_told_at_once(site: Site, there: bool) -> None:
    """By the DaemonSet's events, in place of a timeout; agent status says so once, whatever number of nodes lack it."""
    site.associate("shop", "orders")
    if there:
        site.with_agent()
    site.cluster.merge("/api/v1/namespaces/kube-system", RESTRICTED)
    change = ("--config", "agent.additionalArgs.-b=169.254.170.23") if there else ()
    told = fails(site, "--force", *change, mode="admission-policy-blocks-agent")
    assert "violates PodSecurity" in told
    site.wait(300)
    status = site("agent", "status", "-o", "json")
    assert [item["id"] for item in status.json["findings"] if not item["maskedBy"]] == ["admission-policy-blocks-agent"]
    assert status.code == 3
    assert site("agent", "status").stdout.count("\n✗ ") == 1
    doctor = site("doctor", "--link", "agent", "-o", "json").json["findings"]
    assert [item["id"] for item in doctor if not item["maskedBy"]] == ["admission-policy-blocks-agent"]


def test_events_that_may_not_be_read_leave_the_wait_as_it_was(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.cluster.merge("/api/v1/namespaces/kube-system", RESTRICTED)

    def denied(*_: object, **__: object) -> tuple[str, ...]:
        raise AccessDenied("may not list events", permission="list events")

    monkeypatch.setattr(KubeReader, "list_warnings", denied)
    outcome = site("install-agent", "--force", "--timeout", "30s")
    assert (outcome.code, "admission-policy-blocks-agent: an admission policy" in outcome.stderr) == (7, False)


def test_an_update_that_the_add_on_does_not_survive(healthy: Site) -> None:
    healthy.box.world.addon_faults[AGENT] = AddonFault("UPDATE_FAILED", "ConfigurationConflict", "the words of EKS")
    told = fails(healthy, "--addon-version", "latest", mode="addon-config-conflict")
    assert "the words of EKS" in told
    assert addon(healthy)["status"] == "UPDATE_FAILED"
    del healthy.box.world.addon_faults[AGENT]
    assert "the add-on is UPDATE_FAILED" in healthy.must("install-agent").stderr
    assert addon(healthy)["status"] == "ACTIVE"


def test_an_add_on_that_failed_while_its_update_is_not_told(healthy: Site) -> None:
    """Without the right to look at the update the status ends the wait."""
    healthy.box.world.credentials.deny("eks:DescribeUpdate")
    healthy.box.world.addon_faults[AGENT] = AddonFault("UPDATE_FAILED", "AdmissionRequestDenied", "the words of EKS")
    fails(healthy, "--addon-version", "latest", mode="admission-policy-blocks-agent")


@pytest.mark.parametrize("status", ["Failed", "Cancelled"])
def test_an_update_that_does_not_succeed(healthy: Site, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """EKS keeps the add-on ACTIVE as it was: only the update tells."""
    from podid.sandbox.aws import eks_addons

    body = eks_addons._update_body
    errors = [{"errorCode": "ConfigurationConflict", "errorMessage": "held", "resourceIds": []}]
    ended = lambda change: {**body(change), "status": status, "errors": errors}  # noqa: E731
    monkeypatch.setattr(eks_addons, "_update_body", ended)
    told = fails(healthy, "--addon-version", "latest", mode="addon-config-conflict")
    assert f"ended as {status}" in told


def test_an_update_that_is_called_otherwise_at_first(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A status that podid does not know may yet become one that it knows."""
    from podid.sandbox.aws import eks_addons

    body, said = eks_addons._update_body, ["Queued", "InProgress", "Queued", "Cancelled"]
    monkeypatch.setattr(eks_addons, "_update_body", lambda change: {**body(change), "status": said.pop(0)})
    assert "ended as Cancelled" in fails(healthy, "--addon-version", "latest", mode="addon-degraded-or-failed")


def test_a_status_that_cannot_be_judged_loses_no_result(healthy: Site) -> None:
    healthy.box.world.credentials.deny("iam:GetRole")
    made = healthy("install-agent", "--addon-version", "latest", "--wait", "verified", "-o", "json")
    # a redeemed token decides what could not be read
    assert (made.code, [after["state"] for after in made.json["after"]]) == (0, ["verified"])
    healthy.box.world.credentials.deny("eks-auth:AssumeRoleForPodIdentity")
    made = healthy("install-agent", "--wait", "verified", "-o", "json")
    assert (made.code, [after["state"] for after in made.json["after"]]) == (9, ["unknown"])
    assert made.json["awaited"]["reached"] is True


def test_what_had_failed_before_the_update_is_not_its_failure(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """EKS may say so once more."""
    from podid.sandbox.aws import eks_addons

    body, late = eks_addons._body, [1]

    def behind(call: Any, cluster: Any, of: Any) -> Any:
        found = body(call, cluster, of)
        return {**found, "status": "UPDATE_FAILED"} if of.status == "UPDATING" and late and late.pop() else found

    healthy.box.world.addon_faults[AGENT] = AddonFault("UPDATE_FAILED", "ConfigurationConflict", "held")
    fails(healthy, "--addon-version", "latest", mode="addon-config-conflict")
    healthy.box.world.addon_faults.clear()
    monkeypatch.setattr(eks_addons, "_body", behind)
    assert "is UPDATE_FAILED" in healthy.must("install-agent").stderr
    assert not late


def test_agents_that_crash(site: Site) -> None:
    site.kube.faults.agent_crashing["*"] = BIND
    site.box.world.delays.addon = 600.0
    told = fails(site, mode="agent-ipv6-bind")
    assert "cannot assign requested address" in told
    assert addon(site)["status"] == "CREATING", "EKS still hopes"
    fails(site, mode="agent-ipv6-bind", code=3)


def test_agents_that_crash_where_nodes_may_not_be_listed(site: Site) -> None:
    """AmazonEKSViewPolicy shows pods and DaemonSets, and no node."""
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


def test_a_change_that_mends_crashing_agents_is_waited_for(site: Site) -> None:
    """The old pods crash until they are replaced."""
    site.kube.faults.ipv6_disabled.add("*")
    fails(site, mode="agent-ipv6-bind")
    site.wait(30)
    site.must("install-agent", "--config", "agent.additionalArgs.-b=169.254.170.23")


def test_a_daemon_set_that_was_deleted_does_not_come_back(healthy: Site) -> None:
    healthy.cluster.delete(f"/apis/apps/v1/namespaces/kube-system/daemonsets/{AGENT}")
    told = healthy("install-agent")
    assert (told.code, healthy.slept < 10) == (3, True)
    assert "is ACTIVE, but its DaemonSet was deleted" in told.stderr
    assert "podid uninstall-agent --cluster demo" in told.stderr


def test_images_that_cannot_be_pulled(site: Site) -> None:
    image = "602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/eks-pod-identity-agent:v0.1.37"
    site.kube.faults.image_pull_failing.add(image)
    assert image in fails(site, mode="agent-image-pull")


def test_agents_that_eks_auth_refuses(healthy: Site) -> None:
    line = {
        "level": "error",
        "msg": "Error fetching credentials: operation error EKS Auth: AssumeRoleForPodIdentity, AccessDeniedException: "
        "User: arn:aws:sts::111122223333:assumed-role/nodes/i-1 is not authorized to perform: "
        "eks-auth:AssumeRoleForPodIdentity on resource: arn:aws:eks:us-west-2:111122223333:cluster/demo",
    }
    for node in nodes(healthy):
        healthy.kube.add_agent_line(node, json.dumps(line))
    fails(healthy, mode="node-role-missing-eks-auth", code=3)


def test_interrupted_and_resumed(site: Site) -> None:
    site.box.world.delays.addon = 100.0

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    site.on_sleep = interrupt
    stopped = site("install-agent")
    assert stopped.code == 130
    assert "podid install-agent" in stopped.stderr
    assert addon(site)["status"] == "CREATING"
    site.on_sleep = lambda _: None
    count = writes(site.box)
    site.must("install-agent")
    assert (addon(site)["status"], writes(site.box)) == ("ACTIVE", count)
