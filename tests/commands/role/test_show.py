"""`podid role show`."""

import csv
from io import StringIO

from ops.role.support import UNTAGGED, shown
from worlds import ORDERS, Site, trust_for


def test_unread_parts_are_unknown(healthy: Site) -> None:
    healthy.box.world.credentials.deny("iam:ListRolePolicies")
    outcome = healthy("role", "show", "shop-orders", "-o", "json")
    role = outcome.json
    assert outcome.code == 9
    assert (role["inlinePolicies"], role["trustPolicy"]) == (None, trust_for(ORDERS))
    assert [item["permission"] for item in role["unknowns"]] == ["iam:ListRolePolicies"]
    healthy.box.world.credentials.allow_again()
    healthy.box.world.credentials.deny("eks:ListPodIdentityAssociations")
    text = healthy("role", "show", "shop-orders").stdout
    assert "requires eks:ListPodIdentityAssociations" in text
    assert "no association" not in text
    csv = healthy("role", "show", "shop-orders", "-o", "csv")
    assert (csv.code, csv.stdout.splitlines()[1].split(",")[2]) == (9, "?")
    assert "requires eks:ListPodIdentityAssociations" in csv.stderr


def test_all_clusters(healthy: Site) -> None:
    role = healthy.must("role", "show", "shop-orders", "--all-clusters", "-o", "json").json
    assert [use["clusterArn"].rpartition("/")[2] for use in role["associations"]] == ["demo"]
    assert (role["associations"][0]["status"], role["unknowns"]) == (None, [])


def test_an_association_that_the_trust_policy_does_not_allow_is_broken(healthy: Site) -> None:
    healthy.trust("shop-orders", UNTAGGED)
    text = healthy.must("role", "show", "shop-orders").stdout
    assert "shop/orders in cluster demo, us-west-2: not allowed; broken" in text
    (row,) = csv.DictReader(StringIO(healthy.must("role", "show", "shop-orders", "-o", "csv").stdout))
    assert row["associations"] == "1"
    assert f"    {', '.join(healthy.cluster.pod_names('shop', 'orders'))}\n" in text


def test_permissions_are_described(healthy: Site) -> None:
    iam = healthy.aws("iam")
    iam.attach_role_policy(RoleName="shop-orders", PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    boundary = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    iam.put_role_permissions_boundary(RoleName="shop-orders", PermissionsBoundary=boundary)
    permissions = {item["policyName"]: item for item in shown(healthy)["permissions"]}
    assert permissions["AmazonSQSFullAccess"]["words"] == ["may do everything in sqs on anything"]
    assert permissions["AmazonS3ReadOnlyAccess"]["kind"] == "boundary"
    assert permissions["AmazonSQSFullAccess"]["kind"] == "managed"
