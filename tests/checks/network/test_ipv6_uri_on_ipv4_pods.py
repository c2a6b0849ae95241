from dataclasses import replace

from checks.builder import INJECTED, NO_PODS, healthy, pod, with_env
from checks.grid import WORKLOAD, answers
from harness import table
from podid.domain.snapshot import Snapshot
from podid.domain.workloads import AGENT_ADDRESSES, INJECTED_ENV

ID = "ipv6-uri-on-ipv4-pods"
FAILS = with_env(("10.0.0.9",), AWS_CONTAINER_CREDENTIALS_FULL_URI="http://[fd00:ec2::23]/v1/credentials")
UNKNOWN = NO_PODS
FINDINGS = [("fail", "error", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


def sent(uri: str, *ips: str, host_network: bool = False) -> Snapshot:
    container = replace(pod().containers[0], env={**INJECTED, INJECTED_ENV[0]: uri})
    return healthy(pods=(pod(containers=(container,), ips=ips, host_network=host_network),))


@table(
    ("snapshot", "expected"),
    [
        (sent(AGENT_ADDRESSES[1], "10.0.0.9"), "fail"),
        (sent(AGENT_ADDRESSES[1], "10.0.0.9", "2600::9"), "pass"),
        (sent(AGENT_ADDRESSES[1], "10.0.0.9", host_network=True), "pass"),
        (sent(AGENT_ADDRESSES[1]), "pass"),  # it has no address yet
        (sent(AGENT_ADDRESSES[0], "10.0.0.9"), "pass"),
        (sent(AGENT_ADDRESSES[0], "2600::9"), "pass"),  # IPv6 clusters give pods a way to IPv4 on the node
    ],
)
def test_addresses_of_the_other_family(snapshot: Snapshot, expected: str) -> None:
    assert answers(ID, snapshot) == [(expected, "error", WORKLOAD)]
