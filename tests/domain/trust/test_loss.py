"""The access that a change of a trust policy takes away."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness import table
from podid.domain import trust
from podid.domain.trust import Loss, loss, parse_policy

CLUSTER = "arn:aws:eks:us-west-2:111122223333:cluster/demo"
OTHER = CLUSTER.replace("demo", "blue")
PROVIDER = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/A"
ROLE = "arn:aws:iam::111122223333:role/base"
Raw = Mapping[str, Any]


def allow(principal: object, condition: object = None, effect: str = "Allow") -> Raw:
    statement = {"Effect": effect, "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    return statement if condition is None else {**statement, "Condition": condition}


def pods(condition: object = None) -> Raw:
    return allow({"Service": "pods.eks.amazonaws.com"}, condition)


def in_cluster(*arns: str, operator: str = "ArnEquals") -> Raw:
    return pods({operator: {"aws:SourceArn": list(arns)}})


def policy(*statements: Raw) -> trust.Policy:
    return parse_policy({"Version": "2012-10-17", "Statement": list(statements)})


KEPT = allow({"Service": "ec2.amazonaws.com"})
ANYWHERE = Loss(clusters=None)


@table(
    ("gone", "expected"),
    [
        (pods(), ANYWHERE),
        (in_cluster(CLUSTER), Loss(clusters=frozenset({CLUSTER}))),
        (in_cluster(CLUSTER, OTHER), Loss(clusters=frozenset({CLUSTER, OTHER}))),
        (in_cluster(CLUSTER, operator="StringLike"), Loss(clusters=frozenset({CLUSTER}))),
        # these conditions do not limit the statement to named clusters
        (in_cluster("arn:aws:eks:us-west-2:111122223333:cluster/*"), ANYWHERE),
        (in_cluster(CLUSTER, operator="ArnEqualsIfExists"), ANYWHERE),
        (in_cluster(CLUSTER, operator="ArnNotEquals"), ANYWHERE),
        (in_cluster(CLUSTER, operator="ForAllValues:ArnEquals"), ANYWHERE),
        (in_cluster("${aws:PrincipalTag/x}"), ANYWHERE),
        (pods({"Null": {"aws:SourceArn": "false"}}), ANYWHERE),
        (pods({"StringEquals": {"aws:SourceAccount": "111122223333"}}), ANYWHERE),
        (allow("*"), Loss(clusters=None, others=("*",))),
        (allow({"AWS": "*"}), Loss(clusters=None, others=("*",))),
        (allow({"Federated": PROVIDER}), Loss(issuers=(PROVIDER,))),
        (allow({"AWS": ROLE}), Loss(roles=(ROLE,))),
        (allow({"AWS": "111122223333"}), Loss(others=("111122223333",))),
        (allow({"Service": "lambda.amazonaws.com"}), Loss(others=("lambda.amazonaws.com",))),
        # another statement still allows the principal
        (allow({"Service": "ec2.amazonaws.com"}, {"Bool": {"aws:SecureTransport": "true"}}), Loss()),
        (allow({"AWS": ROLE}, effect="Deny"), Loss()),
    ],
)
def test_a_removed_statement(gone: Raw, expected: Loss) -> None:
    assert loss(policy(KEPT, gone), policy(KEPT)) == expected
    assert bool(expected) is (expected != Loss())


@table(
    ("added", "expected"),
    [
        (pods(), Loss()),
        (allow("*", effect="Deny"), ANYWHERE),
        (allow({"Service": "pods.eks.amazonaws.com"}, effect="Deny"), ANYWHERE),
        (
            {**in_cluster(CLUSTER), "Effect": "Deny"},
            Loss(clusters=frozenset({CLUSTER})),
        ),
    ],
)
def test_an_added_statement(added: Raw, expected: Loss) -> None:
    assert loss(policy(KEPT), policy(KEPT, added)) == expected


statements = st.lists(
    st.sampled_from(
        [pods(), in_cluster(CLUSTER), in_cluster(OTHER), allow({"AWS": ROLE}), allow("*", effect="Deny"), KEPT]
    ),
    min_size=1,
    max_size=4,
)


@given(statements, statements)
def test_a_pod_that_loses_access_is_in_a_cluster_of_the_loss(before: list[Raw], after: list[Raw]) -> None:
    """Compare with the evaluation of both policies."""
    lost = loss(policy(*before), policy(*after))
    for arn in (CLUSTER, OTHER):
        pod = trust.PodIdentity(arn, "shop", "orders")
        old, new = (trust.evaluate(policy(*items), pod).verdict for items in (before, after))
        if new is trust.TrustVerdict.NO_MATCH is not old:
            assert lost.clusters is None or arn in lost.clusters


@given(statements, statements)
def test_more_statements_take_nothing_away(before: list[Raw], more: list[Raw]) -> None:
    allowing = [item for item in more if item["Effect"] == "Allow"]
    assert not loss(policy(*before), policy(*before, *allowing))
