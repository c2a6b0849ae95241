"""Plans of role chaining: evaluated target roles, refusals, and changes for the owner."""

from dataclasses import replace
from typing import Any

import pytest

from harness import table
from ops.role.support import (
    BASE,
    OTHER,
    OWN,
    arn,
    bound,
    names_role,
)
from podid.domain import trust
from podid.domain.aws import Role
from podid.domain.errors import Again, Conflict, NotFound, Other
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Missing
from podid.ops.role.target import (
    TargetPlan,
    TargetRequest,
    allows_chaining,
    chaining_policies,
    check_allowed,
    next_command,
    plan_chain,
)
from quotas import DEFAULTS
from worlds import CLUSTER_ARN

ORDERS = ServiceAccountRef("shop", "orders")
POD = trust.PodIdentity(CLUSTER_ARN, "shop", "orders")
HOP = trust.TargetHop(BASE, POD)
UNTAGGED = trust.TargetHop(BASE, replace(POD, session_tags=False))
OF_CART = names_role(Condition={"StringEquals": {"aws:RequestTag/kubernetes-service-account": "cart"}})


def planned(*statements: Any, hop: trust.TargetHop = HOP, **request: Any) -> TargetPlan:
    """Return the plan for a target role with these statements."""
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    role = Role(name="reports", arn=arn(OWN), role_id="AROA", path="/", trust=document)
    return plan_chain(TargetRequest(arn=arn(OWN), **request), {ORDERS: hop}, Known(role), DEFAULTS)


def test_a_target_role_that_allows_the_role_needs_no_change() -> None:
    for update in (False, True):
        plan = planned(names_role(), update=update)
        assert (plan.action, plan.owner_changes) == (None, ())
        assert plan.notes == (f"target role {arn(OWN)} allows role shop-orders to assume it for shop/orders",)
        check_allowed(plan, "shop-orders", update=update)


@table(
    "statements",
    [
        (),
        (names_role("somebody"),),
        (names_role() | {"Action": "sts:AssumeRole"},),
        (OF_CART,),
    ],
)
def test_a_target_role_that_does_not_allow_the_role(statements: tuple[Any, ...]) -> None:
    plan = planned(*statements)
    (change,) = plan.owner_changes
    assert (plan.action, change.refused, change.service_accounts) == (None, True, ("shop/orders",))
    assert bound([*change.statements])
    with pytest.raises(Conflict, match=r"^Target role .* does not allow role shop-orders") as error:
        check_allowed(plan, "shop-orders", update=False)
    assert error.value.hint == Again(add=("--update-trust",))
    updated = planned(*statements, update=True)
    assert updated.action is not None
    assert (updated.owner_changes, updated.late) == ((), False)
    written = updated.action.after["policyDocument"]["Statement"]  # type: ignore[index]
    assert written == [*statements, *change.statements]
    check_allowed(updated, "shop-orders", update=True)


def test_a_denial_cannot_be_outweighed() -> None:
    for update in (False, True):
        plan = planned(names_role(), names_role(Effect="Deny"), update=update)
        (change,) = plan.owner_changes
        assert (plan.action, change.statements, "another statement would not help" in plan.notes[0]) == (None, (), True)
        with pytest.raises(Conflict) as error:
            check_allowed(plan, "shop-orders", update=update)
        assert (error.value.hint, error.value.id) == ((), "target-role-trust-broken")


def test_without_session_tags_the_external_id_is_awaited() -> None:
    plan = planned(names_role("somebody"), hop=UNTAGGED, update=True)
    assert (plan.late, plan.owner_changes) == (True, ())
    left = planned(names_role("somebody"), hop=UNTAGGED)
    (change,) = left.owner_changes
    assert (left.action, change.refused) == (None, True)
    check_allowed(left, "shop-orders", update=False)  # the association must exist first
    command = next_command(change, name="shop-orders", profile=None, update=False)
    flags = ("--role", "shop-orders", "--target-role", arn(OWN), "--no-session-tags", "--update-trust")
    assert command == Other(("associate",), ("shop/orders",), flags)
    known = planned(names_role("somebody"), hop=replace(UNTAGGED, external_id="x"), update=True)
    assert known.late is False


def test_target_roles_that_cannot_be_read_or_do_not_exist() -> None:
    hops = {ORDERS: HOP}
    unread = plan_chain(TargetRequest(arn=arn(OWN)), hops, Missing("denied", "iam:GetRole"), DEFAULTS)
    assert unread.notes == (f"target role {arn(OWN)} was not checked: denied (requires iam:GetRole)",)
    assert [change.refused for change in unread.owner_changes] == [False]
    check_allowed(unread, "shop-orders", update=False)
    for update in (False, True):
        with pytest.raises(NotFound, match=r"^The target role .* does not exist$"):
            plan_chain(TargetRequest(arn=arn(OWN), update=update), hops, Known(None), DEFAULTS)
    later = plan_chain(TargetRequest(arn=arn(OWN), must_exist=False), hops, Known(None), DEFAULTS)
    assert (later.notes, later.owner_changes[0].refused) == ((f"target role {arn(OWN)} does not exist",), True)


def test_policies_that_allow_target_roles() -> None:
    policies = chaining_policies((arn(OWN), arn(OTHER), arn(OWN)))
    assert list(policies) == ["assume-reports", f"assume-reports-{OTHER}"]
    assert allows_chaining(policies.values(), arn(OWN))
    assert allows_chaining(policies.values(), arn(OTHER))
    assert not allows_chaining([policies["assume-reports"]], arn(OTHER))
    assert not allows_chaining([], arn(OWN))
    wide = {"Statement": {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}}
    assert allows_chaining([wide], arn(OWN))
    conditional = {"Statement": {**wide["Statement"], "Condition": {"StringEquals": {"aws:PrincipalTag/a": "b"}}}}
    assert not allows_chaining([conditional], arn(OWN))
    assert not allows_chaining([{"Statement": {**wide["Statement"], "Action": "sts:AssumeRole"}}], arn(OWN))
