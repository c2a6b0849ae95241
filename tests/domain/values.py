"""Pods, nodes and associations with default values, for the tests of the domain."""

from datetime import UTC, datetime
from typing import Any

from podid.domain.aws import Association
from podid.domain.cluster import Container, DaemonSet, Node, Pod

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ACCOUNT = "111122223333"
CLUSTER = f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/demo"


def role_arn(name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def association(**more: Any) -> Association:
    values: dict[str, Any] = {
        "cluster_name": "demo",
        "namespace": "shop",
        "service_account": "orders",
        "association_arn": f"{CLUSTER}/a-1",
        "association_id": "a-1",
        "role_arn": role_arn("orders"),
    }
    return Association(**(values | more))


def container(name: str = "app", **more: Any) -> Container:
    return Container(**({"name": name, "image": "app:1"} | more))


def pod(**more: Any) -> Pod:
    values: dict[str, Any] = {
        "namespace": "shop",
        "name": "orders-1",
        "uid": "u-1",
        "service_account": "orders",
        "node": "node-1",
        "phase": "Running",
        "created_at": NOW,
        "containers": (container(),),
    }
    return Pod(**(values | more))


def node(**more: Any) -> Node:
    values: dict[str, Any] = {"name": "node-1", "os": "linux", "arch": "amd64", "compute_type": "", "ready": True}
    return Node(**(values | more))


def daemon_set(**more: Any) -> DaemonSet:
    numbers = dict.fromkeys(("desired", "ready", "available", "updated", "generation", "observed_generation"), 1)
    values: dict[str, Any] = {"namespace": "kube-system", "name": "a", "selector": {"app": "a"}, **numbers}
    return DaemonSet(**(values | more))
