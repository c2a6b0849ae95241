"""Plans of new and existing roles: derived names, actions, and conflicts with the required options."""

from dataclasses import replace
from typing import Any

import pytest

from harness import table
from ops.role.support import SQS
from podid.domain.aws import AttachedPolicy, Cluster, Role, RolePolicies
from podid.domain.errors import Again, Conflict, Other
from podid.domain.names import ServiceAccountRef
from podid.domain.owners import MANAGED_BY
from podid.domain.plan import Header, Plan
from podid.domain.trust import ScopeKind
from podid.ops.role.create import derived_name, named, new_role, plan_role
from podid.ops.role.request import PermissionOptions, RoleOptions, RoleRequest
from quotas import DEFAULTS
from worlds import ACCOUNT, CLUSTER_ARN, ORDERS, POLICY, ROLE_ARN, trust_for

CLUSTER = Cluster(name="demo", arn=CLUSTER_ARN, version="1.35", status="ACTIVE")
HEADER = Header(caller_arn="arn", account=ACCOUNT, region="us-west-2", cluster="demo")
CART = ServiceAccountRef("shop", "cart")
S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
CURRENT = Role(
    name="shop-orders",
    arn=ROLE_ARN,
    role_id="AROA",
    path="/",
    trust=trust_for(ORDERS),
    description="old",
    tags={**MANAGED_BY, "team": "a"},
)
REQUEST = RoleRequest(name="shop-orders", refs=(ORDERS,))


# --- names ------------------------------------------------------------------------------------------------------------


@table(
    ("refs", "scope", "name"),
    [
        ((ORDERS,), "service-account", "demo-shop-orders"),
        ((ORDERS, CART), "namespace", "demo-shop"),
        ((ORDERS,), "cluster", "demo-pods"),
        ((ORDERS,), "account", "account-any-cluster"),
    ],
)
def test_a_name_is_derived(refs: tuple[ServiceAccountRef, ...], scope: str, name: str) -> None:
    assert derived_name(CLUSTER, refs, ScopeKind(scope)) == name
    assert named(RoleRequest(refs=refs, scope=scope), CLUSTER).name == name
    assert named(replace(REQUEST, scope=scope), CLUSTER).name == "shop-orders"


def test_names_of_many_and_long_service_accounts_differ() -> None:
    long = [ServiceAccountRef("n" * 60, f"{'s' * 60}-{end}") for end in ("one", "two")]
    requests = [(long[0],), (long[1],), tuple(long), (ORDERS, CART), (ORDERS, ServiceAccountRef("web", "app"))]
    names = [derived_name(CLUSTER, refs, ScopeKind.SERVICE_ACCOUNT) for refs in requests]
    assert [len(name) for name in names] == [64, 64, 64, 25, 25]
    assert len(set(names)) == 5
    other = replace(CLUSTER, arn=CLUSTER_ARN.replace("us-west-2", "eu-west-1"))
    assert derived_name(other, (ORDERS, CART), ScopeKind.SERVICE_ACCOUNT) != names[3]


# --- a new role -------------------------------------------------------------------------------------------------------


def test_a_new_role_is_created_with_its_policies() -> None:
    request = replace(REQUEST, policies={"read": POLICY}, managed_policy_arns=(S3,), tags={"team": "shop"})
    role, policy, attachment = new_role(request, CLUSTER, DEFAULTS)
    assert [action.kind for action in (role, policy, attachment)] == ["role", "role-policy", "role-attachment"]
    assert role.after is not None
    assert role.after["tags"] == {**MANAGED_BY, "team": "shop"}
    (statement,) = role.after["trustPolicy"]["Statement"]  # type: ignore[index]
    assert {name: value for name, value in statement.items() if name != "Sid"} == trust_for(ORDERS)["Statement"][0]
    assert role.note == "trust: only shop/orders in cluster demo"
    assert plan_role(request, CLUSTER, HEADER, None, RolePolicies(), ours=False, quota=DEFAULTS).actions == (
        role,
        policy,
        attachment,
    )


def test_a_tag_replaces_that_of_the_same_key_in_other_case() -> None:
    action, *_ = new_role(replace(REQUEST, tags={"Managed-By": "us"}), CLUSTER, DEFAULTS)
    assert (action.after or {})["tags"] == {"Managed-By": "us"}
    plan = planned(replace(REQUEST, tags={"Team": "b"}, replace=True))
    assert (plan.actions[0].after or {})["tags"] == {"managed-by": "podid", "Team": "b"}


def test_a_wide_scope_needs_one_statement() -> None:
    (role,) = new_role(replace(REQUEST, refs=(ORDERS, CART), scope="namespace"), CLUSTER, DEFAULTS)
    assert role.after is not None
    assert len(role.after["trustPolicy"]["Statement"]) == 1  # type: ignore[index]
    assert role.note == "trust: any pod in namespace shop in cluster demo"


