"""Policies of role orders, for the tests of access."""

from datetime import UTC, datetime
from typing import Any

from podid.domain.policy.evaluate import Layer, LayerKind, RoleAccess, Ruling
from podid.domain.policy.session import RoleSession
from podid.domain.policy.statements import parse_permissions
from podid.domain.trust import PodIdentity

ACCOUNT = "111122223333"


ROLE = f"arn:aws:iam::{ACCOUNT}:role/orders"


POD = PodIdentity(f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/demo", "shop", "orders")


SESSION = RoleSession(
    role_arn=ROLE,
    role_id="AROAEXAMPLE",
    role_tags={"team": "blue"},
    pod=POD,
    region="eu-west-1",
    now=datetime(2026, 11, 24, 16, 0, tzinfo=UTC),
)


Documents = dict[str, Any]


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return allow(action, resource, **more) | {"Effect": "Deny"}


def document(*statements: dict[str, Any]) -> Documents:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def access(
    *statements: dict[str, Any],
    boundary: Documents | None = None,
    session_policy: Documents | None = None,
    session: RoleSession = SESSION,
) -> RoleAccess:
    layers = [("app", LayerKind.IDENTITY, "policy of role orders", document(*statements))]
    if boundary is not None:
        layers.append(("limit", LayerKind.BOUNDARY, "statement of the permissions boundary limit", boundary))
    if session_policy is not None:
        layers.append(("session", LayerKind.SESSION, "statement of the session policy", session_policy))
    return RoleAccess(
        session,
        tuple(Layer(kind, words, (parse_permissions(name, kind, body),)) for name, kind, words, body in layers),
    )


def decided(ruling: Ruling) -> tuple[str, str]:
    return ruling.verdict.value, str(ruling.statement or "")


ADDRESSES = {"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24"]}}


BUCKET = "arn:aws:s3:::amzn-s3-demo-bucket"
