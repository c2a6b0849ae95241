"""The names that the trust tests share."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from podid.domain.trust import Evaluation, PodIdentity, Policy, TargetHop, evaluate, parse_policy

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


def statement(condition: Mapping[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """An Allow for EKS Pod Identity and both actions; `members` replace its own, None takes one away."""
    raw: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": PODS}, "Action": BOTH}
    raw |= {} if condition is None else {"Condition": condition}
    return {name: value for name, value in (raw | members).items() if value is not None}


def policy(*statements: Mapping[str, Any], version: str = "2012-10-17") -> Policy:
    return parse_policy({"Version": version, "Statement": list(statements)})


def verdicts(found: Evaluation) -> tuple[str, str]:
    return found.assume_role.verdict.value, found.tag_session.verdict.value


def verdict_for(condition: Mapping[str, Any], request: PodIdentity | TargetHop = IDENTITY) -> str:
    """The verdict on both actions of one Allow with this Condition; they must agree."""
    principal = {"Service": PODS} if isinstance(request, PodIdentity) else {"AWS": BASE_ROLE}
    found = evaluate(policy(statement(condition, Principal=principal)), request)
    assert found.assume_role.verdict is found.tag_session.verdict
    return found.assume_role.verdict.value
