"""`podid role list`."""

import pytest

from ops.role.support import WIDE, document, listed
from worlds import Site

OTHER = document({**WIDE, "Condition": {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "web"}}})


def test_refused_associations_are_counted(healthy: Site) -> None:
    healthy.trust("shop-orders", OTHER)
    item = listed(healthy)
    assert (item["associations"], item["refused"]) == (1, 1)
    assert "1, 1 refused" in healthy.must("role", "list").stdout


@pytest.mark.parametrize("permission", ["eks:ListClusters", "eks:ListPodIdentityAssociations", "iam:GetRole"])
def test_unread_parts_are_listed(healthy: Site, permission: str) -> None:
    healthy.box.world.credentials.deny(permission)
    roles = healthy.must("role", "list", "-o", "json").json
    assert [unknown["permission"] for unknown in roles["unknowns"]] == [permission]
    (item,) = [item for item in roles["items"] if item["roleName"] == "shop-orders"]
    assert item["associations"] == (1 if permission == "iam:GetRole" else None)
    assert f"requires {permission}" in healthy.must("role", "list").stderr


def test_unused_roles_have_no_association(healthy: Site) -> None:
    def names() -> set[str]:
        roles = healthy.must("role", "list", "--unused", "-o", "json").json
        return {item["roleName"] for item in (*roles["items"], *roles["admitNone"])}

    assert "storefront" in names()
    assert "article-2023" in names()  # nobody can use it, all the more so
    assert "shop-orders" not in names()
    healthy.must("associate", "shop/orders", "--role", "storefront", "--replace", "--wait", "none")
    assert "shop-orders" in names()
    assert "storefront" not in names()


def test_unread_associations_leave_unused_roles_unknown(healthy: Site) -> None:
    healthy.box.world.credentials.deny("eks:ListPodIdentityAssociations")
    outcome = healthy("role", "list", "--unused", "-o", "json")
    assert (outcome.code, outcome.json["items"]) == (9, [])
    assert [item["permission"] for item in outcome.json["unknowns"]] == ["eks:ListPodIdentityAssociations"]
