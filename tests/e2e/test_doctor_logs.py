"""What the agents' logs show, and only where somebody asks for them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from harness import one_in
from podid.checks.all import ALL
from podid.ops.reading import witnesses
from podid.ops.reading.sections import permissions
from podid.sandbox.baseline import NODE_ROLE
from worlds import Site

# what an agent's log has of each failure mode: https://github.com/aws/eks-pod-identity-agent/issues
FETCH = "Error fetching credentials: error getting credentials to cache: unable to fetch credentials from EKS Auth: "
SEEN = {
    "eks-auth-unreachable": f"{FETCH}dial tcp: lookup eks-auth.us-west-2.api.aws: no such host",
    "bearer-token-prefix": "Service account token cannot be parsed: illegal base64 data at input byte 6",
    "eks-auth-throttled": f"{FETCH}ThrottlingException: Rate exceeded",
    "node-clock-skew": "Service account token failed basic claim validations: token is not valid yet",
    "node-role-missing-eks-auth": "User: arn:aws:sts::1:assumed-role/n/i-1 is not authorized to perform: "
    "eks-auth:AssumeRoleForPodIdentity",
    "stale-link-or-route": "expected route to be interface index 4, please remove route and try again",
}

WRONG = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": ["sts:AssumeRole"]}]
}


def ids(site: Site, *argv: str) -> dict[str, str]:
    report: Any = site("doctor", "-o", "json", *argv).json
    return {item["id"]: item["severity"] for item in report["findings"] if not item["maskedBy"]}


@pytest.mark.parametrize("mode", one_in(2, SEEN))
def test_each_is_named_by_the_log(healthy: Site, mode: str) -> None:
    say(healthy, SEEN[mode])
    assert ids(healthy) == {}
    assert list(ids(healthy, "--logs")) == [mode]
    assert list(ids(healthy, "shop/orders", "--logs", "--check", mode)) == [mode]


ENDS = {
    "agent-port80-conflict": "Unable to start server: listen tcp 169.254.170.23:80: bind: address already in use",
    "agent-probe-port-conflict": "Unable to start probes: listen tcp :2703: bind: address already in use",
    "agent-ipv6-bind": "Unable to start server: listen tcp [fd00:ec2::23]:80: bind: cannot assign requested address",
}


@pytest.mark.parametrize("mode", ENDS)
def test_an_agent_that_ends_again_and_again_says_why_without_an_option(healthy: Site, mode: str) -> None:
    (node, *_) = [item["metadata"]["name"] for item in healthy.cluster.items("/api/v1/nodes")]
    healthy.kube.faults.agent_crashing[node] = ENDS[mode]
    healthy.wait(180)
    outcome = healthy("doctor", "-o", "json")
    told = {(item["id"], item["severity"], item["maskedBy"]) for item in outcome.json["findings"]}
    assert told == {(mode, "error", None), ("agent-pod-unhealthy", "error", mode)}
    assert (outcome.code, outcome.json["unknowns"]) == (3, [])
    assert ids(healthy, "--logs") == {mode: "error"}
    assert [item["id"] for item in healthy("doctor", "--check", mode, "-o", "json").json["findings"]] == [mode]


def test_its_end_without_the_permission_to_logs(healthy: Site) -> None:
    (node, *_) = [item["metadata"]["name"] for item in healthy.cluster.items("/api/v1/nodes")]
    healthy.kube.faults.agent_crashing[node] = ENDS["agent-ipv6-bind"]
    healthy.wait(180)
    outcome = healthy("doctor", "-o", "json", env=healthy.user("viewer", rules_without("pods/log")))
    told = [(item["id"], item["severity"], item["maskedBy"]) for item in outcome.json["findings"]]
    assert told == [("agent-pod-unhealthy", "error", None), ("agent-ipv6-bind", "info", None)]
    (unknown,) = outcome.json["unknowns"]
    assert (outcome.code, unknown["id"], unknown["permission"].partition(" in ")[0]) == (
        3,
        "tool-k8s-rbac-denied",
        "get pods/log",
    )


def rules_without(resource: str) -> list[Any]:
    return [
        {"apiGroups": [permission.group], "resources": [permission.resource], "verbs": [permission.verb]}
        for permission in permissions(ALL).kubernetes
        if permission.resource != resource
    ]


def test_what_the_policies_tell_better_is_left_to_them(healthy: Site) -> None:
    say(healthy, f"{FETCH}Unauthorized Exception! EKS does not have permissions to assume the associated role.")
    assert ids(healthy, "--logs") == {}


def test_without_the_permission_to_logs(healthy: Site) -> None:
    caller = healthy.user("viewer", rules_without("pods/log"))
    assert healthy("doctor", env=caller).code == 0
    outcome = healthy("doctor", "--logs", "-o", "json", env=caller)
    named = {item["permission"].partition(" in ")[0] for item in outcome.json["unknowns"]}
    assert (outcome.code, outcome.json["findings"], named) == (9, [], {"get pods/log"})


def test_tokens_that_podid_redeems(healthy: Site) -> None:
    """What nothing that can be read explains is the organization's; without consent nothing is minted."""
    refused = healthy("doctor", "--verify")
    assert (refused.code, "Creating credentials" in refused.stderr) == (2, True)
    assert ids(healthy, "--verify", "--yes") == {}
    healthy.box.world.credentials.deny("eks-auth:AssumeRoleForPodIdentity")
    outcome = healthy("doctor", "--verify", "--yes", "-o", "json")
    assert (outcome.code, outcome.json["findings"]) == (9, [])
    assert {item["permission"] for item in outcome.json["unknowns"]} == {"eks-auth:AssumeRoleForPodIdentity"}
    healthy.box.world.credentials.allow_again()
    healthy.trust("shop-orders", {"Version": "2012-10-17", **WRONG})
    found = ids(healthy, "--verify", "--yes", "--check", "trust-wrong-principal")
    assert found == {"trust-wrong-principal": "error"}


