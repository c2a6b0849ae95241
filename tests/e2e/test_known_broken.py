"""What the plan has seen to be broken is never called an effect, whatever the pods carry."""

from worlds import ORDERS, Site, trust_for


def test_an_association_that_stays_as_it_is_while_its_role_lets_nobody_in(healthy: Site) -> None:
    trust = trust_for(ORDERS)
    trust["Statement"][0]["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] = "other"
    healthy.trust("shop-orders", trust)
    outcome = healthy("associate", "shop/orders", "--tag", "team=shop", "--replace", "-o", "json")
    effect = outcome.json["effect"]
    assert (outcome.code, effect["state"], effect["id"]) == (7, "not-in-effect", "trust-condition-never-matches")
    assert [item["status"] for item in outcome.json["actions"]] == ["done"]
    assert "does not admit shop/orders" in healthy("associate", "shop/orders").stdout
    # what is not touched stands in the way of nothing
    tagged = healthy("associate", "shop/orders", "--tag", "team=cart", "--replace", "--wait", "none", "-o", "json")
    assert (tagged.code, tagged.json["effect"]) == (0, None)


def test_one_that_is_mended_in_the_same_run(healthy: Site) -> None:
    trust = trust_for(ORDERS)
    trust["Statement"][0]["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] = "other"
    healthy.trust("shop-orders", trust)
    outcome = healthy("associate", "shop/orders", "--role", "shop-orders", "--update-trust", "-o", "json")
    assert outcome.code == 0
    assert outcome.json["effect"]["state"] in ("in-effect", "likely")
