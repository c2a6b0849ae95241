"""Annotations that cannot be used: podid ignores each by itself, and nobody else's association depends on them."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.declare.worlds import ARN, READ, Annotated
from podid.domain.trust import PodIdentity, new_policy
from worlds import ACCOUNT, CLUSTER_ARN

INVALID = {**READ, "Statement": [{"Effect": "Allow", "Action": "iam:GetRolle", "Resource": "*"}]}
LONG = {**READ, "Statement": [{"Effect": "Allow", "Action": [f"s3:Get{n}" for n in range(400)], "Resource": "*"}]}
# name of a service account -> its annotations, and a part of the reason why podid ignores them
BAD: Mapping[str, tuple[dict[str, str], str]] = {
    "another-account": ({"role": "arn:aws:iam::999999999999:role/storefront"}, "is in account 999999999999"),
    "another-partition": ({"role": f"arn:aws-cn:iam::{ACCOUNT}:role/storefront"}, "does not exist"),
    "another-path": ({"role": f"{ARN}other/storefront"}, "does not exist"),
    "another-service": ({"role": "arn:aws:s3:::storefront"}, "is not the ARN of an IAM role"),
    "not-an-arn": ({"role": "arn:"}, "is not an ARN"),
    "garbage": ({"role": "%s {{x}} $(id)"}, "is not an IAM role name"),
    "empty": ({"role": ""}, "is not an IAM role name"),
    "too-long": ({"role": "x" * 100_000}, "has 100,000 characters"),
    "control": ({"role": "\x1b[31mstorefront\x00"}, "is not an IAM role name"),
    "control-in-arn": ({"role": f"{ARN}\x1b[2K/storefront"}, "is not the ARN of an IAM role"),
    "unicode": ({"role": "storefro\u0578t\u202e"}, "is not an IAM role name"),
    "unicode-in-arn": ({"role": f"{ARN}\uff0f/storefront"}, "is not the ARN of an IAM role"),
    "wildcard": ({"role": f"{ARN}*/storefront"}, "has a wildcard"),
    "no-role": ({"role": "nosuch"}, "role nosuch does not exist"),
    "not-allowed": ({"role": "billing-worker"}, "allowedRoles does not allow billing-worker"),
    "target-not-allowed": ({"role": "storefront", "target-role": "arn:aws:iam::444455556666:role/x"}, "not allow arn:"),
    "target-garbage": ({"role": "storefront", "target-role": "x"}, "is not an ARN"),
    "target-itself": ({"role": "storefront", "target-role": f"{ARN}storefront"}, "is the role of the association"),
    "target-wildcard": ({"role": "storefront", "target-role": f"{ARN}a?/storefront"}, "has a wildcard"),
    "policy-garbage": ({"role": "storefront", "session-policy": "{"}, "this is not JSON"),
    "policy-not-a-policy": ({"role": "storefront", "session-policy": "[1]"}, "is not a policy document"),
    "policy-nested": ({"role": "storefront", "session-policy": "[" * 5000}, "nested too deeply"),
    "policy-too-long": ({"role": "storefront", "session-policy": json.dumps(LONG)}, "EKS allows"),
    "policy-invalid": ({"role": "storefront", "session-policy": json.dumps(INVALID)}, "Access Analyzer rejects"),
    "trust": ({"role": "storefront-closed"}, "does not allow shop/trust to assume the role"),
    "guarded": ({"role": "storefront-guarded"}, "guard.allowedRoles: create association shop/guarded"),
    "declared-path": ({"role": f"{ARN}other/storefront-declared"}, "is not the ARN of the declared role"),
}
# the roles that the file allows, all of which a hostile annotation may name
ALLOWED = ("arn:*:iam::*:role/*storefront*",)


@pytest.fixture
def teams(annotated: Annotated) -> Annotated:
    """The annotations of a good service account, shop/cart, and a file with a role and a guard."""
    client = annotated.site.aws("iam")
    closed = new_policy(PodIdentity(CLUSTER_ARN, "shop", "nobody"))
    whole = client.get_role(RoleName="storefront")["Role"]["AssumeRolePolicyDocument"]
    for name, document in (("storefront-closed", closed.document), ("storefront-guarded", whole)):
        client.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))
    annotated.annotate("cart", role="storefront")
    guard = {"allowedRoles": ["storefront", "storefront-closed", "storefront-declared"]}
    annotated.allow(*ALLOWED, guard=guard, roles=[{"name": "storefront-declared"}])
    return annotated


def with_account(teams: Annotated, name: str, notes: Mapping[str, str]) -> None:
    annotations = {f"podid.dev/{key}": value for key, value in notes.items()}
    account = {"metadata": {"name": name, "annotations": annotations}}
    teams.site.cluster.post("/api/v1/namespaces/shop/serviceaccounts", account)


def test_each_bad_annotation_is_named_and_the_rest_goes_on(teams: Annotated) -> None:
    for name, (notes, _) in BAD.items():
        with_account(teams, name, notes)
    plan = teams("plan", "-o", "json")
    reasons = {item["serviceAccount"]: item["reason"] for item in plan.json["refused"]}
    assert (plan.code, sorted(reasons)) == (8, sorted(BAD)), plan
    assert {name: reason for name, reason in reasons.items() if BAD[name][1] not in reason} == {}
    assert max(map(len, reasons.values())) < 600
    assert [item["target"] for item in plan.json["created"] if item["kind"] == "association"] == ["shop/cart"]
    assert plan.json["conflicts"] == []
    for command, *words in (("plan",), ("diff",), ("reconcile", "--once", "-v"), ("apply", "--dry-run")):
        outcome = teams(command, *words)
        assert outcome.code == 8, outcome
        assert [name for name in BAD if f"shop/{name}: its annotations are ignored" not in str(outcome)] == []
        assert not {"\x1b", "\x00", "\u202e"} & {*outcome.stdout, *outcome.stderr}
    assert teams.associations() == {}
    applied = teams("apply", "--wait", "none", "-o", "json")
    assert (applied.code, applied.json["refused"]) == (8, plan.json["refused"])
    assert [item["status"] for item in applied.json["actions"]] == ["done"]
    assert list(teams.associations()) == ["shop/cart"]
    again = teams("reconcile", "--once", "--apply", "-o", "json")
    assert (again.code, again.json["state"], again.json["refused"]) == (8, "in-sync", len(BAD))


def test_an_association_of_somebody_else_is_left(teams: Annotated) -> None:
    assert teams.site("associate", "shop/orders", "--role", "storefront-guarded", "--wait", "none").code == 0
    teams.annotate("orders", role="storefront")
    outcome = teams("apply", "--wait", "none", "-o", "json")
    (refused,) = outcome.json["refused"]
    assert (outcome.code, refused["serviceAccount"], "association shop/orders" in refused["reason"].lower()) == (
        *(8, "orders", True),
    )
    live = teams.associations()
    assert (live["shop/orders"]["role"], live["shop/cart"]["role"]) == (f"{ARN}storefront-guarded", f"{ARN}storefront")


def test_annotations_cannot_fill_the_trust_policy_of_a_declared_role(teams: Annotated) -> None:
    """Everyone who can create service accounts could otherwise prevent every change of the file."""
    with_account(teams, "first", {"role": "storefront-declared"})
    assert teams("apply", "--wait", "none").code == 0
    for number in range(12):
        with_account(teams, f"many-{number}", {"role": "storefront-declared"})
    outcome = teams("apply", "--wait", "none", "-o", "json")
    assert outcome.code == 8, outcome
    assert {item["serviceAccount"] for item in outcome.json["refused"]} >= {f"many-{number}" for number in range(12)}
    assert list(teams.associations()) == ["shop/cart", "shop/first"]


def test_a_role_that_cannot_be_read_is_unread(teams: Annotated) -> None:
    teams.site.box.world.credentials.deny("iam:GetRole")
    outcome = teams("plan", "-o", "json")
    assert (outcome.code, outcome.json["refused"]) == (9, []), outcome
    targets = [item["target"] for item in outcome.json["unread"]]
    assert "role that service account shop/cart requests" in targets


VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from([value for notes, _ in BAD.values() for value in notes.values() if len(value) < 500]),
    st.builds("{}{}".format, st.sampled_from(["arn:aws:iam::", ARN, "storefront"]), st.text(max_size=20)),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(role=VALUES, target=st.none() | VALUES, policy=st.none() | VALUES | st.just(json.dumps(READ)))
def test_no_annotation_affects_another_service_account(
    teams: Annotated, role: str, target: str | None, policy: str | None
) -> None:
    values = {"role": role, "target-role": target, "session-policy": policy}
    notes = {f"podid.dev/{key}": value for key, value in values.items()}
    path = "/api/v1/namespaces/shop/serviceaccounts/orders"
    teams.site.cluster.merge(path, {"metadata": {"annotations": notes}})
    plan = teams("plan", "-o", "json")
    refused = [item["serviceAccount"] for item in plan.json["refused"]]
    created = [item["target"] for item in plan.json["created"] if item["kind"] == "association"]
    assert (plan.code, refused, created) in (
        (8, ["orders"], ["shop/cart"]),
        (3, [], ["shop/cart", "shop/orders"]),
    ), plan


def test_roles_of_other_accounts_require_a_pattern_of_arns(annotated: Annotated) -> None:
    target = "arn:aws:iam::444455556666:role/storefront"
    annotated.annotate("orders", role="storefront", **{"target-role": target})
    annotated.allow("storefront*")
    (refused,) = annotated("plan", "-o", "json").json["refused"]
    assert refused["reason"] == f"allowedRoles does not allow {target}"
    annotated.allow("storefront*", "arn:aws:iam::444455556666:role/*")
    assert annotated("plan", "-o", "json").json["refused"] == []


def test_a_pattern_that_matches_no_role_is_a_mistake_of_the_file(annotated: Annotated) -> None:
    annotated.allow("storefront", "role/shop-*", guard={"allowedRoles": ["shop-[ab]"], "allowedPolicies": ["a:b"]})
    outcome = annotated("plan")
    assert outcome.code == 2, outcome
    for text in ("'role/shop-*' matches no IAM role", "'shop-[ab]' matches no IAM role", "'a:b' matches no IAM policy"):
        assert text in outcome.stderr, outcome
