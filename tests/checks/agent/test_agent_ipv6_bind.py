from typing import Any

import pytest

from checks.builder import DENIED, cluster, crashing_agent, daemon_set, healthy, pod
from checks.containers import container
from checks.grid import answers, of_node
from harness import table
from podid.domain.evidence import LogSighting
from podid.domain.snapshot import Known

ID = "agent-ipv6-bind"
FAILS = healthy(agent_pods=(crashing_agent(),))
UNKNOWN = healthy(agent_pods=DENIED)
FINDINGS = [("fail", "info", "Pod kube-system/eks-pod-identity-agent-node-1")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


@table(
    ("agent", "sections", "expected"),
    [
        (crashing_agent(), {}, ("fail", "info")),
        (crashing_agent(30), {}, ("pass", "error")),
        (crashing_agent(waiting=""), {}, ("pass", "error")),
        (crashing_agent(failed=None), {}, ("pass", "error")),
        (crashing_agent(), {"daemon_sets": (daemon_set(args=("-b", "169.254.170.23")),)}, ("pass", "error")),
        (crashing_agent(), {"daemon_sets": (daemon_set(args=("--bind-hosts=169.254.170.23",)),)}, ("pass", "error")),
        (crashing_agent(), {"daemon_sets": (daemon_set(args=("-b", "[fd00:ec2::23]")),)}, ("fail", "info")),
        (crashing_agent(), {"cluster": cluster(ip_family="ipv6")}, ("not-applicable", "error")),
    ],
)
def test_an_agent_that_ends_at_once_may_lack_ipv6(
    agent: Any, sections: dict[str, Any], expected: tuple[str, str]
) -> None:
    (answer,) = answers(ID, healthy(agent_pods=(agent,), **sections))
    assert answer[:2] == expected


@pytest.mark.parametrize(
    ("family", "first"), [("ipv4", "install-agent"), ("ipv6", "agent")], ids=["IPv4 alone is enough", "pods need IPv6"]
)
def test_the_fix_binds_ipv4_only_in_a_cluster_of_ipv4(family: str, first: str) -> None:
    seen = LogSighting(id=ID, node="node-1", count=1, sample="bind", running=False)
    snapshot = healthy(
        cluster=cluster(ip_family=family),
        agent_pods=(crashing_agent(restarts=5),),
        agent_crashes={f"kube-system/{crashing_agent().name}": Known((seen,))},
    )
    fix = of_node(ID, snapshot).fix
    assert fix is not None
    assert fix.commands[0][:2] == ("podid", first)


@table(
    ("args", "uri", "outcome"),
    [
        (("-b", "169.254.170.23"), "http://[fd00:ec2::23]/v1/credentials", "fail"),
        (("--bind-hosts=fd00:ec2::23",), "http://169.254.170.23/v1/credentials", "fail"),
        (("-b", "169.254.170.23", "-b", "[fd00:ec2::23]"), "http://[fd00:ec2::23]/v1/credentials", "not-applicable"),
        (("-b", "[fd00:ec2::23]"), "http://[fd00:ec2::23]/v1/credentials", "not-applicable"),
        ((), "http://[fd00:ec2::23]/v1/credentials", "not-applicable"),
        # the pods have their own endpoint
        (("-b", "169.254.170.23"), "http://localhost:9911", "not-applicable"),
    ],
)
def test_an_agent_must_bind_the_address_of_the_pods(args: tuple[str, ...], uri: str, outcome: str) -> None:
    """In an IPv6 cluster, the webhook injects the IPv6 address."""
    asking = pod(containers=(container(AWS_CONTAINER_CREDENTIALS_FULL_URI=uri),))
    sections = {"cluster": cluster(ip_family="ipv6"), "daemon_sets": (daemon_set(args=args),), "pods": (asking,)}
    assert [row[0] for row in answers(ID, healthy(**sections))] == [outcome]
