"""Plans of a role's trust policy."""

import re
from pathlib import Path
from typing import Any

import pytest

from harness import Podid, table
from podid.domain import trust
from podid.domain.aws import Cluster, Role
from podid.domain.errors import Conflict
from podid.domain.names import ServiceAccountRef
from podid.ops.role.plan import check_editable, others, plan_trust
from podid.sandbox.baseline import add_role, pods_trust
from podid.sandbox.box import Sandbox
from quotas import DEFAULTS
from worlds import ACCOUNT, CLUSTER_ARN, ORDERS, trust_for

CART = ServiceAccountRef("shop", "cart")
CLUSTER = Cluster(name="demo", arn=CLUSTER_ARN, version="1.35", status="ACTIVE")
LAMBDA = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


def role(document: dict[str, Any], path: str = "/") -> Role:
    arn = f"arn:aws:iam::{ACCOUNT}:role{path}shop-orders"
    return Role(name="shop-orders", arn=arn, role_id="AROA", path=path, trust=document)


def planned(
    existing: Role, *refs: ServiceAccountRef, scope: str = "service-account", conditions: tuple[Any, ...] = ()
) -> tuple[Any, list[str]]:
    """Return the statements after the plan, or None, and the notes."""
    notes: list[str] = []
    reach = trust.ScopeKind(scope)
    action = plan_trust(existing, CLUSTER, dict.fromkeys(refs, True), reach, conditions, notes=notes, quota=DEFAULTS)
    if action is None:
        return None, notes
    assert action.after is not None
    return action.after["policyDocument"]["Statement"], notes  # type: ignore[index]


def test_statements_are_added_for_service_accounts_that_are_not_allowed() -> None:
    existing = role(trust_for(ORDERS))
    assert planned(existing, ORDERS) == (None, [])
    statements, notes = planned(existing, ORDERS, CART)
    assert (len(statements), statements[0], notes) == (2, trust_for(ORDERS)["Statement"][0], [])
    tags = statements[1]["Condition"]["StringEquals"]
    assert tags["aws:RequestTag/kubernetes-service-account"] == "cart"


def test_a_wider_statement_is_a_note() -> None:
    assert planned(role(pods_trust()), ORDERS)[1] == [
        f"the trust policy of role shop-orders already allows shop/orders: any pod of any cluster in account {ACCOUNT}"
    ]


def test_conditions_are_added_once() -> None:
    conditions = trust.parse_conditions(["aws:SourceOrgID=o-1"])
    statements, _ = planned(role(trust_for(CART)), ORDERS, conditions=conditions)
    assert statements[1]["Condition"]["StringEquals"]["aws:SourceOrgID"] == "o-1"
    statements, notes = planned(role({"Version": "2012-10-17", "Statement": statements}), ORDERS, conditions=conditions)
    assert (statements, "already allows shop/orders under these conditions" in notes[0]) == (None, True)


def test_a_deny_cannot_be_outweighed() -> None:
    document = pods_trust()
    document["Statement"].append({**document["Statement"][0], "Effect": "Deny"})
    with pytest.raises(Conflict, match=r"cannot be extended|another statement would not help"):
        planned(role(document), ORDERS)


@table("document", [pods_trust(), trust_for(ORDERS)])
def test_the_other_principals_are_described(document: dict[str, Any]) -> None:
    statements = [*document["Statement"], LAMBDA]
    existing = role({"Version": "2012-10-17", "Statement": statements})
    assert others(existing) == ["role shop-orders also trusts lambda.amazonaws.com (unchanged)"]
    assert others(existing, stays=False)[0].endswith("lambda.amazonaws.com, which could no longer assume it")
    assert others(role(document)) == []


def test_roles_that_cannot_be_changed() -> None:
    with pytest.raises(Conflict, match="belongs to AWS"):
        check_editable(role(pods_trust(), "/aws-service-role/eks.amazonaws.com/"))
    document = pods_trust()
    document["Statement"].append({**LAMBDA, "Principal": {"AWS": "AROAIOSFODNN7EXAMPLE1"}})
    with pytest.raises(Conflict, match=r"names deleted principals \(AROAIOSFODNN7EXAMPLE1\)"):
        check_editable(role(document))
    check_editable(role(pods_trust()))


@table("document", [{"Version": "2012-10-17", "Statement": []}, trust_for(ORDERS)])
def test_more_service_accounts_than_a_trust_policy_has_room_for(document: dict[str, Any]) -> None:
    """The policy is evaluated only until it is full: the cost grows with the number of statements."""
    refs = [ServiceAccountRef("shop", f"app-{number}") for number in range(300)]
    with pytest.raises(Conflict) as error:
        planned(role(document), *refs)
    size = re.match(
        r"With (\d+) of the 300 service accounts, the trust policy of role shop-orders would have (\d+) characters",
        error.value.message,
    )
    assert size is not None, error.value.message
    assert (2 < int(size[1]) < 12, 2048 < int(size[2]) < 3000) == (True, True)
    assert error.value.lines


def test_other_principals_are_notes_of_an_unchanged_role(box: Sandbox, podid: Podid, journal: Path) -> None:
    document = pods_trust()
    document["Statement"].append(LAMBDA)
    add_role(box.world, box.iam, "theirs", document)
    for flags in ((), ("--adopt",), ("--dry-run",), ("--adopt", "--dry-run")):
        outcome = podid("role", "create", "theirs", "--for", "shop/orders", *flags, "-o", "json")
        assert outcome.code == 0
        assert "role theirs also trusts lambda.amazonaws.com (unchanged)" in outcome.json["notes"]
