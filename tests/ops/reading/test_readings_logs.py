"""The agents' logs in a report."""

import json
from datetime import UTC, datetime

import pytest

from harness import one_in
from ops.reading.reports import findings, viewer
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


@pytest.mark.parametrize("mode", one_in(2, SEEN))
def test_a_line_of_the_log_is_a_finding(healthy: Site, mode: str) -> None:
    say(healthy, SEEN[mode])
    assert findings(healthy) == {}
    assert list(findings(healthy, "--logs")) == [mode]
    assert list(findings(healthy, "shop/orders", "--logs", "--check", mode)) == [mode]


ENDS = {
    "agent-port80-conflict": "Unable to start server: listen tcp 169.254.170.23:80: bind: address already in use",
    "agent-probe-port-conflict": "Unable to start probes: listen tcp :2703: bind: address already in use",
    "agent-ipv6-bind": "Unable to start server: listen tcp [fd00:ec2::23]:80: bind: cannot assign requested address",
}


@pytest.mark.parametrize("mode", ENDS)
def test_the_last_line_of_a_crashing_agent_is_read_without_an_option(healthy: Site, mode: str) -> None:
    (node, *_) = [item["metadata"]["name"] for item in healthy.cluster.items("/api/v1/nodes")]
    healthy.kube.faults.agent_crashing[node] = ENDS[mode]
    healthy.wait(180)
    outcome = healthy("doctor", "-o", "json")
    verdicts = {(item["id"], item["severity"], item["maskedBy"]) for item in outcome.json["findings"]}
    assert verdicts == {(mode, "error", None), ("agent-pod-unhealthy", "error", mode)}
    assert (outcome.code, outcome.json["unknowns"]) == (3, [])
    assert findings(healthy, "--logs") == {mode: "error"}
    assert [item["id"] for item in healthy("doctor", "--check", mode, "-o", "json").json["findings"]] == [mode]


def test_a_crashing_agent_without_the_permission_to_read_logs(healthy: Site) -> None:
    (node, *_) = [item["metadata"]["name"] for item in healthy.cluster.items("/api/v1/nodes")]
    healthy.kube.faults.agent_crashing[node] = ENDS["agent-ipv6-bind"]
    healthy.wait(180)
    outcome = healthy("doctor", "-o", "json", env=viewer(healthy, "pods/log"))
    verdicts = [(item["id"], item["severity"], item["maskedBy"]) for item in outcome.json["findings"]]
    assert verdicts == [("agent-pod-unhealthy", "error", None), ("agent-ipv6-bind", "info", None)]
    (unknown,) = outcome.json["unknowns"]
    assert (outcome.code, unknown["id"], unknown["permission"].partition(" in ")[0]) == (
        3,
        "tool-k8s-rbac-denied",
        "get pods/log",
    )


def test_a_line_about_the_trust_policy_is_no_finding(healthy: Site) -> None:
    say(healthy, f"{FETCH}Unauthorized Exception! EKS does not have permissions to assume the associated role.")
    assert findings(healthy, "--logs") == {}


def test_without_the_permission_to_read_logs(healthy: Site) -> None:
    caller = viewer(healthy, "pods/log")
    assert healthy("doctor", env=caller).code == 0
    outcome = healthy("doctor", "--logs", "-o", "json", env=caller)
    named = {item["permission"].partition(" in ")[0] for item in outcome.json["unknowns"]}
    assert (outcome.code, outcome.json["findings"], named) == (9, [], {"get pods/log"})


def say(site: Site, text: str) -> None:
    node = site.cluster.pods("shop", "orders")[0]["spec"]["nodeName"]
    line = {"level": "error", "msg": text, "time": datetime.fromtimestamp(site.clock.now(), UTC).isoformat()}
    site.kube.add_agent_line(node, json.dumps(line))
