"""Failure modes in the logs of the agents."""

from typing import Any

import pytest

from checks.builder import crashing_agent, healthy
from checks.grid import of_node
from harness import table
from podid.checks.all import BY_ID
from podid.checks.shared.logs import TOLD_BY_OTHERS
from podid.domain.evidence import LogSighting
from podid.domain.snapshot import Known
from podid.facts.agent_logs import RULES
from podid.ops.status.diagnose import diagnose

SHOWN = sorted({rule.id for rule in RULES if not rule.noise} - TOLD_BY_OTHERS)


@table("mode", SHOWN)
def test_the_end_of_the_log_explains_an_agent_that_is_not_ready(mode: str) -> None:
    """It is an error of the node, and the only other finding follows from it."""
    agent = crashing_agent(restarts=5)
    why = LogSighting(id=mode, node=agent.node, count=1, sample="the last line", running=False)
    snapshot = healthy(agent_pods=(agent,), agent_crashes={f"{agent.namespace}/{agent.name}": Known((why,))})
    findings = {(v.check, str(v.subject), v.severity.value, v.masked_by) for v in diagnose(snapshot).findings}
    severity = BY_ID[mode].severity.value
    assert findings == {
        (mode, "Node node-1", severity, ""),
        ("agent-pod-unhealthy", f"Pod kube-system/{agent.name}", "error", mode),
    }


@pytest.mark.parametrize(
    "read", [Known(()), Known((LogSighting(id="association-missing", node="node-1", count=1, sample="another line"),))]
)
def test_a_log_without_a_failure_mode_explains_nothing(read: Any) -> None:
    agent = crashing_agent(restarts=5)
    snapshot = healthy(agent_pods=(agent,), agent_crashes={f"{agent.namespace}/{agent.name}": read})
    assert [(v.check, v.masked_by) for v in diagnose(snapshot).findings] == [("agent-pod-unhealthy", "")]


def test_a_failure_in_both_logs_of_an_agent_is_one_finding() -> None:
    agent = crashing_agent(restarts=5)
    name = f"{agent.namespace}/{agent.name}"
    last, whole = (
        LogSighting(id="agent-ipv6-bind", node="node-1", count=count, sample="bind", running=False) for count in (1, 7)
    )
    snapshot = healthy(agent_pods=(agent,), agent_crashes={name: Known((last,))}, agent_logs={name: Known((whole,))})
    verdict = of_node("agent-ipv6-bind", snapshot)
    assert verdict.message == "occurred 7 times in the log of the agent on node node-1"


@table(
    ("mode", "accounts", "affected"),
    [
        ("bearer-token-prefix", ("shop/orders",), True),
        # another application of the node sends a wrong request
        ("bearer-token-prefix", ("shop/web",), False),
        ("bearer-token-prefix", (), False),
        # no pod of the node gets credentials
        ("eks-auth-unreachable", ("shop/web",), True),
        ("eks-auth-unreachable", (), True),
    ],
)
def test_a_wrong_request_affects_only_its_sender(mode: str, accounts: tuple[str, ...], affected: bool) -> None:
    logged = LogSighting(id=mode, node="node-1", count=1, sample="a line", accounts=accounts)
    verdict = of_node(mode, healthy(agent_logs={"kube-system/agent": Known((logged,))}))
    assert ("shop/orders" in verdict.chain) == affected


@table(
    ("address", "setting"),
    [
        ("127.0.0.1:2703", "agent.probePort=2704"),
        ("0.0.0.0:2705", "agent.additionalArgs.--metrics-port=2706"),
    ],
)
def test_the_fix_frees_the_port_that_the_log_names(address: str, setting: str) -> None:
    sample = f"Unable to start server: listen tcp {address}: bind: address already in use"
    logged = LogSighting(id="agent-probe-port-conflict", node="node-1", count=1, sample=sample, running=False)
    verdict = of_node(logged.id, healthy(agent_logs={"kube-system/agent": Known((logged,))}))
    assert verdict.fix is not None
    assert setting in verdict.fix.commands[0]
