"""`podid who-can`."""

from typing import Any

from ops.permissions.support import EVERYTHING, OWN, READ, TABLE, rows, who_can
from permissions_support import allow, limited, role
from worlds import ACCOUNT, Site


def test_role_statement_and_pods(healthy: Site) -> None:
    report = who_can(healthy, READ)
    assert rows(report) == [OWN]
    (item,) = report["items"]
    assert (item["roleArn"], item["pods"]) == (f"arn:aws:iam::{ACCOUNT}:role/shop-orders", 2)
    assert item["statement"]["policy"] == "dynamodb-read"
    assert (item["actions"], item["cluster"], report["clusters"]) == ([READ], "demo", ["demo"])
    outcome = healthy("who-can", READ)
    arn = f"arn:aws:iam::{ACCOUNT}:role/shop-orders"
    assert outcome.stdout == f"shop/orders\tallowed\t{arn}\t{TABLE}\tdynamodb-read, Statement[0]\t2\t-\n"
    assert "Not checked: resource policies" in outcome.stderr


def test_no_service_account(healthy: Site) -> None:
    assert who_can(healthy, "iam:PassRole")["items"] == []
    outcome = healthy("who-can", "iam:PassRole")
    assert (outcome.code, outcome.stdout) == (0, "")
    assert "no service account of demo may perform iam:PassRole" in outcome.stderr


def test_without_pods_the_answer_is_the_same(healthy: Site, tmp_path: Any) -> None:
    env = limited(healthy.box, tmp_path, allow("eks:*", *EVERYTHING), [role(("", "namespaces", ("list",)))])
    report = who_can(healthy, READ, env=env)
    assert (rows(report), report["items"][0]["pods"]) == ([OWN], None)
    assert ("running pods", "list pods (cluster-wide)") in [
        (item["what"], item["permission"]) for item in report["notChecked"]
    ]


def test_several_clusters(healthy: Site) -> None:
    report = who_can(healthy, READ, "--all-clusters")
    assert (rows(report), report["clusters"]) == ([OWN], ["demo"])
    outcome = healthy(
        "who-can", READ, "--cluster", "demo", "--cluster", "nosuch", "-o", "json", without=["PODID_CLUSTER"]
    )
    assert (outcome.code, rows(outcome.json)) == (8, [OWN])
    assert "nosuch" in outcome.stderr


def test_usage_errors(healthy: Site) -> None:
    assert healthy("who-can", "GetItem").code == 2
    assert healthy("who-can", "dynamodb:Nosuch*").code == 2
    assert healthy("who-can", READ, "-n", "nosuch").code == 5
    assert "did you mean dynamodb:GetItem" in healthy("who-can", "dynamodb:GetItm").stderr
