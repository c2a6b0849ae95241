from typing import Any

import pytest

from checks.builder import DENIED, INJECTED, IRSA_ANNOTATION, agent_pod, association, healthy, pod
from checks.grid import answers
from podid.checks.all import ALL
from podid.checks.runner import run_checks
from podid.domain.cluster import Container, Pod, ServiceAccount
from podid.domain.findings import Outcome

ID = "agent-hijacked-by-default-sa"
FAILS = healthy(agent_pods=(agent_pod(containers=pod().containers),))
UNKNOWN = healthy(agent_pods=DENIED)
FINDINGS = [("fail", "error", "ServiceAccount kube-system/default")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (agent_pod(), "pass"),
        (agent_pod(containers=(Container(name="agent", image="x", env=INJECTED),)), "fail"),
        (
            agent_pod(containers=(Container(name="agent", image="x", env={"AWS_WEB_IDENTITY_TOKEN_FILE": "/t"}),)),
            "fail",
        ),
        (agent_pod(containers=(Container(name="agent", image="x", env={"AWS_REGION": "eu-west-1"}),)), "pass"),
    ],
)
def test_agents_with_credentials_of_their_own(one: Pod, expected: str) -> None:
    rows = answers(ID, healthy(agent_pods=(one,)))
    assert rows == [(expected, "error", "ServiceAccount kube-system/default")]


def test_an_association_of_the_agents_account_alone_harms_no_agent() -> None:
    snapshot = healthy(associations=(association(), association("kube-system", "default")))
    assert [a[0] for a in answers(ID, snapshot)] == ["pass"]
    assert [a[:2] for a in answers("default-sa-association", snapshot)] == [("fail", "warn"), ("pass", "warn")]


OF_AGENT = association("kube-system", "default")


@pytest.mark.parametrize(
    ("sections", "skip", "expected"),
    [
        ({}, "", ("pass", "error")),
        ({"associations": (association(), OF_AGENT)}, "", ("fail", "warn")),
        (
            {
                "service_accounts": (
                    ServiceAccount(namespace="kube-system", name="default", annotations=IRSA_ANNOTATION),
                )
            },
            "",
            ("fail", "warn"),
        ),
        ({"associations": (association(), OF_AGENT)}, "eks-pod-identity-agent", ("pass", "error")),
    ],
)
def test_a_restart_would_inject_the_agent(sections: dict[str, Any], skip: str, expected: tuple[str, str]) -> None:
    agent = agent_pod(annotations={"eks.amazonaws.com/skip-containers": skip})
    snapshot = healthy(agent_pods=(agent,), pods=(pod(), agent), **sections)
    ((outcome, severity, subject),) = answers(ID, snapshot)
    assert (outcome, severity, subject) == (*expected, "ServiceAccount kube-system/default")


def test_no_other_check_reports_the_agents_own_pods() -> None:
    """They would have to be replaced for that, and act as another role then."""
    agent = agent_pod(annotations={})
    snapshot = healthy(associations=(association(), OF_AGENT), agent_pods=(agent,), pods=(pod(), agent))
    rows = {v.check for v in run_checks(ALL, snapshot) if v.outcome is Outcome.FAIL and v.link < 9}
    assert rows == {ID, "default-sa-association"}
