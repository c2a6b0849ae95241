"""Shared parts of the tests of sessions."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from podid.sandbox.credentials import Credential
from worlds import ACCOUNT, CLUSTER_ARN, ROLE_ARN, Site

SHARED = f"arn:aws:sts::{ACCOUNT}:assumed-role/shop-orders/eks-demo-orders"


def pods_call(site: Site, *calls: str) -> None:
    """Call EKS and EC2 with the newest credentials of a pod; what the role does not allow is denied."""
    keys: list[Credential] = list(site.box.world.credentials._by_key.values())
    key = next(key for key in reversed(keys) if key.of_pod)
    for name in calls:
        site.clock.advance(60)
        service, _, operation = name.partition(":")
        with pytest.raises(ClientError):
            getattr(site.aws(service, key=key), operation)()


def read(site: Site, *more: str) -> Any:
    return site.must("activity", "shop/orders", *more, "-o", "json").json


UUID = "4f0e4c1a-0000-4000-8000-00000000000a"
NAME = f"eks-demo-orders-7d4-{UUID}"
ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/shop-orders/{NAME}"


def event(name: str = NAME, namespace: str = "shop", cluster: str = CLUSTER_ARN, **tags: str) -> dict[str, Any]:
    """Return an AssumeRole by EKS, as CloudTrail records it."""
    pairs = {
        "eks-cluster-arn": cluster,
        "kubernetes-namespace": namespace,
        "kubernetes-service-account": "orders",
        "kubernetes-pod-name": "orders-7d4b9-abcde",
        **tags,
    }
    return {
        "eventTime": "2026-11-24T09:30:00Z",
        "eventName": "AssumeRole",
        "eventSource": "sts.amazonaws.com",
        "userIdentity": {"type": "AWSService", "invokedBy": "pods.eks.amazonaws.com"},
        "requestParameters": {
            "roleArn": ROLE_ARN,
            "roleSessionName": name,
            "tags": [{"key": key, "value": value} for key, value in pairs.items()],
        },
        "responseElements": {"assumedRoleUser": {"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/shop-orders/{name}"}},
    }


def created(site: Site) -> list[str]:
    """Return the ARNs of all sessions that EKS created."""
    events = (item.event for item in site.box.world.trail)
    return [event["Resources"][1]["ResourceName"] for event in events if event["EventName"] == "AssumeRole"]


def session_of(site: Site) -> str:
    """Return the ARN of a new session of a pod of shop/orders."""
    site("verify", "shop/orders", "--yes")
    return created(site)[-1]


def named(site: Site) -> str:
    """Return a session name that fits the pods of shop/orders, which CloudTrail does not have."""
    return f"eks-demo-{site.cluster.pod_names('shop', 'orders')[0][:10]}-{UUID}"
