"""What is broken already and stays so is never called ready, whatever the pods carry."""

from worlds import ORDERS, Site, trust_for


def test_an_association_that_stays_as_it_is_while_its_role_lets_nobody_in(healthy: Site) -> None:
    trust = trust_for(ORDERS)
    trust["Statement"][0]["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] = "other"
    healthy.trust("shop-orders", trust)
    outcome = healthy("associate", "shop/orders", "--tag", "team=shop", "--replace", "-o", "json")
    (after,) = outcome.json["after"]
    assert (outcome.code, after["state"], after["id"]) == (3, "broken", "trust-condition-never-matches")
    assert [item["status"] for item in outcome.json["actions"]] == ["done"]
    assert "trust-condition-never-matches" in healthy("associate", "shop/orders").stdout
    # what is not touched stands in the way of nothing
    tagged = healthy("associate", "shop/orders", "--tag", "team=cart", "--replace", "--wait", "none", "-o", "json")
    assert (tagged.code, tagged.json["after"]) == (0, [])


def test_one_that_is_mended_in_the_same_run(healthy: Site) -> None:
    trust = trust_for(ORDERS)
    trust["Statement"][0]["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] = "other"
    healthy.trust("shop-orders", trust)
    outcome = healthy("associate", "shop/orders", "--role", "shop-orders", "--update-trust", "-o", "json")
    assert outcome.code == 0
    assert [after["state"] for after in outcome.json["after"]] == ["ready"]
