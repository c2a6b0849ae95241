"""The roles of nodes, their ports, and workloads on nodes where no agent runs, as several checks judge them."""

import pytest

from checks.grid import verdicts
from podid.domain.findings import Verdict


def failure(check: str) -> Verdict:
    from checks.cases import FAILING  # imports every module of tests, this one included

    (verdict,) = [item for item in verdicts(check, FAILING[check]) if item.outcome == "fail"]
    return verdict


@pytest.mark.parametrize("check", ["node-role-missing-eks-auth", "scp-denies-eks-auth"])
def test_a_failure_of_a_node_role_names_the_role_and_its_nodes(check: str) -> None:
    verdict = failure(check)
    assert verdict.subject.kind == "Role"
    assert "no pod there gets credentials" in verdict.message


@pytest.mark.parametrize(("check", "platform"), [("fargate-pod", "Fargate"), ("windows-pod", "Windows")])
def test_a_workload_on_nodes_without_an_agent(check: str, platform: str) -> None:
    verdict = failure(check)
    assert f"on {platform}, where there is no Pod Identity agent; use IRSA there" in verdict.message
    assert verdict.pods


@pytest.mark.parametrize(
    ("check", "action"), [("agent-port80-conflict", "be scheduled"), ("agent-probe-port-conflict", "start")]
)
def test_another_pod_uses_a_port_of_the_agent(check: str, action: str) -> None:
    verdict = failure(check)
    assert verdict.message.startswith(f"the agent cannot {action} on node ")
    assert verdict.fix is not None
    assert verdict.fix.commands
