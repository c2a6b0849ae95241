"""`podid role show`."""

import pytest

from ops.role.support import shown
from podid.cli.changing import MOST_USERS
from podid.sandbox.baseline import add_association
from worlds import ORDERS, Site, trust_for


@pytest.mark.parametrize(
    ("permission", "member"),
    [
        ("iam:ListRolePolicies", "inlinePolicies"),
        ("iam:GetRolePolicy", "inlinePolicies"),
        ("iam:ListAttachedRolePolicies", "attachedPolicies"),
        ("eks:ListPodIdentityAssociations", "associations"),
        ("eks:DescribePodIdentityAssociation", "associations"),
    ],
)
def test_unread_parts_are_unknown(healthy: Site, permission: str, member: str) -> None:
    healthy.box.world.credentials.deny(permission)
    shown = healthy.must("role", "show", "shop-orders", "-o", "json").json
    assert shown[member] in (None, [])
    (unknown,) = shown["unknowns"]
    assert unknown["permission"] == permission
    assert shown["trustPolicy"] == trust_for(ORDERS)
    text = healthy.must("role", "show", "shop-orders").stdout
    assert f"requires {permission}" in text
    assert "no association" not in text


def test_permissions_are_described(healthy: Site) -> None:
    iam = healthy.aws("iam")
    iam.attach_role_policy(RoleName="shop-orders", PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    boundary = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    iam.put_role_permissions_boundary(RoleName="shop-orders", PermissionsBoundary=boundary)
    permissions = {item["policyName"]: item for item in shown(healthy)["permissions"]}
    assert permissions["AmazonSQSFullAccess"]["words"] == ["may do everything in sqs on anything"]
    assert (permissions["AmazonS3ReadOnlyAccess"]["kind"], permissions["AmazonSQSFullAccess"]["kind"]) == (
        "boundary",
        "managed",
    )
    text = healthy.must("role", "show", "shop-orders").stdout
    assert "permissions boundary (AmazonS3ReadOnlyAccess):\n  may s3:Get*" in text
    healthy.box.world.credentials.deny("iam:GetPolicyVersion")
    without = shown(healthy)
    assert [item["words"] for item in without["permissions"] if item["kind"] != "inline"] == [None, None]
    assert [item["permission"] for item in without["unknowns"]] == ["iam:GetPolicyVersion"]


def test_the_status_of_the_users_of_a_common_role_is_not_checked(site: Site) -> None:
    for number in range(MOST_USERS + 1):
        add_association(site.box.world, "shop", f"a{number}", "storefront")
    outcome = site("role", "show", "storefront")
    assert outcome.code == 0
    assert f"The status of {MOST_USERS + 1} service accounts was not checked: podid status" in outcome.stderr
