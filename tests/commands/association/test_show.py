"""The screen and the document of `podid show`."""

from typing import Any

from harness import Podid
from ops.change.support import account_state
from podid.sandbox.box import Sandbox
from worlds import Site, target_arn


def shown(site: Site, ref: str = "shop/orders") -> Any:
    return site.must("show", ref, "-o", "json").json


def test_the_association_its_roles_and_its_pods(site: Site) -> None:
    site.with_agent().with_identity().with_target()
    result = shown(site)
    assert result["account"] == {"exists": True, "createdAt": result["account"]["createdAt"], "irsaRoleArn": None}
    assert target_arn() in str([item["words"] for item in result["permissions"]])
    assert result["secondHop"]["externalId"] == result["externalId"]
    assert {item["workload"]["kind"] for item in result["pods"]} == {"Deployment"}
    assert [item["name"] for item in result["pods"]] == sorted(site.cluster.pod_names("shop", "orders"))
    assert {one["uses"] for item in result["pods"] for one in item["containers"]} == {"pod-identity"}
    assert (result["unknowns"], {item["stale"] for item in result["pods"]}) == ([], {False})
    text = site.must("show", "shop/orders").stdout
    for words in ("account ", "exists", "external id", "role chaining", "Deployment orders: ", "uses Pod Identity"):
        assert words in text


def test_unread_policies_are_unknown(site: Site) -> None:
    site.with_agent().with_identity()
    site.box.world.credentials.deny("iam:ListAttachedRolePolicies")
    site.box.world.credentials.deny("iam:ListRolePolicies")
    outcome = site("show", "shop/orders", "-o", "json")
    assert outcome.code == 9
    assert {item["permission"] for item in outcome.json["unknowns"]} == {
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
    }
    assert (
        "permissions not checked: inline policies: requires iam:ListRolePolicies" in site("show", "shop/orders").stdout
    )


def test_a_service_account_that_does_not_exist(site: Site) -> None:
    site.associate("shop", "nobody")
    result = shown(site, "shop/nobody")
    assert (result["account"]["exists"], result["pods"]) == (False, [])
    assert "No running pods" in site.must("show", "shop/nobody").stdout


def test_reads_refuse_a_second_cluster(box: Sandbox, podid: Podid) -> None:
    before = account_state(box)
    outcome = podid("show", "shop/orders", "--cluster", "demo", "--cluster", "blue")
    assert outcome.code == 2
    assert account_state(box) == before
