"""`podid privileges`."""

from ops.permissions.support import BUCKET, TABLE, document, levels, privileges, put
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
