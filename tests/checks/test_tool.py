"""podid's own access: what could not be read is unknown, never broken and never fine."""

from dataclasses import replace

import pytest

from podid.domain.snapshot import NOT_READ, Missing

from .builder import ROLE_ARN, cluster, healthy
from .grid import answers, only, verdicts

DENIED = Missing("you may not list node groups", "eks:ListNodegroups", "AccessDenied")
FORBIDDEN = Missing("pods is forbidden", "list pods", "AccessDenied")
TIMEOUT = Missing("the API server of cluster prod does not answer", "", "Unavailable")


def test_aws_denied_names_each_permission_once() -> None:
    get_role = Missing("you may not read the role", "iam:GetRole", "AccessDenied")
    snapshot = healthy(node_groups=DENIED, roles={ROLE_ARN: get_role, f"{ROLE_ARN}2": get_role})
    found = verdicts("tool-aws-denied", snapshot)
    assert [(v.outcome.value, v.permission, v.message) for v in found] == [
        ("unknown", "eks:ListNodegroups", "node groups could not be read: you may not list node groups"),
        ("unknown", "iam:GetRole", "roles could not be read: you may not read the role"),
    ]
    assert answers("tool-k8s-rbac-denied", snapshot) == [("pass", "error", "Caller Kubernetes")]


def test_what_was_never_asked_for_is_not_denied() -> None:
    snapshot = healthy(addons=NOT_READ, nodes=NOT_READ)
    assert answers("tool-aws-denied", snapshot) == [("pass", "error", "Caller AWS")]
    assert answers("tool-k8s-rbac-denied", snapshot) == [("pass", "error", "Caller Kubernetes")]


def test_kubernetes_denied() -> None:
    found = only("tool-k8s-rbac-denied", healthy(pods=FORBIDDEN, agent_pods=FORBIDDEN))
    assert (found.outcome.value, found.permission, found.message) == (
        "unknown",
        "list pods",
        "agent pods, pods could not be read: pods is forbidden",
    )
    assert answers("tool-aws-denied", healthy(pods=FORBIDDEN)) == [("pass", "error", "Caller AWS")]


@pytest.mark.parametrize(
    ("public", "advice"),
    [
        (False, "its endpoint is private: run podid inside the VPC, or connect by VPN or tunnel"),
        (True, "its public endpoint may not allow this address (publicAccessCidrs), or a proxy blocks the connection"),
    ],
)
def test_api_server_out_of_reach(public: bool, advice: str) -> None:
    snapshot = healthy(cluster=replace(cluster(), public_endpoint=public), pods=TIMEOUT, nodes=TIMEOUT)
    found = only("private-endpoint-unreachable", snapshot)
    assert (found.outcome.value, found.reason) == ("unknown", f"{TIMEOUT.reason}; {advice}")
    assert answers("tool-k8s-rbac-denied", snapshot) == [("not-applicable", "error", "Caller Kubernetes")]


def test_all_well() -> None:
    assert answers("private-endpoint-unreachable", healthy()) == [("pass", "error", "Cluster prod")]
    assert answers("tool-aws-denied", healthy()) == [("pass", "error", "Caller AWS")]
