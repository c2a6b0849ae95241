"""Pods without IPv6 that got the agent's IPv6 address: https://github.com/aws/containers-roadmap/issues/2639."""

from podid.checks.base import Check, Snapshot, Verdicts, count_of, rule, short_list
from podid.domain.cluster import Pod
from podid.domain.workloads import AGENT_ADDRESSES, INJECTED_ENV


@rule(needs=("associations", "pods"))
def ipv6_uri_on_ipv4_pods(check: Check, snapshot: Snapshot) -> Verdicts:
    for case, (_, _, pods) in check.of_workloads(snapshot):
        lost = [pod for pod in pods if _unreachable(pod)]
        if not lost:
            yield case.ok("its pods can reach the injected address of the agent")
            continue
        yield case.fail(
            f"{len(lost)} of {count_of(len(pods), 'pod')} got the agent's IPv6 address, but no IPv6 address of "
            f"{'its' if len(lost) == 1 else 'their'} own",
            f"pods: {short_list(f'{pod.name} ({short_list(pod.ips)})' for pod in lost)}",
            f"{INJECTED_ENV[0]}: {AGENT_ADDRESSES[1]}",
            pods=lost,
        )


def _unreachable(pod: Pod) -> bool:
    """Return whether the pod cannot reach the address. Pods on the host network reach both."""
    sent = any(c.env.get(INJECTED_ENV[0]) == AGENT_ADDRESSES[1] for c in pod.containers)
    return sent and not pod.host_network and bool(pod.ips) and not any(":" in ip for ip in pod.ips)
