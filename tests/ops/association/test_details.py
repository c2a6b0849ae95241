"""Details of associations: only those that a column or filter requires are read."""

import json

from podid.domain.findings import Bearing
from podid.domain.names import ServiceAccountRef
from podid.ops.association.details import ORDERS, Details, PodCounts, checks_for, sections_for
from podid.sandbox.baseline import pods_trust
from worlds import Site, trust_for


def rows(site: Site, *argv: str) -> list[list[str]]:
    return [line.split("\t") for line in site.must("list", *argv).stdout.splitlines()]


def named(site: Site, *argv: str) -> list[str]:
    return site.must("list", *argv, "-o", "name").stdout.split()


def several(site: Site) -> None:
    """Create associations: two ready, one without its service account, one without its role, one with another trust."""
    site.with_agent().with_identity()
    site.trust("storefront", pods_trust())
    site.cluster.make_account("shop", "cart")
    for name in ("cart", "nobody"):
        site.associate("shop", name)
    for name in ("gone", "shut"):
        site.cluster.make_account("shop", name)
        document = trust_for(ServiceAccountRef("shop", name))
        site.aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))
        site.associate("shop", name, name)
    site.aws("iam").delete_role(RoleName="gone")
    site.trust("shut", trust_for(ServiceAccountRef("other", "other")))
    site.wait(120)


def test_columns_are_shown_in_their_order(site: Site) -> None:
    several(site)
    site.clock.advance(3600)  # a service account may come after its association
    result = rows(site, "--columns", "service-account,status,exists,role-exists")
    assert sorted(map(tuple, result)) == [
        ("cart", "ready", "yes", "yes"),
        ("gone", "broken (role-not-found)", "yes", "no"),
        ("nobody", "doubtful (association-sa-not-found)", "no", "yes"),
        ("orders", "ready", "yes", "yes"),
        ("shut", "broken (trust-condition-never-matches)", "yes", "yes"),
    ]
    (orders,) = [row for row in rows(site, "--columns", "service-account,pods,injected,stale") if row[0] == "orders"]
    assert orders[1:] == ["2", "2", "0"]
    site.associate("payments", "billing-worker", "storefront")  # its pods are older than that
    messages = {row[0]: row[1:] for row in rows(site, "--columns", "service-account,status,stale")}
    assert (messages["orders"], messages["billing-worker"]) == (
        ["ready", "0"],
        ["stale (pod-predates-association)", "1"],
    )
    (modified,) = {len(row) for row in rows(site, "--columns", "modified")}
    assert modified == 1
    header = site.must("list", "--columns", "role,modified", "-o", "csv").stdout.splitlines()[0]
    assert header == "role,modified"


def test_stale_and_dangling(site: Site) -> None:
    several(site)
    assert named(site, "--dangling") == ["shop/gone", "shop/nobody"]
    assert named(site, "--stale") == []
    site.cluster.make_workload("Deployment", "shop", "late", "orders", 1)
    site.wait(30)
    site.must("associate", "shop/orders", "--role", "storefront", "--replace", "--wait", "api")
    site.wait(5)
    assert named(site, "--stale") == ["shop/orders"]
    (item,) = site.must("list", "--stale", "-o", "json").json["items"]
    assert item["pods"]["stale"] == item["pods"]["running"] == item["pods"]["injected"] == 3
    (line,) = site.must("list", "--stale", "-o", "jsonl").stdout.splitlines()
    assert '"status":null' in line


def test_an_unread_role_affects_only_its_columns(site: Site) -> None:
    site.with_agent().with_identity()
    site.box.world.credentials.deny("iam:GetRole")
    assert rows(site, "--columns", "service-account,modified")[0][0] == "orders"
    assert rows(site, "--columns", "service-account,status") == [["orders", "unknown (needs iam:GetRole)"]]
    outcome = site("list", "--dangling", "-o", "json")
    assert (outcome.code, outcome.json["items"], outcome.error["code"]) == (9, [], "Undetermined")
    assert "iam:GetRole" in outcome.error["details"][0]
    assert site("list", "--dangling", "--service-account", "cart", "-o", "json").code == 0
    site.cluster.delete("/api/v1/namespaces/shop/serviceaccounts/orders")
    assert named(site, "--dangling") == ["shop/orders"]


def test_a_detail_requires_its_section_and_the_checks_of_its_column() -> None:
    assert sections_for(("roles", "pods", "status")) == ("pods", "roles")
    assert checks_for(("accounts", "roles")) == ()
    assert checks_for({"pods"}) == checks_for({"status"})
    assert {check.bearing for check in checks_for({"status"})} == set(Bearing)


def test_an_unread_detail_is_neither_stale_nor_dangling() -> None:
    assert (Details().stale, Details().dangling) == (False, False)
    assert Details(pods=PodCounts(2, 1, 1)).stale
    assert (Details(account=False).dangling, Details(account=True, role=False).dangling) == (True, True)
    assert ORDERS["pods"](Details()) == -1
