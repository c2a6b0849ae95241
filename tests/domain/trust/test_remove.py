"""Access that is removed from a trust policy, and access that remains."""

from typing import Any

import pytest

from domain.trust.trust_helpers import (
    ACCOUNT,
    BOTH,
    CART,
    CLUSTER,
    EQUALS,
    IDENTITY,
    OTHER,
    PODS,
    exact,
    policy,
    raws,
    statement,
)
from podid.domain.trust import (
    ScopeKind,
    build_statement,
    policy_size,
    principal_statement,
    principals_among,
    remove,
    remove_principals,
    restore_principals,
)


def test_only_a_statement_that_podid_would_write_is_removed() -> None:
    before = policy(OTHER, build_statement(CART), build_statement(IDENTITY))
    edit = remove(before, CART)
    assert raws(edit.policy) == [OTHER, build_statement(IDENTITY)]
    assert (edit.changed, edit.statement, edit.size) == (True, 1, policy_size(edit.policy))
    assert edit.reason == f"Statement[1] ({build_statement(CART)['Sid']}) was removed"


def test_the_same_statement_in_another_form_is_removed() -> None:
    condition = {
        "ArnEquals": {"aws:SourceArn": [CLUSTER]},
        "StringEquals": {key: [value] for key, value in EQUALS.items()},
    }
    edit = remove(policy(OTHER, statement(condition, Action=BOTH[::-1], Principal={"Service": [PODS]})), IDENTITY)
    assert raws(edit.policy) == [OTHER]


@pytest.mark.parametrize("scope", [ScopeKind.NAMESPACE, ScopeKind.CLUSTER, ScopeKind.ACCOUNT])
def test_remove_at_a_wider_scope(scope: ScopeKind) -> None:
    before = policy(OTHER, build_statement(IDENTITY, scope))
    assert raws(remove(before, IDENTITY, scope).policy) == [OTHER]
    assert not remove(before, IDENTITY).changed


def test_access_that_remains_is_reported() -> None:
    edit = remove(policy(build_statement(IDENTITY), statement(Sid="Wide")), IDENTITY)
    assert raws(edit.policy) == [statement(Sid="Wide")]
    assert edit.reason == "Statement[0] (Podidd27beb1e) was removed"
    assert edit.notes == ("Statement[0] (Wide) may still allow shop/orders",)


@pytest.mark.parametrize(
    ("present", "reason", "index"),
    [
        ([OTHER], "no statement allows shop/orders", None),
        (
            [OTHER, statement({"StringEquals": {"aws:RequestTag/kubernetes-service-account": ["orders", "cart"]}})],
            "Statement[1] grants the access, and also allows others: service account orders or cart in any "
            "namespace in any cluster in account 111122223333; they would lose access",
            1,
        ),
        (
            [build_statement(IDENTITY)],
            "no statement would remain, and no one could assume the role: delete the role instead",
            0,
        ),
    ],
)
def test_a_removal_that_is_refused(present: list[dict[str, Any]], reason: str, index: int | None) -> None:
    before = policy(*present)
    edit = remove(before, IDENTITY)
    assert (edit.policy, edit.changed, edit.reason, edit.statement) == (before, False, reason, index)


NODES = f"arn:aws:iam::{ACCOUNT}:role/nodes"
KIAM = f"arn:aws:iam::{ACCOUNT}:role/kiam-server"
OWN = principal_statement(NODES)
SHARED = principal_statement(NODES) | {"Principal": {"AWS": [NODES, KIAM]}, "Sid": "Both"}


def test_roles_of_nodes_are_removed_and_restored() -> None:
    before = policy(OTHER, SHARED, OWN, exact())
    assert principals_among(before, {NODES, KIAM}) == (NODES, KIAM)
    edit = remove_principals(before, {NODES})
    assert raws(edit.policy) == [OTHER, SHARED | {"Principal": {"AWS": [KIAM]}}, exact()]
    assert principals_among(edit.policy, {NODES}) == ()
    assert raws(restore_principals(edit.policy, before, {NODES})) == raws(before)
    # statements that others added meanwhile stay
    cart = build_statement(CART)
    changed = edit.policy.with_statements([cart, *raws(edit.policy)])
    assert raws(restore_principals(changed, before, {NODES})) == [cart, *raws(before)]


def test_a_role_of_nodes_that_no_statement_allows() -> None:
    for statements in ([exact()], [exact(), OWN | {"Effect": "Deny"}]):
        edit = remove_principals(policy(*statements), {NODES})
        assert (edit.outcome, raws(edit.policy)) == ("no-change", statements)
    assert remove_principals(policy(OWN), {NODES}).refused
