"""Shared names of the trust tests."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from podid.domain.trust import (
    Evaluation,
    LivePod,
    PodIdentity,
    Policy,
    TargetHop,
    build_statement,
    evaluate,
    parse_policy,
)

PODS = "pods.eks.amazonaws.com"
ACCOUNT = "111122223333"
CLUSTER = f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/demo"
BASE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/orders-base"
EXTERNAL_ID = f"eu-west-1/{ACCOUNT}/demo/shop/orders"
NOW = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
BOTH = ["sts:AssumeRole", "sts:TagSession"]
IDENTITY = PodIdentity(CLUSTER, "shop", "orders")
UNTAGGED = PodIdentity(CLUSTER, "shop", "orders", session_tags=False)
HOP = TargetHop(BASE_ROLE, IDENTITY, EXTERNAL_ID)
UNTAGGED_HOP = TargetHop(BASE_ROLE, UNTAGGED, EXTERNAL_ID)
MATCH, NO, UNKNOWN = "match", "no-match", "unknown"
NS = "aws:RequestTag/kubernetes-namespace"
SA = "aws:RequestTag/kubernetes-service-account"
OIDC_ID = "oidc.eks.eu-west-1.amazonaws.com/id/ABC"
OIDC = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{OIDC_ID}"
CART = PodIdentity(CLUSTER, "shop", "cart")
OTHER = {"Sid": "Ec2", "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
# the conditions of podid's statement for one service account
EQUALS = {
    "aws:SourceAccount": ACCOUNT,
    "aws:RequestTag/kubernetes-namespace": "shop",
    "aws:RequestTag/kubernetes-service-account": "orders",
}
LIVE_PODS = (LivePod("orders-abc", "uid-1"), LivePod("orders-very-long-name", "uid-2"))


def statement(condition: Mapping[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """Return an Allow for EKS Pod Identity and both actions; `members` replace its own, and None removes one."""
    raw: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": PODS}, "Action": BOTH}
    raw |= {} if condition is None else {"Condition": condition}
    return {name: value for name, value in (raw | members).items() if value is not None}


def policy(*statements: Mapping[str, Any], version: str = "2012-10-17") -> Policy:
    return parse_policy({"Version": version, "Statement": list(statements)})


def raws(edited: Policy) -> list[Mapping[str, object]]:
    return [item.raw for item in edited.statements]


def exact(**members: Any) -> dict[str, Any]:
    """Return podid's statement for one service account, with other members."""
    return build_statement(IDENTITY) | members


def findings(request: PodIdentity | TargetHop, *statements: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    evaluation = evaluate(policy(*statements), request)
    return [(item.id, item.severity, item.message) for item in evaluation.findings]


def verdicts(evaluation: Evaluation) -> tuple[str, str]:
    return evaluation.assume_role.verdict.value, evaluation.tag_session.verdict.value


def verdict_for(condition: Mapping[str, Any], request: PodIdentity | TargetHop = IDENTITY) -> str:
    """Return the verdict on both actions of one Allow with this Condition; they must agree."""
    principal = {"Service": PODS} if isinstance(request, PodIdentity) else {"AWS": BASE_ROLE}
    evaluation = evaluate(policy(statement(condition, Principal=principal)), request)
    assert evaluation.assume_role.verdict is evaluation.tag_session.verdict
    return evaluation.assume_role.verdict.value
