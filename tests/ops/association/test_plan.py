"""Changes of associations that exist."""

import json
from pathlib import Path
from typing import Any

from harness import Podid
from ops.association.worlds import TARGET, association_of
from ops.change.support import account_state, writes
from podid.sandbox.baseline import add_association, add_role, pods_trust
from podid.sandbox.box import Sandbox

ASSOCIATE = ("associate", "shop/orders", "--wait", "none")


def actions(stdout: str) -> list[tuple[str, str]]:
    return [(item["kind"], item["status"]) for item in json.loads(stdout)["actions"]]


def test_each_keeps_its_own_role(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_association(box.world, "shop", "orders", "orders-dynamodb")
    add_association(box.world, "shop", "cart", "storefront")
    before = {ref: association_of(box, ref).role_arn for ref in ("orders", "cart")}
    outcome = podid("associate", "shop/orders", "shop/cart", "--tag", "a=b", "--replace", "--wait", "none")
    assert outcome.code == 0, outcome
    assert {ref: association_of(box, ref).role_arn for ref in ("orders", "cart")} == before
    assert {tuple(box.world.tags[association_of(box, ref).arn].items()) for ref in before} == {(("a", "b"),)}


def test_a_new_association_needs_a_role(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_association(box.world, "shop", "orders", "orders-dynamodb")
    outcome = podid("associate", "shop/orders", "shop/cart", "--tag", "a=b", "--replace", "-o", "json")
    assert (outcome.code, writes(box)) == (2, 0)
    assert outcome.error["message"] == "shop/cart has no association yet: specify its role with --role, or create one"


def test_every_difference_is_told_at_once(box: Sandbox, podid: Podid, journal: Path) -> None:
    arn = add_association(box.world, "shop", "orders", "orders-dynamodb").role_arn
    add_association(box.world, "shop", "cart", "orders-dynamodb")
    other = arn.replace("apps/orders-dynamodb", "storefront").replace("orders-dynamodb", "storefront")
    outcome = podid(
        *("associate", "shop/orders", "shop/cart", "--role", "storefront", "--target-role", TARGET),
        *("--no-session-tags", "--tag", "a=b", "-o", "json"),
    )
    assert (outcome.code, writes(box)) == (6, 0)
    assert outcome.error["message"].endswith("with other settings; so is 1 other service account")
    assert outcome.error["details"] == [
        f"{ref} {line}"
        for ref in ("shop/orders", "shop/cart")
        for line in (
            f"role: {arn} -> {other}",
            f"target role: none -> {TARGET}",
            "session tags: on -> off",
            "tag a: none -> b",
        )
    ]


def test_a_role_is_not_its_own_target(box: Sandbox, podid: Podid, journal: Path) -> None:
    own = "arn:aws:iam::111122223333:role/"
    for line in (
        (*ASSOCIATE, "--role", "storefront", "--target-role", f"{own}storefront"),
        ("role", "create", "fresh", "--for", "shop/orders", "--path", "/a/", "--target-role", f"{own}a/fresh"),
        ("role", "create", "storefront", "--for", "shop/orders", "--target-role", f"{own}storefront", "--adopt"),
        (*ASSOCIATE, "--role", "fresh", "--create-role", "--target-role", f"{own}fresh"),
    ):
        outcome = podid(*line, "-c", "demo", "-o", "json")
        assert (outcome.code, writes(box)) == (2, 0), outcome
        assert "itself: omit --target-role" in outcome.error["message"]


def test_a_trust_that_is_wrong_already_stops_no_other_change(box: Sandbox, podid: Podid, journal: Path) -> None:
    """What EKS sees of the role stays the same, so the plan shows it; what would change it is refused."""
    narrow: dict[str, Any] = json.loads(json.dumps(pods_trust()))
    narrow["Statement"][0]["Condition"] = {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "pay"}}
    narrow["Statement"][0]["Sid"] = "OnlyPay"
    add_role(box.world, box.iam, "narrow", narrow)
    add_association(box.world, "shop", "orders", "narrow")
    tag = (*ASSOCIATE, "--tag", "a=b", "--replace", "-o", "json")
    (after,) = podid(*tag, "--dry-run").json["after"]
    assert (after["state"], after["id"], "OnlyPay" in after["reason"]) == (
        *("broken", "trust-condition-never-matches"),
        True,
    )
    tagged = podid(*tag)
    assert tagged.code == 0, tagged
    for command, mode in (
        ((*ASSOCIATE, "--role", "narrow"), "trust-condition-never-matches"),
        ((*ASSOCIATE, "--no-session-tags", "--replace"), "trust-request-tag-with-tags-disabled"),
    ):
        refused = podid(*command, "-o", "json")
        assert refused.code == 6, refused
        assert "OnlyPay" in refused.error["message"]
        assert refused.error["id"] == mode
        assert refused.error["hint"].endswith("--update-trust")
    state = account_state(box)
    fixed = podid(*ASSOCIATE, "--update-trust", "-o", "json")
    assert (fixed.code, actions(fixed.stdout)) == (0, [("role-trust", "done"), ("association", "unchanged")])
    assert account_state(box)["associations"] == state["associations"]
