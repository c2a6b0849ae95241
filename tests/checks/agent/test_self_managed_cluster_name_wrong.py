from typing import Any

import pytest

from checks.builder import DENIED, agent_pod, daemon_set, healthy
from checks.grid import answers, only
from harness import table

ID = "self-managed-cluster-name-wrong"
FAILS = healthy(daemon_sets=(daemon_set(args=("--cluster-name", "EKS_CLUSTER_NAME")),))
UNKNOWN = healthy(cluster=DENIED)
FINDINGS = [("fail", "error", "DaemonSet kube-system/eks-pod-identity-agent")]
UNKNOWNS = [("unknown", "error", "Cluster -")]


@table(
    ("changes", "expected"),
    [
        ({}, "pass"),
        ({"args": ("--cluster-name=prod",)}, "pass"),
        ({"args": ("--cluster-name", "EKS_CLUSTER_NAME")}, "fail"),
        ({"args": ("--cluster-name=staging", "--probe-port", "2703")}, "fail"),
        ({"args": (), "command": ("eks-pod-identity-agent", "server", "--cluster-name", "staging")}, "fail"),
        # the kubelet replaces these
        ({"args": ("--cluster-name", "$(CLUSTER)"), "env": {"AWS_REGION": "$(REGION)"}}, "pass"),
        ({"args": ("--cluster-name",)}, "pass"),
        ({"args": ("exec agent server --cluster-name staging",), "command": ("sh", "-c")}, "fail"),
        ({"args": ("exec agent server --cluster-name 'prod' --port 80",), "command": ("sh", "-c")}, "pass"),
        ({"args": ('exec agent server --cluster-name "$CLUSTER"',), "command": ("sh", "-c")}, "pass"),
        ({"args": ("--port", "80", "--cluster-name", "prod")}, "pass"),
        ({"args": ("--port=8080",)}, "fail"),
        ({"args": ("--port", "$(PORT)")}, "pass"),
        ({"env": {"AWS_REGION": "eu-west-1"}}, "pass"),
        ({"env": {"AWS_REGION": ""}}, "pass"),
        ({"env": {"AWS_REGION": "AWS_REGION_NAME"}}, "fail"),
        ({"env": {"AWS_REGION": "us-west-2"}, "args": ("--endpoint", "https://eks-auth.example")}, "pass"),
        ({"env": {"AWS_REGION": "us-west-2"}, "command": ("agent", "--endpoint=https://eks-auth.example")}, "pass"),
    ],
)
def test_cluster_and_region_of_the_agent(changes: dict[str, Any], expected: str) -> None:
    rows = answers(ID, healthy(daemon_sets=(daemon_set(**changes),)))
    assert [answer[0] for answer in rows] == [expected]


def test_an_agent_on_a_network_of_its_own_is_out_of_reach() -> None:
    snapshot = healthy(agent_pods=(agent_pod(host_network=False),))
    assert only(ID, snapshot).message.endswith(": no hostNetwork: pods do not reach it at its link-local address")


@pytest.mark.parametrize(
    ("sections", "severity"),
    [({}, "error"), ({"agent_pods": ()}, "warn"), ({"pods": ()}, "warn"), ({"associations": ()}, "info")],
)
def test_a_wrong_name_is_an_error_only_with_associated_pods(sections: dict[str, Any], severity: str) -> None:
    wrong = daemon_set(args=("--cluster-name", "staging"))
    (answer,) = answers(ID, healthy(daemon_sets=(wrong,), **sections))
    assert answer == ("fail", severity, "DaemonSet kube-system/eks-pod-identity-agent")
