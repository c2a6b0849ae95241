"""privileges: services, access levels, wildcards and privilege escalation paths; and the line in show."""

import json
from typing import Any

import pytest

from e2e.test_can_i import BUCKET, EVERYTHING, TABLE, document, managed, put
from permissions_support import allow, limited
from worlds import TARGET, Site

pytestmark = pytest.mark.sampled(3)


def asked(site: Site, *words: str, code: int = 0, **how: Any) -> Any:
    outcome = site("privileges", *words, "-o", "json", **how)
    assert outcome.code == code, outcome
    return outcome.json


def levels(report: Any) -> dict[str, dict[str, int]]:
    return {
        item["service"]: {level["level"]: len(level["actions"]) for level in item["levels"]}
        for item in report["services"]
    }


def test_services_and_access_levels(healthy: Site) -> None:
    put(healthy, "s3", document("s3:GetObject", "s3:PutObject", "s3:ListBucket", resource=f"{BUCKET}*"))
    report = asked(healthy, "shop/orders")
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
    (_, sqs) = asked(healthy, "shop/orders")["services"]
    assert (sqs["actions"], sqs["everyResource"]) == (sqs["of"], True)
    row = healthy("privileges", "shop/orders").stdout.splitlines()[1]
    assert row == f"sqs\tread, tagging, write, permissions management\tevery action ({sqs['of']})\t0\tevery resource\t-"


def test_actions_without_resources_are_no_wildcard(healthy: Site) -> None:
    put(healthy, "list", document("s3:ListAllMyBuckets"))
    (_, s3) = asked(healthy, "shop/orders")["services"]
    assert (s3["actions"], s3["everyResource"], s3["resources"]) == (1, False, [])


def test_escalation_paths(healthy: Site) -> None:
    put(healthy, "more", document("iam:PassRole", "ec2:RunInstances", "iam:PutRolePolicy"))
    ways = asked(healthy, "shop/orders")["escalations"]
    assert [item["id"] for item in ways] == ["put-role-policy", "pass-any-role", "pass-role-ec2"]
    assert ways[2]["verdict"] == "allowed"
    assert [item["action"] for item in ways[2]["actions"]] == ["iam:PassRole", "ec2:RunInstances"]
    assert ways[2]["actions"][0]["resources"] == ["*"]
    # a Deny, or a boundary, closes the path
    put(healthy, "never", document("iam:PassRole", effect="Deny"))
    assert [item["id"] for item in asked(healthy, "shop/orders")["escalations"]] == ["put-role-policy"]
    arn = managed(healthy, "ceiling", document("dynamodb:*", "ec2:*"))
    healthy.aws("iam").put_role_permissions_boundary(RoleName="shop-orders", PermissionsBoundary=arn)
    report = asked(healthy, "shop/orders")
    assert ({*levels(report)}, report["escalations"]) == ({"dynamodb", "ec2"}, [])


def test_an_administrator(healthy: Site) -> None:
    put(healthy, "all", document("*"))
    report = asked(healthy, "shop/orders")
    assert len(report["services"]) > 400
    assert all(item["actions"] == item["of"] for item in report["services"])
    assert len(report["escalations"]) == 40


def test_what_depends_on_the_request_is_unknown(healthy: Site) -> None:
    vpc = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
    put(healthy, "vpc", document("iam:PutRolePolicy", Condition=vpc))
    report = asked(healthy, "shop/orders")
    (_, iam) = report["services"]
    assert (iam["actions"], iam["unknown"], report["escalations"][0]["verdict"]) == (0, 1, "unknown")
    assert asked(healthy, "shop/orders", "--context-key", "aws:SourceVpce=vpce-2")["escalations"] == []


@pytest.mark.parametrize("missing", ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies"])
def test_a_removed_permission_is_named(healthy: Site, tmp_path: Any, missing: str) -> None:
    env = limited(healthy.box, tmp_path, allow(*(item for item in EVERYTHING if item != missing)), [])
    report = asked(healthy, "shop/orders", code=9, env=env)
    assert missing in [item["permission"] for item in report["notChecked"]]
    assert all(item["actions"] == 0 for item in report["services"])
    assert report["escalations"] == []


def test_roles_files_and_pods(healthy: Site, tmp_path: Any) -> None:
    expected = levels(asked(healthy, "shop/orders"))
    (name, *_) = healthy.cluster.pod_names("shop", "orders")
    assert levels(asked(healthy, f"pod/shop/{name}")) == levels(asked(healthy, "--role", "shop-orders")) == expected
    file = tmp_path / "p.json"
    file.write_text(json.dumps(document("dynamodb:GetItem", "dynamodb:Query")))
    assert levels(asked(healthy, "--policy-file", str(file))) == expected
    assert healthy("privileges").code == 2
    assert healthy("privileges", "shop/orders", "--role", "shop-orders").code == 2
    assert healthy("privileges", "shop/nosuch").code == 5


def test_without_a_session_the_reason_is_reported(healthy: Site) -> None:
    healthy.with_target()
    put(healthy, "never", document("sts:AssumeRole", effect="Deny"))
    put(healthy, "read", document("s3:GetObject"), TARGET)
    report = asked(healthy, "shop/orders")
    assert report["services"] == []
    assert report["obstacle"].startswith("role shop-orders is not authorized to perform sts:AssumeRole")
    assert "Role shop-orders is not authorized" in healthy("privileges", "shop/orders").stderr


# --- the line in show -------------------------------------------------------------------------------------------------


def test_show_names_privileges_and_escalation_paths(healthy: Site) -> None:
    put(healthy, "more", document("iam:PassRole", "ec2:RunInstances", "sqs:*"))
    lines = healthy("show", "shop/orders").stdout.splitlines()
    assert (
        "privileges: dynamodb read; ec2 write (every resource); iam write (every resource); "
        "sqs read, tagging, write, permissions management (every action and every resource)"
    ) in lines
    assert "privilege escalation: pass-any-role, pass-role-ec2" in lines
    shown = healthy("show", "shop/orders", "-o", "json").json
    assert [item["id"] for item in shown["escalations"]] == ["pass-any-role", "pass-role-ec2"]


def test_show_has_those_of_the_target_role(healthy: Site) -> None:
    healthy.with_target()
    put(healthy, "wide", document("iam:PutRolePolicy"), role=TARGET)
    assert [item["id"] for item in healthy("show", "shop/orders", "-o", "json").json["escalations"]] == [
        "put-role-policy"
    ]
    assert f"privileges of target role {TARGET}: iam " in healthy("show", "shop/orders").stdout


def test_show_does_not_read_a_target_role_of_another_account(healthy: Site) -> None:
    healthy.with_target("444455556666")
    outcome = healthy("show", "shop/orders")
    assert "privileges" not in outcome.stdout
    assert f"permissions not checked: role {TARGET}: requires iam:GetRole in account 444455556666" in outcome.stdout