# --- an existing role -------------------------------------------------------------------------------------------------

POLICIES = RolePolicies(inline={"read": POLICY})


def planned(request: RoleRequest, *, ours: bool = True, half_made: bool = False, role: Role = CURRENT) -> Plan:
    return plan_role(request, CLUSTER, HEADER, role, POLICIES, ours=ours, half_made=half_made, quota=DEFAULTS)


def test_a_role_as_requested_is_unchanged() -> None:
    request = replace(REQUEST, policies={"read": POLICY}, settings=RoleOptions(description="old"), tags={"team": "a"})
    plan = planned(request)
    assert (plan.actions, [action.kind for action in plan.unchanged]) == ((), ["role", "role-policy"])


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "policy": ({"policies": {"read": SQS}}, "update role-policy"),
    "description": ({"settings": RoleOptions(description="of the shop")}, "update role-settings"),
    "session": ({"settings": RoleOptions(max_session_seconds=7200)}, "update role-settings"),
    "boundary": ({"settings": RoleOptions(boundary=S3)}, "update role-settings"),
    "tag": ({"tags": {"team": "shop"}}, "update role-settings"),
    "tag and policy": ({"tags": {"a": "b"}, "policies": {"more": SQS}}, "update role-settings"),
}


@table("name", CHANGES)
def test_other_settings_require_replace(name: str) -> None:
    members, change = CHANGES[name]
    request = replace(REQUEST, **members)
    with pytest.raises(Conflict, match="Role shop-orders exists and differs from the request: ") as error:
        planned(request)
    assert error.value.hint == Again(add=("--replace",))
    if name == "policy":
        assert '  +      "Action": "sqs:*",' in error.value.lines
    if name == "description":
        assert "shop-orders description: old -> of the shop" in error.value.lines
    plan = planned(replace(request, replace=True))
    assert f"{plan.actions[0].verb} {plan.actions[0].kind}" == change
    with pytest.raises(Conflict, match="was not created by podid") as error:
        planned(replace(request, replace=True), ours=False)
    assert error.value.hint == Again(add=("--adopt",))
    assert planned(replace(request, replace=True, adopt=True), ours=False).actions == plan.actions


@table(
    ("members", "options"),
    [
        (
            {"policies": {"more": SQS}, "permissions": PermissionOptions(policy_files=("m.json",))},
            "--policy-file m.json",
        ),
        (
            {"managed_policy_arns": (S3,), "permissions": PermissionOptions(managed_policies=("S3",))},
            "--managed-policy S3",
        ),
    ],
)
def test_missing_policies_are_attached_by_another_command(members: dict[str, Any], options: str) -> None:
    request = replace(REQUEST, **members)
    with pytest.raises(Conflict) as error:
        planned(request)
    assert error.value.hint == Other(("role", "attach"), ("shop-orders",), tuple(options.split()))
    assert len(planned(request, half_made=True).actions) == 1  # an earlier run did not complete the role


def test_a_policy_for_a_target_role_is_not_attached_by_another_command() -> None:
    with pytest.raises(Conflict) as error:
        planned(REQUEST.chaining({"assume-reports": SQS}))
    assert error.value.hint == Again(add=("--replace",))


def test_another_path_is_a_conflict() -> None:
    with pytest.raises(Conflict, match="its path is /, not /team/"):
        planned(replace(REQUEST, settings=RoleOptions(path="/team/")))
    assert planned(REQUEST, role=replace(CURRENT, path="/team/")).actions == ()


def test_a_trust_policy_that_does_not_allow_a_service_account() -> None:
    both = replace(REQUEST, refs=(ORDERS, CART))
    with pytest.raises(Conflict, match="its trust policy does not allow shop/orders, shop/cart") as error:
        planned(both)
    assert error.value.hint == Again(add=("--update-trust",))
    with pytest.raises(Conflict) as error:
        planned(both, ours=False)
    assert error.value.hint == Again(add=("--update-trust", "--adopt"))
    assert [action.kind for action in planned(replace(both, update_trust=True)).actions] == ["role-trust"]


def test_other_policies_and_other_pods_are_notes() -> None:
    attached = RolePolicies(inline={"read": POLICY}, attached=(AttachedPolicy("S3", S3),))
    request = replace(REQUEST, policies={"more": SQS}, replace=True, refs=(CART,), update_trust=True)
    plan = plan_role(request, CLUSTER, HEADER, CURRENT, attached, ours=True, quota=DEFAULTS)
    assert plan.notes == (
        "role shop-orders also allows shop/orders in cluster demo, not only shop/cart",
        "role shop-orders keeps its other policies: read, AmazonS3ReadOnlyAccess; podid role detach removes them",
    )
