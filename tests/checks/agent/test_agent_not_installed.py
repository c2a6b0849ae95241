from dataclasses import replace

import pytest

from checks.builder import DENIED, cluster, daemon_set, healthy, no_agent, node
from checks.grid import answers, only
from harness import table
from podid.domain.snapshot import Snapshot

ID = "agent-not-installed"
FAILS = no_agent()
UNKNOWN = healthy(agent_addon=DENIED, daemon_sets=())
FINDINGS = [("fail", "error", "Cluster prod")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


@table(
    ("snapshot", "expected"),
    [
        pytest.param(healthy(), ("pass", "error"), id="add-on"),
        pytest.param(healthy(agent_addon=None), ("pass", "error"), id="self-managed"),
        pytest.param(
            healthy(
                agent_addon=None, daemon_sets=(daemon_set(name="pia", namespace="infra", images=("r.example/pia:1",)),)
            ),
            ("pass", "error"),
            id="renamed and mirrored",
        ),
        pytest.param(no_agent(), ("fail", "error"), id="nothing"),
        pytest.param(no_agent(associations=()), ("fail", "info"), id="nothing, and nobody needs it"),
        pytest.param(
            no_agent(cluster=cluster(auto_mode=True), nodes=(node(compute_type="auto"),)),
            ("not-applicable", "error"),
            id="auto",
        ),
        pytest.param(
            no_agent(nodes=(node(compute_type="fargate"), node("w", os="windows"))),
            ("not-applicable", "error"),
            id="fargate",
        ),
        pytest.param(no_agent(nodes=()), ("fail", "error"), id="scaled to zero nodes"),
        pytest.param(healthy(agent_addon=DENIED), ("pass", "error"), id="add-on unreadable, DaemonSet seen"),
        pytest.param(healthy(agent_addon=DENIED, daemon_sets=()), ("unknown", "error"), id="add-on unreadable"),
        pytest.param(healthy(agent_addon=None, daemon_sets=DENIED), ("unknown", "error"), id="DaemonSets unreadable"),
        pytest.param(healthy(associations=DENIED), ("pass", "error"), id="associations unreadable, add-on seen"),
        pytest.param(no_agent(associations=DENIED), ("unknown", "error"), id="associations unreadable"),
    ],
)
def test_an_agent_is_required_where_a_node_can_run_it(snapshot: Snapshot, expected: tuple[str, str]) -> None:
    assert answers(ID, snapshot) == [(*expected, "Cluster prod")]


def test_the_message_does_not_depend_on_the_number_of_associations() -> None:
    verdict = only(ID, no_agent())
    assert verdict.message == (
        "the agent is not installed: there is neither the add-on eks-pod-identity-agent nor a DaemonSet; "
        "no association works without the agent"
    )
    nobody = no_agent(associations=())
    assert only(ID, nobody).message.endswith("nor a DaemonSet; no association needs the agent yet")
    of_shop = only(ID, replace(nobody, only_namespaces=("shop",)))
    assert of_shop.message.endswith("nor a DaemonSet; no association of namespace shop needs the agent yet")
    assert verdict.fix is not None
    assert verdict.fix.commands == (("podid", "install-agent", "--cluster", "prod"),)
