"""Events of CloudTrail in a report."""

import json

import pytest

from ops.reading.reports import findings
from podid.ops.reading import witnesses
from podid.sandbox.baseline import NODE_ROLE
from worlds import Site


def test_events_are_read_on_request(healthy: Site) -> None:
    assert findings(healthy, "--cloudtrail") == {}
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


def test_calls_of_an_old_sdk_with_the_role_of_a_node(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    healthy.box.failures.put("sdk-too-old")
    try:
        report = healthy("doctor", "--cloudtrail", "-o", "json").json
        named = [
            (item["severity"], item["subject"]["kind"]) for item in report["findings"] if item["id"] == "sdk-too-old"
        ]
        assert sorted(named) == [("warn", "Deployment"), ("warn", "Node")]
        monkeypatch.setattr(witnesses, "MOST_NODES", 0)
        left = healthy("doctor", "--cloudtrail", "-o", "json").json["notLookedAt"]
        assert "CloudTrail calls with the role of " in left[-1]
    finally:
        healthy.box.failures.heal()
    assert [event for event in healthy.box.world.trail if event.event["EventSource"].startswith("secrets")] == []


def test_roles_beyond_the_limit_are_unknown(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a role without a session in CloudTrail nor one that came too late in the list is said to be fine."""
    monkeypatch.setattr(witnesses, "MOST_ROLES", 0)
    (unknown,) = healthy("doctor", "--cloudtrail", "-o", "json").json["unknowns"]
    assert (unknown["id"], " the first 0 " in unknown["reason"]) == ("packed-policy-too-large", True)
    monkeypatch.setattr(witnesses, "MOST_ROLES", 10)
    outcome = healthy("doctor", "--cloudtrail", "--check", "packed-policy-too-large", "-o", "json")
    assert (outcome.json["summary"]["pass"], outcome.json["unknowns"]) == (0, [])


def test_a_past_failure_of_an_agent(healthy: Site) -> None:
    """Mended since, so that no policy tells it; the node is named, as CloudTrail knows no service account."""
    denied = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "eks-auth:*", "Resource": "*"}]}
    iam = healthy.aws("iam")
    iam.put_role_policy(RoleName=NODE_ROLE, PolicyName="deny", PolicyDocument=json.dumps(denied))
    assert healthy("verify", "shop/orders", "--probe", "--yes").code == 3
    iam.delete_role_policy(RoleName=NODE_ROLE, PolicyName="deny")
    healthy.wait(20 * 60)
    assert findings(healthy) == {}
    assert list(findings(healthy, "--cloudtrail")) == ["node-role-missing-eks-auth"]
