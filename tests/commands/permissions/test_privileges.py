"""`podid privileges`."""

import json
from pathlib import Path

from ops.audit.roles import aged, allow, put_policy, tried
from ops.permissions.support import BUCKET, TABLE, document, levels, privileges, put, unread
from worlds import TARGET, Site


def test_services_and_access_levels(healthy: Site) -> None:
    put(healthy, "s3", document("s3:GetObject", "s3:PutObject", "s3:ListBucket", resource=f"{BUCKET}*"))
    report = privileges(healthy, "shop/orders")
    assert levels(report) == {"dynamodb": {"read": 2}, "s3": {"list": 1, "read": 1, "write": 1}}
    first, second = report["services"]
    assert (first["title"], first["resources"], first["everyResource"]) == ("Amazon DynamoDB", [TABLE], False)
    assert first["levels"][0]["actions"] == ["dynamodb:GetItem", "dynamodb:Query"]
    assert (second["actions"], second["of"] > 100, second["resources"]) == (3, True, [f"{BUCKET}*"])
    assert (report["escalations"], report["obstacle"], report["tableDate"][:4]) == ([], None, "2026")
    outcome = healthy("privileges", "shop/orders")
    assert outcome.stdout.splitlines()[0] == f"dynamodb\tread\t2 of {first['of']}\t0\t{TABLE}\t-"
    assert outcome.stderr.splitlines()[0] == "No privilege escalation path"


def test_wildcards_are_marked(healthy: Site) -> None:
    put(healthy, "sqs", document("sqs:*"))
    (_, sqs) = privileges(healthy, "shop/orders")["services"]
    assert (sqs["actions"], sqs["everyResource"]) == (sqs["of"], True)
    row = healthy("privileges", "shop/orders").stdout.splitlines()[1]
    assert row == f"sqs\tread, tagging, write, permissions management\tevery action ({sqs['of']})\t0\tevery resource\t-"


def test_without_a_session_the_reason_is_reported(healthy: Site) -> None:
    healthy.with_target()
    put(healthy, "never", document("sts:AssumeRole", effect="Deny"))
    put(healthy, "read", document("s3:GetObject"), TARGET)
    report = privileges(healthy, "shop/orders")
    assert report["services"] == []
    assert report["obstacle"].startswith("role shop-orders is not authorized to perform sts:AssumeRole")
    assert "Role shop-orders is not authorized" in healthy("privileges", "shop/orders").stderr


def test_older_than_is_the_window_of_unused_privileges(healthy: Site) -> None:
    site = aged(healthy)
    put_policy(site, allow("sqs:CreateQueue"))
    tried(site, "sqs", "CreateQueue", days=95)
    for window, unused in ((), ["sqs:CreateQueue"]), (("--older-than", "100d"), []):
        (sqs,) = privileges(site, "shop/orders", *window)["services"]
        assert [action for level in sqs["levels"] for action in level["unused"]] == unused
    outcome = site("privileges", "shop/orders", "--older-than", "soon")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "--older-than 'soon' is not a duration" in outcome.stderr


def test_an_action_whose_use_is_not_reported_is_not_unused(healthy: Site) -> None:
    site = aged(healthy)
    put_policy(site, allow("iam:PassRole", "iam:GetRole"))
    (iam,) = privileges(site, "shop/orders")["services"]
    assert {name for level in iam["levels"] for name in level["unused"]} == {"iam:GetRole"}


def test_a_policy_file_is_evaluated_without_its_use(healthy: Site, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(document("s3:GetObject", "iam:PutRolePolicy")))
    healthy.box.faults.calls.clear()
    report = privileges(healthy, "--policy-file", str(file))
    assert not healthy.box.faults.calls
    assert levels(report) == {"iam": {"permissions-management": 1}, "s3": {"read": 1}}
    assert [path["id"] for path in report["escalations"]] == ["put-role-policy"]
    assert (report["since"], {service["used"] for service in report["services"]}) == (None, {None})
    missing = healthy("privileges", "--policy-file", str(tmp_path / "missing.json"))
    assert (missing.code, missing.stdout) == (2, "")


def test_exit_9_if_a_policy_cannot_be_read(healthy: Site) -> None:
    healthy.box.world.credentials.deny("iam:GetRolePolicy")
    report = privileges(healthy, "shop/orders", code=9)
    assert ("dynamodb-read", "iam:GetRolePolicy") in unread(report)
    outcome = healthy("privileges", "shop/orders")
    assert outcome.code == 9
    assert "iam:GetRolePolicy" in outcome.stderr
