"""Services, access levels, wildcards and privilege escalation paths of pods."""

import pytest

from ops.permissions.support import document, levels, managed, privileges, put
from podid.domain.policy.paths import PATHS
from podid.domain.policy.session import RoleSession
from podid.ops.permissions.actions import action_table
from podid.ops.permissions.privileges import read_privileges
from podid.ops.permissions.session import of_files
from worlds import Site


def test_actions_without_resources_are_no_wildcard(healthy: Site) -> None:
    put(healthy, "list", document("s3:ListAllMyBuckets"))
    (_, s3) = privileges(healthy, "shop/orders")["services"]
    assert (s3["actions"], s3["everyResource"], s3["resources"]) == (1, False, [])


def test_escalation_paths(healthy: Site) -> None:
    put(healthy, "more", document("iam:PassRole", "ec2:RunInstances", "iam:PutRolePolicy"))
    ways = privileges(healthy, "shop/orders")["escalations"]
    assert [item["id"] for item in ways] == ["put-role-policy", "pass-any-role", "pass-role-ec2"]
    assert ways[2]["verdict"] == "allowed"
    assert [item["action"] for item in ways[2]["actions"]] == ["iam:PassRole", "ec2:RunInstances"]
    assert ways[2]["actions"][0]["resources"] == ["*"]
    # a Deny, or a boundary, closes the path
    put(healthy, "never", document("iam:PassRole", effect="Deny"))
    assert [item["id"] for item in privileges(healthy, "shop/orders")["escalations"]] == ["put-role-policy"]
    arn = managed(healthy, "ceiling", document("dynamodb:*", "ec2:*"))
    healthy.aws("iam").put_role_permissions_boundary(RoleName="shop-orders", PermissionsBoundary=arn)
    report = privileges(healthy, "shop/orders")
    assert ({*levels(report)}, report["escalations"]) == ({"dynamodb", "ec2"}, [])


def test_an_administrator() -> None:
    access = of_files({"all": document("*")}, RoleSession(region="us-west-2"))
    privileges = read_privileges(access, action_table())
    assert len(privileges.services) > 400
    assert all(item.every_action for item in privileges.services)
    assert [item.id for item in privileges.escalations] == [path.id for path in PATHS]


def test_resources_of_another_type_are_no_escalation_path() -> None:
    access = of_files({"one": document("*", resource="arn:aws:s3:::one/*")}, RoleSession(region="us-west-2"))
    assert read_privileges(access, action_table()).escalations == ()


def test_a_condition_on_the_request_is_unknown(healthy: Site) -> None:
    vpc = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
    put(healthy, "vpc", document("iam:PutRolePolicy", Condition=vpc))
    report = privileges(healthy, "shop/orders")
    (_, iam) = report["services"]
    assert (iam["actions"], iam["unknown"], report["escalations"][0]["verdict"]) == (0, 1, "unknown")
    assert privileges(healthy, "shop/orders", "--context-key", "aws:SourceVpce=vpce-2")["escalations"] == []


@pytest.mark.parametrize("missing", ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies"])
def test_a_removed_permission_is_named(healthy: Site, missing: str) -> None:
    healthy.box.world.credentials.deny(missing)
    report = privileges(healthy, "shop/orders", code=9)
    assert missing in [item["permission"] for item in report["notChecked"]]
    assert all(item["actions"] == 0 for item in report["services"])
    assert report["escalations"] == []