def test_what_cloudtrail_has(healthy: Site) -> None:
    assert ids(healthy, "--cloudtrail") == {}
    seen = healthy("doctor", "--cloudtrail", "-o", "json").json["notLookedAt"]
    assert seen[-1] == "CloudTrail events older than 6 hours or beyond the newest 500"
    healthy.box.world.credentials.deny("cloudtrail:LookupEvents")
    outcome = healthy("doctor", "--cloudtrail", "-o", "json")
    assert (outcome.code, outcome.json["findings"]) == (9, [])
    assert "cloudtrail:LookupEvents" in {item["permission"] for item in outcome.json["unknowns"]}
    healthy_report = healthy("doctor", "-o", "json")
    assert healthy_report.code == 0
    assert [text.rpartition("(")[2] for text in healthy_report.json["notLookedAt"]] == [
        "--logs)",
        "--cloudtrail)",
        "--verify)",
        "--probe)",
    ]


def test_calls_with_a_nodes_role_that_an_old_sdk_makes(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    healthy.box.failures.put("sdk-too-old")
    try:
        found = healthy("doctor", "--cloudtrail", "-o", "json").json
        named = [
            (item["severity"], item["subject"]["kind"]) for item in found["findings"] if item["id"] == "sdk-too-old"
        ]
        assert sorted(named) == [("warn", "Deployment"), ("warn", "Node")]
        monkeypatch.setattr(witnesses, "MOST_NODES", 0)
        left = healthy("doctor", "--cloudtrail", "-o", "json").json["notLookedAt"]
        assert "CloudTrail calls with the role of " in left[-1]
    finally:
        healthy.box.failures.heal()
    assert [event for event in healthy.box.world.trail if event.event["EventSource"].startswith("secrets")] == []


def test_what_was_not_looked_at_of_many_is_unknown(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a role without a session in CloudTrail nor one that came too late in the list is said to be fine."""
    monkeypatch.setattr(witnesses, "MOST_ROLES", 0)
    (unknown,) = healthy("doctor", "--cloudtrail", "-o", "json").json["unknowns"]
    assert (unknown["id"], " the first 0 " in unknown["reason"]) == ("packed-policy-too-large", True)
    monkeypatch.setattr(witnesses, "MOST_ROLES", 10)
    outcome = healthy("doctor", "--cloudtrail", "--check", "packed-policy-too-large", "-o", "json")
    assert (outcome.json["summary"]["pass"], outcome.json["unknowns"]) == (0, [])


def say(site: Site, text: str) -> None:
    node = site.cluster.pods("shop", "orders")[0]["spec"]["nodeName"]
    line = {"level": "error", "msg": text, "time": datetime.fromtimestamp(site.clock.now(), UTC).isoformat()}
    site.kube.add_agent_line(node, json.dumps(line))


def test_an_agents_failure_that_only_cloudtrail_has(healthy: Site) -> None:
    """Mended since, so that no policy tells it; the node is named, as CloudTrail knows no service account."""
    denied = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "eks-auth:*", "Resource": "*"}]}
    iam = healthy.aws("iam")
    iam.put_role_policy(RoleName=NODE_ROLE, PolicyName="deny", PolicyDocument=json.dumps(denied))
    assert healthy("verify", "shop/orders", "--probe", "--yes").code == 3
    iam.delete_role_policy(RoleName=NODE_ROLE, PolicyName="deny")
    healthy.wait(20 * 60)
    assert ids(healthy) == {}
    assert list(ids(healthy, "--cloudtrail")) == ["node-role-missing-eks-auth"]
