"""The privileges in `podid show`."""

from ops.permissions.support import document, put
from worlds import TARGET, Site


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
