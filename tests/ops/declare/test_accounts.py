"""Service accounts of files and of annotations: patterns, conflicts, and roles within allowedRoles."""

import json

import pytest

from harness import table
from ops.declare.worlds import ARN, READ, Annotated, Filed
from podid.domain.declaration import Declaration, DeclaredAssociation
from podid.domain.names import ServiceAccountRef
from podid.ops.declare.accounts import DeclaredAccount, DeclaredAccounts
from worlds import Site


def test_an_annotation_is_a_declared_association(annotated: Annotated) -> None:
    annotated.annotate("orders", role="storefront")
    annotated.annotate("cart", role=f"{ARN}storefront", session_policy=json.dumps(READ))
    plan = annotated("plan", "-o", "json")
    assert (plan.code, plan.json["refused"]) == (3, []), plan
    assert [item["target"] for item in plan.json["created"]] == ["shop/cart", "shop/orders"]
    assert annotated.site("plan", "-f", str(annotated.path)).code == 0  # not without the option
    assert annotated("apply", "--wait", "none").code == 0
    live = annotated.associations()
    assert (live["shop/orders"]["role"], live["shop/orders"]["tags"]) == (f"{ARN}storefront", {"podid:owner": "teams"})
    assert (live["shop/cart"]["untagged"], live["shop/cart"]["policy"]) == (True, READ)
    assert annotated("plan").code == 0
    annotated.site.cluster.merge(
        "/api/v1/namespaces/shop/serviceaccounts/orders", {"metadata": {"annotations": {"podid.dev/role": None}}}
    )
    assert annotated("apply", "--wait", "none", "--prune", "--yes").code == 0
    assert list(annotated.associations()) == ["shop/cart"]


def test_a_role_that_is_not_allowed_is_refused_by_itself(annotated: Annotated) -> None:
    annotated.annotate("orders", role="billing-worker")  # under /apps/
    annotated.annotate("cart", role="storefront")
    annotated.allow(f"{ARN}storefront", f"{ARN}billing-*")
    plan = annotated("plan", "-o", "json")
    assert plan.code == 8, plan
    (refused,) = plan.json["refused"]
    assert (refused["namespace"], refused["serviceAccount"]) == ("shop", "orders")
    assert refused["reason"] == "allowedRoles does not allow billing-worker"
    outcome = annotated("apply", "--wait", "none")
    assert outcome.code == 8
    assert "service account shop/orders: its annotations are ignored" in outcome.stderr
    assert list(annotated.associations()) == ["shop/cart"]
    # also if nothing is left to change
    outcome = annotated("apply", "--wait", "none", "-o", "json")
    assert (outcome.code, outcome.json["actions"], outcome.json["refused"]) == (8, [], [refused])
    (line,) = annotated("reconcile", "--once", "-o", "json").json["notes"]
    assert (
        line == "service account shop/orders: its annotations are ignored: allowedRoles does not allow billing-worker"
    )
    annotated.allow(f"{ARN}storefront", f"{ARN}apps/billing-*")
    assert annotated("plan", "-o", "json").code in (3, 6)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"role": "no/role"}, "is a path and a role name"),
        ({"role": "nosuch"}, "role nosuch does not exist"),
        ({"role": "arn:aws:s3:::x"}, "is not the ARN of an IAM role"),
        (
            {"role": "storefront", "target_role": "arn:aws:iam::444455556666:role/admin"},
            "does not allow arn:aws:iam::444455556666:role/admin",
        ),
        ({"role": "storefront", "session_policy": "{"}, ""),
    ],
)
def test_values_that_cannot_be_used_are_refused(annotated: Annotated, values: dict[str, str], reason: str) -> None:
    annotated.annotate("orders", **values)
    plan = annotated("plan", "-o", "json")
    assert plan.code == 8, plan
    assert reason in plan.json["refused"][0]["reason"]
    assert plan.json["created"] == []


