"""The keys of a request: values that are known, that are not sent, and that were not read."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from domain.trust.trust_helpers import (
    BASE_ROLE,
    CLUSTER,
    IDENTITY,
    LIVE_PODS,
    MATCH,
    NO,
    NS,
    UNKNOWN,
    verdict_for,
)
from harness import table
from podid.domain.trust import PodIdentity, TargetHop


def test_a_value_that_was_not_read_is_unknown() -> None:
    unread = replace(IDENTITY, role_tags=None)
    assert verdict_for({"StringEquals": {"aws:ResourceTag/team": "x"}}, unread) == UNKNOWN
    assert verdict_for({"DateLessThan": {"aws:CurrentTime": "2027-01-01"}}, IDENTITY) == UNKNOWN
    assert verdict_for({"Null": {"aws:EpochTime": "true"}}, IDENTITY) == NO
    assert verdict_for({"StringEquals": {"aws:PrincipalTag/team": "x"}}, TargetHop(BASE_ROLE, unread)) == UNKNOWN
    twice = replace(IDENTITY, role_tags={"Team": "a", "team": "b"})
    assert verdict_for({"StringEquals": {"aws:ResourceTag/team": "a"}}, twice) == UNKNOWN


@table(
    ("condition", "expected"),
    [
        ({"StringLike": {"aws:RequestTag/kubernetes-pod-name": "orders-a*"}}, MATCH),
        ({"StringEquals": {"aws:RequestTag/kubernetes-pod-uid": "uid-2"}}, MATCH),
        ({"StringEquals": {"aws:RequestTag/kubernetes-pod-name": "orders-abc", NS: "web"}}, NO),
        ({"StringEquals": {"aws:RequestTag/kubernetes-pod-name": "orders-xyz"}}, UNKNOWN),
        (
            {
                "StringEquals": {
                    "aws:RequestTag/kubernetes-pod-name": "orders-abc",
                    "aws:RequestTag/kubernetes-pod-uid": "uid-2",
                }
            },
            UNKNOWN,
        ),
        ({"StringNotLike": {"aws:RequestTag/kubernetes-pod-name": "orders-a*"}}, MATCH),
        ({"StringLike": {"sts:RoleSessionName": "eks-demo-orders-abc-*"}}, MATCH),
        ({"StringLike": {"sts:RoleSessionName": "eks-demo-orders-*"}}, MATCH),
        ({"StringLike": {"sts:RoleSessionName": "eks-demo-web-*"}}, UNKNOWN),
    ],
)
def test_open_values_are_matched_against_live_pods(condition: Mapping[str, Any], expected: str) -> None:
    assert verdict_for(condition, replace(IDENTITY, pods=LIVE_PODS)) == expected


def test_long_cluster_names_may_be_cut_in_the_session_name() -> None:
    long = PodIdentity(CLUSTER + "-production", "shop", "orders", pods=LIVE_PODS)
    for name, expected in {
        "eks-demo-produ*": MATCH,
        "eks-demo-production-*": UNKNOWN,
        "eks-demo-produ-orders-abc-*": UNKNOWN,
        "eks-demo-x*": NO,
    }.items():
        assert verdict_for({"StringLike": {"sts:RoleSessionName": name}}, long) == expected
