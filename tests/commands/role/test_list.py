"""`podid role list`."""

import pytest

from ops.role.support import OF_WEB, UNTAGGED, listed
from podid.sandbox.baseline import add_cluster
from worlds import ROLE_ARN, Site


def test_refused_associations_are_counted(healthy: Site) -> None:
    healthy.trust("shop-orders", OF_WEB)
    item = listed(healthy)
    assert (item["associations"], item["refused"]) == (1, 1)
    assert "1, 1 refused" in healthy.must("role", "list").stdout


def test_roles_that_allow_no_pod_are_a_note(healthy: Site) -> None:
    healthy.trust("shop-orders", UNTAGGED)
    outcome = healthy.must("role", "list")
    assert "shop-orders" not in outcome.stdout
    assert "shop-orders" in outcome.stderr


def test_unread_parts_are_listed(healthy: Site) -> None:
    for permission, associations in (
        ("eks:ListClusters", None),
        ("eks:ListPodIdentityAssociations", None),
        ("iam:GetRole", 1),
    ):
        healthy.box.world.credentials.deny(permission)
        outcome = healthy("role", "list", "-o", "json")
        roles = outcome.json
        assert outcome.code == 9
        assert [unknown["permission"] for unknown in roles["unknowns"]] == [permission]
        (item,) = [item for item in roles["items"] if item["roleName"] == "shop-orders"]
        assert item["associations"] == associations
        healthy.box.world.credentials.allow_again()
    healthy.box.world.credentials.deny("iam:GetRole")
    assert "note: not checked: " in healthy("role", "list").stderr


def test_unused_roles_have_no_association(healthy: Site) -> None:
    def names() -> set[str]:
        roles = healthy.must("role", "list", "--unused", "-o", "json").json
        return {item["roleName"] for item in (*roles["items"], *roles["admitNone"])}

    assert {"storefront", "article-2023"} <= names()  # the second allows no pod
    assert "shop-orders" not in names()
    eks = healthy.aws("eks")
    (item,) = eks.list_pod_identity_associations(clusterName="demo")["associations"]
    other = ROLE_ARN.replace("shop-orders", "storefront")
    eks.update_pod_identity_association(clusterName="demo", associationId=item["associationId"], roleArn=other)
    assert "shop-orders" in names()
    assert "storefront" not in names()


@pytest.mark.parametrize("resource", ["*", "arn:aws:eks:*:*:cluster/blue"])
def test_unread_associations_leave_unused_roles_unknown(healthy: Site, resource: str) -> None:
    add_cluster(healthy.box.world, "blue")
    healthy.box.world.credentials.deny("eks:ListPodIdentityAssociations", resource=resource)
    outcome = healthy("role", "list", "--unused", "-o", "json")
    assert (outcome.code, outcome.json["items"]) == (9, [])
    assert {item["permission"] for item in outcome.json["unknowns"]} == {"eks:ListPodIdentityAssociations"}
