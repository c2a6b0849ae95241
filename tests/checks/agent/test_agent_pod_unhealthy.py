from dataclasses import replace

import pytest

from checks.builder import CRASHED, DENIED, agent_pod, ago, healthy, node
from checks.grid import answers, only
from harness import table

ID = "agent-pod-unhealthy"
FAILS = healthy(agent_pods=(agent_pod(ready=False),))
UNKNOWN = healthy(agent_pods=DENIED)
FINDINGS = [("fail", "error", "Pod kube-system/eks-pod-identity-agent-node-1")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


@table(
    ("pod", "expected"),
    [
        (agent_pod(), "pass"),
        (CRASHED, "fail"),
        (agent_pod(ready=False), "fail"),
        (agent_pod(ready=False, created_at=ago(seconds=40)), "not-applicable"),
        (replace(CRASHED, created_at=ago(seconds=40)), "fail"),
        (agent_pod(ready=False, node="", phase="Pending"), "fail"),
        (agent_pod(ready=False, phase="Failed"), "not-applicable"),
        (agent_pod(ready=False, deleting=True), "not-applicable"),
    ],
)
def test_states_of_an_agent_pod(pod: object, expected: str) -> None:
    assert answers(ID, healthy(agent_pods=(pod,))) == [
        (expected, "error", "Pod kube-system/eks-pod-identity-agent-node-1")
    ]


def test_an_agent_pod_on_a_node_that_is_not_ready_is_not_judged() -> None:
    snapshot = healthy(nodes=(node(ready=False),), agent_pods=(CRASHED,))
    assert [a[0] for a in answers(ID, snapshot)] == ["not-applicable"]
    assert [a[0] for a in answers("agent-not-on-node", snapshot)] == ["pass"]


def test_the_finding_names_the_container_and_the_service_accounts() -> None:
    verdict = only(ID, healthy(agent_pods=(CRASHED,)))
    assert verdict.message == "the agent on node node-1 is not ready: CrashLoopBackOff"
    assert verdict.evidence == ("container eks-pod-identity-agent: CrashLoopBackOff, 7 restarts",)
    assert verdict.chain == ("shop/orders",)


@pytest.mark.parametrize(("ended", "reason"), [("OOMKilled", " (OOMKilled)"), ("Error", "")])
def test_the_finding_has_the_reason_of_the_last_end(ended: str, reason: str) -> None:
    pod = replace(CRASHED, containers=tuple(replace(container, ended=ended) for container in CRASHED.containers))
    verdict = only(ID, healthy(agent_pods=(pod,)))
    assert verdict.message == f"the agent on node node-1 is not ready: CrashLoopBackOff{reason}"
    (evidence,) = verdict.evidence
    assert evidence.endswith(f"CrashLoopBackOff, 7 restarts, its last run ended with {ended}")