def test_nothing_is_pruned_while_an_annotation_is_refused(annotated: Annotated) -> None:
    annotated.annotate("orders", role="storefront")
    assert annotated("apply", "--wait", "none").code == 0
    annotated.annotate("orders", role="nosuch")
    assert annotated("apply", "--wait", "none", "--prune", "--yes").code == 8
    assert list(annotated.associations()) == ["shop/orders"]


def test_a_declared_service_account_keeps_its_declaration(annotated: Annotated) -> None:
    annotated.allow(f"{ARN}storefront*", associations=[{"serviceAccount": "shop/orders", "role": "storefront"}])
    annotated.annotate("orders", role="billing-worker")
    plan = annotated("plan", "-o", "json")
    assert (plan.code, plan.json["refused"]) == (3, [])


def test_the_option_needs_allowed_roles_and_the_cluster(annotated: Annotated) -> None:
    annotated.allow()
    outcome = annotated("plan")
    assert outcome.code == 2
    assert "requires allowedRoles" in outcome.stderr
    annotated.allow("*")
    annotated.annotate("orders", role="storefront")
    plan = annotated.site(
        *("plan", "-f", str(annotated.path), "--from-annotations", "-o", "json"), env=annotated.site.user("none", [])
    )
    assert plan.code == 9
    assert plan.json["unread"][0]["target"] == "annotations of service accounts"


def test_patterns_match_live_service_accounts(healthy: Site) -> None:
    filed = Filed(healthy)
    filed.write(
        associations=[
            {"serviceAccount": "payments/b*", "role": "storefront"},
            {"serviceAccount": "*/nobody*", "role": "storefront"},
        ]
    )
    document = filed.plan(code=3)
    assert [item["target"] for item in document["created"]] == ["payments/billing-worker"]
    assert any("no service account matches */nobody*" in note for note in document["notes"])
    filed.write(associations=[{"serviceAccount": "*/*", "role": "storefront"}])
    targets = [item["target"] for item in filed.plan("--adopt", code=3)["created"]]
    assert targets
    assert not [name for name in targets if name.startswith(("kube-system/", "default/")) or name.endswith("/default")]
    filed.write(associations=[{"serviceAccount": "shop/default", "role": "storefront"}])
    assert [item["target"] for item in filed.plan(code=3)["created"]] == ["shop/default"]


def declared(declaration: Declaration, account: str, role: str = "a") -> DeclaredAccount:
    """Return shop/web as an association of `account`, which may be a pattern, declares it."""
    namespace, _, name = account.partition("/")
    item = DeclaredAssociation(namespace=namespace, name=name, role=role)
    return DeclaredAccount(declaration, item, ServiceAccountRef("shop", "web"))


ONE, OTHER = Declaration(name="one"), Declaration(name="other")


@table(
    ("first", "second", "conflicts"),
    [
        (declared(ONE, "shop/web"), declared(ONE, "shop/*", "b"), 0),  # a spelled-out account takes precedence
        (declared(ONE, "shop/*"), declared(ONE, "*/web"), 0),
        (declared(ONE, "shop/*"), declared(ONE, "*/web", "b"), 1),
        (declared(ONE, "shop/web"), declared(OTHER, "shop/web"), 1),
    ],
)
def test_a_second_declaration_is_a_conflict(first: DeclaredAccount, second: DeclaredAccount, conflicts: int) -> None:
    accounts = DeclaredAccounts()
    accounts.add(first)
    accounts.add(second)
    assert (accounts.by_ref, len(accounts.conflicts)) == ({first.ref: first}, conflicts)


def test_a_selector_that_kubernetes_rejects_has_its_place(site: Site) -> None:
    filed = Filed(site)
    filed.write(associations=[{"serviceAccount": "shop/*", "selector": "app in (", "role": "storefront"}])
    outcome = filed("plan")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"{filed.path}:7:13: selector: 'app in (' is not valid: " in outcome.stderr
