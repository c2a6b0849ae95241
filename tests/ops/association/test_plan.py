"""Changes of associations that exist."""

import json
from pathlib import Path
from typing import Any

import pytest

from checks.builder import association
from harness import Podid, table
from ops.association.worlds import ARN, TARGET, association_of
from ops.change.support import account_state, writes
from podid.domain.aws import Association
from podid.domain.errors import Conflict, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action
from podid.ops.association.plan import all_tagged, changed_associations, differences, plan_one
from podid.ops.association.request import DesiredAssociation, Settings
from podid.ops.change.kinds import ASSOCIATION
from podid.ops.change.kinds.association import late_changes
from podid.ops.role.resolve import ResolvedRole
from podid.sandbox.baseline import add_association, add_role, pods_trust
from podid.sandbox.box import Sandbox
from worlds import ORDERS

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


def test_the_conflict_lists_every_difference(box: Sandbox, podid: Podid, journal: Path) -> None:
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
    """A change of tags does not affect the role. A change of the role or of session tags is refused."""
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


# --- one association, without a call ----------------------------------------------------------------------------------

ROLE = ResolvedRole(f"{ARN}orders", None)
OWN = association()
DOCUMENT = {"Version": "2012-10-17", "Statement": []}


def planned(existing: Association | None = None, **settings: Any) -> Action:
    role = ResolvedRole(settings.pop("role", existing.role_arn if existing else ROLE.arn), None)
    return plan_one(DesiredAssociation(ORDERS, role, Settings(**settings)), existing)


def test_a_new_association_has_only_the_settings_of_the_request() -> None:
    new = planned(target_role_arn=TARGET, tags={"a": "b"})
    assert new.before is None
    assert new.after == {
        "namespace": "shop",
        "serviceAccount": "orders",
        "roleArn": ROLE.arn,
        "targetRoleArn": TARGET,
        "disableSessionTags": False,
        "policy": None,
        "tags": {"a": "b"},
    }


@table(
    ("existing", "settings", "lines"),
    [
        ({}, {}, ()),
        ({}, {"tags": {"a": "b"}}, ("tag a: none -> b",)),
        ({"tags": {"a": "b", "c": "d"}}, {"untag": ("a", "x")}, ("tag a: b -> none",)),
        ({}, {"role": f"{ARN}x"}, (f"role: {OWN.role_arn} -> {ARN}x",)),
        ({"target_role_arn": TARGET}, {"target_role_arn": ""}, (f"target role: {TARGET} -> none",)),
        ({"target_role_arn": TARGET}, {}, ()),
        ({}, {"disable_session_tags": True}, ("session tags: on -> off",)),
        # the same policy in another notation is no change
        (
            {"policy": json.dumps(DOCUMENT), "disable_session_tags": True},
            {"policy": json.dumps(DOCUMENT, indent=2)},
            (),
        ),
    ],
)
def test_a_setting_without_a_value_stays(
    existing: dict[str, Any], settings: dict[str, Any], lines: tuple[str, ...]
) -> None:
    action = planned(association(**existing), **settings)
    assert differences(action) == lines
    assert (action.before != action.after) is bool(lines)


@table(
    ("existing", "settings", "error", "message"),
    [
        (None, {"policy": "{}"}, Conflict, "has a session policy, which EKS does not accept with session tags"),
        (
            association(policy="{}", disable_session_tags=True),
            {"disable_session_tags": False},
            Conflict,
            "has a session policy",
        ),
        (None, {"target_role_arn": ROLE.arn}, UsageError, "is the role of the association itself"),
        (
            association(owner_arn="arn:aws:eks:eu-west-1:111122223333:addon/prod/vpc-cni/1"),
            {"tags": {"a": "b"}},
            Conflict,
            "The add-on vpc-cni owns the association of shop/orders",
        ),
    ],
)
def test_settings_that_eks_does_not_accept(
    existing: Association | None, settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        planned(existing, **settings)


def test_an_add_ons_association_that_does_not_change_is_no_conflict() -> None:
    action = planned(association(owner_arn="arn:aws:eks:eu-west-1:111122223333:addon/prod/vpc-cni/1"))
    assert action.before == action.after


def test_pods_are_affected_by_every_setting_except_tags() -> None:
    tagged, moved, new = planned(OWN, tags={"a": "b"}), planned(OWN, role=f"{ARN}x"), planned()
    gone = ASSOCIATION.action(ASSOCIATION.state_of(association("shop", "cart")), None)
    assert [late_changes([action]) for action in (tagged, gone, moved, new)] == [[], [], [ORDERS], [ORDERS]]
    assert changed_associations((moved, gone)) == (
        [ORDERS],
        [ServiceAccountRef("shop", "cart")],
    )


def test_one_statement_requires_the_same_session_tags_of_all() -> None:
    cart = ServiceAccountRef("shop", "cart")
    assert all_tagged({ORDERS: Settings()}, {ORDERS: None}) is True
    assert all_tagged({ORDERS: Settings(disable_session_tags=True)}, {ORDERS: OWN}) is False
    with pytest.raises(Conflict, match="require separate commands"):
        all_tagged({ORDERS: Settings(), cart: Settings(disable_session_tags=True)}, {ORDERS: None, cart: None})
