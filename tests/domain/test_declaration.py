"""Positions in a file, service accounts of a declaration, and the limits of a guard."""

from typing import Any

from domain.values import ACCOUNT, CLUSTER, role_arn
from harness import table
from podid.domain.declaration import (
    Declaration,
    DeclaredAssociation,
    DeclaredRole,
    Guard,
    Position,
    PresetPolicy,
)
from podid.domain.trust import PodIdentity, ScopeKind, build_statement, parse_policy

AT = Position("shop.yaml", 3, 5)


def test_positions_in_words() -> None:
    assert [str(item) for item in (AT, Position("shop.yaml"), Position())] == ["shop.yaml:3:5", "shop.yaml", ""]
    role = DeclaredRole(name="orders", at=AT, places={"path": Position("shop.yaml", 4, 7)})
    assert (str(role.place("path")), role.place("tags")) == ("shop.yaml:4:7", AT)
    # the same content elsewhere is equal
    assert role == DeclaredRole(name="orders")


@table(
    ("namespace", "name", "selector", "one"),
    [
        ("shop", "orders", "", True),
        ("shop", "ord*", "", False),
        ("s[ha]op", "orders", "", False),
        ("shop", "orders", "app=x", False),
    ],
)
def test_the_service_account_of_an_association(namespace: str, name: str, selector: str, one: bool) -> None:
    item = DeclaredAssociation(namespace=namespace, name=name, selector=selector, role="orders")
    assert (item.ref is not None) is one
    assert item.service_account == f"{namespace}/{name}"


def test_a_preset_as_an_option_writes_it() -> None:
    policy = PresetPolicy(preset="s3-read", parameters={"bucket": ("a", "b"), "prefix": ("x",)})
    assert policy.choice == "s3-read,bucket=a,bucket=b,prefix=x"


def test_the_owner_tag() -> None:
    assert Declaration(name="shop").owner_tag == {"podid:owner": "shop"}
    assert Declaration(name="shop", owner_key="team").owner_tag == {"team": "shop"}


# --- guard ------------------------------------------------------------------------------------------------------------

ROLES = [role_arn("team/shop-orders"), role_arn("admin")]


@table(
    ("patterns", "forbidden"),
    [
        (None, []),
        ((), ["shop-orders", "admin"]),
        (("shop-*",), ["admin"]),
        ((f"arn:aws:iam::{ACCOUNT}:role/team/*", "ADMIN"), ["admin"]),
        (("*",), []),
    ],
)
def test_roles_and_policies_that_a_guard_allows(patterns: tuple[str, ...] | None, forbidden: list[str]) -> None:
    roles = Guard(allowed_roles=patterns).roles_breach(ROLES)
    assert list(roles) == [("allowedRoles", f"role {name} is not allowed") for name in forbidden]
    policies = Guard(allowed_policies=patterns).policies_breach(ROLES)
    assert list(policies) == [("allowedPolicies", f"policy {name} is not allowed") for name in forbidden]


def scopes(*raws: dict[str, Any], allowed: tuple[ScopeKind, ...] | None = ()) -> list[str]:
    statements = parse_policy({"Version": "2012-10-17", "Statement": list(raws)}).statements
    return [reason.split()[1] for _, reason in Guard(allowed_scopes=allowed).scopes_breach(statements)]


POD = PodIdentity(CLUSTER, "shop", "orders")


@table("scope", [kind for kind in ScopeKind if kind is not ScopeKind.ANY])
def test_the_scope_of_each_statement_of_podid(scope: ScopeKind) -> None:
    raw = build_statement(POD, scope)
    assert scopes(raw) == [scope.value]
    assert scopes(raw, allowed=(scope,)) == []
    assert scopes(raw, allowed=None) == []


def test_a_condition_with_a_pattern_or_several_values_does_not_limit_the_scope() -> None:
    def with_names(value: Any, operator: str = "StringEquals") -> dict[str, Any]:
        names = {"aws:RequestTag/kubernetes-namespace": "shop", "aws:RequestTag/kubernetes-service-account": value}
        condition = {"ArnEquals": {"aws:SourceArn": CLUSTER}, operator: names}
        return {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": condition,
        }

    assert scopes(with_names("orders")) == ["service-account"]
    assert scopes(with_names(["orders", "orders"])) == ["service-account"]
    assert scopes(with_names(["orders", "cart"])) == ["namespace"]
    assert scopes(with_names("ord*", "StringLike")) == ["namespace"]
    assert scopes(with_names("orders", "StringNotEquals")) == ["cluster"]
    assert scopes({key: value for key, value in with_names("x").items() if key != "Condition"}) == ["any"]
    # a Deny, sts:TagSession alone, and a statement for other services, allow no pod
    assert scopes(with_names("x") | {"Effect": "Deny"}) == []
    assert scopes(with_names("x") | {"Action": "sts:TagSession"}) == []
    assert scopes(with_names("x") | {"Action": ["sts:TagSession", "sts:Assume*"]}) == ["service-account"]
    assert scopes(with_names("x") | {"Principal": {"Service": "ec2.amazonaws.com"}}) == []


def test_boundaries_tags_and_the_default_service_account() -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/limits"
    for required in ("limits", boundary):
        guard = Guard(required_boundary=required)
        assert list(guard.boundary_breach(boundary)) == []
        assert [key for key, _ in guard.boundary_breach("")] == ["requiredBoundary"]
    assert list(Guard().boundary_breach("")) == []
    guard = Guard(required_tags={"team": "shop-*", "env": "*"})
    assert list(guard.tags_breach({"team": "shop-a", "env": ""})) == []
    assert [reason for _, reason in guard.tags_breach({"team": "other"})] == [
        "the tag team=shop-* is required",
        "the tag env=* is required",
    ]
    assert list(Guard().accounts_breach(["default"])) == []
    strict = Guard(default_accounts=False)
    assert [key for key, _ in strict.accounts_breach(["orders", "default"])] == ["defaultAccounts"]
    assert list(strict.accounts_breach(["orders"])) == []
