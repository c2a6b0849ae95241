from dataclasses import replace

import pytest

from checks.builder import NO_PODS, ago, race
from checks.grid import answers, only
from podid.domain.snapshot import Known

ID = "node-startup-race"
FAILS = race("node-1", "node-2")
UNKNOWN = NO_PODS
FINDINGS = [("fail", "warn", "Cluster prod")]
UNKNOWNS = [("unknown", "warn", "Cluster prod")]


@pytest.mark.parametrize(
    ("nodes", "timing", "expected"),
    [
        (("a", "b"), {}, "fail"),
        (("a",), {}, "pass"),
        # began when the agent was ready, ran for longer, began before there was an agent pod
        (("a", "b"), {"after": 31}, "pass"),
        (("a", "b"), {"lasted": 200}, "pass"),
        (("a", "b"), {"after": -5}, "pass"),
    ],
)
def test_pods_that_failed_before_the_agent_of_their_node_was_ready(
    nodes: tuple[str, ...], timing: dict[str, float], expected: str
) -> None:
    assert answers(ID, race(*nodes, **timing)) == [(expected, "warn", "Cluster prod")]


def test_an_agent_that_is_ready_anew_after_an_outage_was_not_starting_before() -> None:
    raced = race("a", "b", after=1800)
    assert isinstance(raced.agent_pods, Known)
    anew = tuple(replace(agent, ready_since=ago(minutes=1)) for agent in raced.agent_pods.value)
    assert only(ID, replace(raced, agent_pods=Known(anew))).outcome.value == "pass"


def test_a_pod_without_credentials_failed_for_another_reason() -> None:
    raced = race("a", "b")
    assert isinstance(raced.pods, Known)
    bare = tuple(
        replace(p, containers=tuple(replace(c, env={}) for c in p.containers), volumes=()) for p in raced.pods.value
    )
    assert only(ID, replace(raced, pods=Known(bare))).outcome.value == "pass"
