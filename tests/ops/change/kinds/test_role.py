"""Roles: a plan that was applied is empty, and its undo restores the previous state."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from harness import examples, table
from ops.change.plan_world import CI, CLUSTER, HEADER, OPEN, World, ref_lists, scopes, tags
from podid.domain.aws import Association, Role, RolePolicies
from podid.domain.errors import Conflict
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Plan
from podid.ops.change.kinds import ADDON, ADDON_ASSOCIATIONS, ASSOCIATION
from podid.ops.change.kinds.role import ROLE
from podid.ops.change.users import uses_after
from podid.ops.role.create import plan_role
from podid.ops.role.request import RoleOptions, RoleRequest
from podid.ops.role.uses import Uses
from quotas import DEFAULTS

documents = st.sampled_from(["s3:GetObject", "sqs:*"]).map(
    lambda action: {"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
)


arns = st.lists(st.sampled_from([f"arn:aws:iam::aws:policy/P{n}" for n in range(3)]), max_size=2, unique=True)


role_requests = st.builds(
    RoleRequest,
    name=st.just("shop-orders"),
    refs=ref_lists,
    scope=scopes,
    settings=st.builds(RoleOptions, description=st.sampled_from(["", "for the shop"])),
    tags=tags,
    policies=st.dictionaries(st.sampled_from(["read", "write"]), documents, max_size=2),
    managed_policy_arns=arns.map(tuple),
    update_trust=st.just(True),
    adopt=st.just(True),
    replace=st.just(True),
)


@settings(max_examples=examples(15))
@given(st.lists(role_requests, min_size=1, max_size=3), st.sampled_from([None, OPEN, CI]))
def test_role_plans_are_applied_and_undone(requests: list[RoleRequest], existing: Mapping[str, object] | None) -> None:
    world = World()
    if existing is not None:
        world.put_role("shop-orders", existing)
    for request in requests:
        before = world.states()

        def plan(request: RoleRequest = request) -> Plan:
            return plan_role(
                request,
                CLUSTER,
                HEADER,
                world.find_role(request.name),
                world.get_policies(request.name),
                ours=True,
                quota=DEFAULTS,
            )

        try:
            run = world.apply(plan())
        except Conflict as error:
            assert "characters; IAM allows 2048" in error.message  # noqa: PT017  the only refusal there may be
            continue
        assert plan().actions == ()
        after = world.states()
        world.undo(run)
        assert world.states() == before
        world.apply(plan())
        assert world.states() == after


def test_members_that_the_answer_to_a_creation_lacks() -> None:
    """They are optional in IAM's API. What podid records must equal what it reads later, or undo is refused."""
    settings = RoleOptions(description="for the shop")
    request = RoleRequest(
        name="new", refs=(ServiceAccountRef("shop", "orders"),), settings=settings, tags={"team": "shop"}
    )
    action = next(iter(plan_role(request, CLUSTER, HEADER, None, RolePolicies(), ours=True, quota=DEFAULTS).actions))
    answer = Role(name="new", arn="arn:aws:iam::111122223333:role/new", path="/", role_id="AROA1", trust={})
    site: Any = SimpleNamespace(iam=SimpleNamespace(create_role=lambda *_: answer))
    unused: Any = None
    state = ROLE.write(site, action, unused) or {}
    assert (state["description"], state["tags"]) == ("for the shop", {"managed-by": "podid", "team": "shop"})


# --- uses after a plan ------------------------------------------------------------------------------------------------

A, B = (f"arn:aws:iam::111122223333:role/{name}" for name in ("a", "b"))


def use(account: str, role: str = A, **settings: Any) -> Association:
    arn = f"arn:aws:eks:us-west-2:111122223333:podidentityassociation/{settings.get('cluster_name', 'demo')}/a-1"
    members = {"cluster_name": "demo", "namespace": "shop", "association_id": "a-1", "association_arn": arn}
    return Association(service_account=account, role_arn=role, **{**members, **settings})


def changed(account: str, role: str | None) -> Action:
    state = ASSOCIATION.state_of(use(account))
    return ASSOCIATION.action(state, {**state, "roleArn": role} if role else None)


def owned(before: str, after: str | None) -> Action:
    state = {"addonName": "ebs", "namespace": "shop"}
    return ADDON_ASSOCIATIONS.action(
        {**state, "roles": {"csi": before}}, {**state, "roles": {"csi": after} if after else {}}
    )


def uninstalled(**members: Any) -> Action:
    return ADDON.action({"addonName": "ebs", **members}, None)


OWNER = f"arn:aws:eks:us-west-2:111122223333:addon/demo/ebs/{'0' * 8}"


@table(
    ("association", "action", "remaining"),
    [
        (use("orders"), changed("orders", None), []),
        (use("orders"), changed("orders", B), []),
        (use("orders", B, target_role_arn=A), changed("orders", B), []),
        (use("cart", B, target_role_arn=A), changed("orders", None), ["shop/cart"]),
        (use("orders", cluster_name="blue"), changed("orders", None), ["shop/orders"]),
        (use("csi"), owned(A, B), []),
        (use("csi"), owned(A, None), []),
        (use("csi"), owned(B, A), ["shop/csi"]),
        (use("csi", owner_arn=OWNER), uninstalled(), []),
        (use("csi", owner_arn=OWNER), uninstalled(preserve=True), ["shop/csi"]),
        (use("csi"), uninstalled(), ["shop/csi"]),
    ],
)
def test_associations_use_a_role_until_the_plan_changes_them(
    association: Association, action: Action, remaining: list[str]
) -> None:
    uses = uses_after(Uses({CLUSTER.arn: (association,)}), HEADER, [action])
    assert [str(item.ref) for item in uses.of(A)] == remaining
