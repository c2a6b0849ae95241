"""A node whose kernel has IPv6 switched off has no address for the agent to listen on:
https://github.com/aws/eks-pod-identity-agent/issues/16. Only the agent's log says so; from outside it looks like an
agent that ends as soon as it starts, and that binds both families.
"""

from datetime import timedelta

from podid.checks.base import Check, Severity, Snapshot, Verdicts, known, rule
from podid.checks.shared.logs import IPV4_ONLY as IPV4_ONLY
from podid.checks.shared.logs import ends_by
from podid.domain.cluster import DaemonSet, Pod
from podid.domain.workloads import runs_in
from podid.facts.agent import agents, not_judged, option
from podid.facts.index import podid_command

# it binds before it does anything else
AT_ONCE = timedelta(seconds=10)


@rule(needs=("cluster", "daemon_sets", "agent_pods"), wants=("nodes", "associations", "pods", "agent_crashes"))
def agent_ipv6_bind(check: Check, snapshot: Snapshot) -> Verdicts:
    """A note beside the agent that is not ready, where its log was not read; what a log shows is told by `in_logs`."""
    sets, ipv4 = agents(snapshot), known(snapshot.cluster).ip_family == "ipv4"
    for case, pod in check.of_agent_pods(snapshot):
        ds = next((daemon_set for daemon_set in sets if runs_in(pod, daemon_set)), None)
        if reason := not_judged(snapshot, pod):
            yield case.skip(reason)
        elif not ipv4:
            yield case.skip("the cluster's pods have IPv6 addresses, so its nodes have IPv6")
        elif pod.ready or ds is None:
            yield case.ok("the agent listens")
        elif _bound(ds):
            yield case.ok(f"the agent is told to bind {_bound(ds)} alone")
        elif not _ends_at_once(pod):
            yield case.ok("the agent does not end as soon as it starts")
        elif ends_by(snapshot, pod) is not None:
            yield case.ok("its log is told of its node, whatever it shows")
        else:
            yield case.fail(
                f"the agent on node {pod.node} ends as soon as it starts, and it binds [fd00:ec2::23], which a node "
                "with IPv6 switched off does not have; its log says whether it is that",
                severity=Severity.INFO,
                evidence=("its log then has: bind: cannot assign requested address",),
                commands=(
                    podid_command(snapshot, "agent", "logs", "--node", pod.node),
                    podid_command(snapshot, "install-agent", "--config", IPV4_ONLY),
                ),
            )


def _bound(ds: DaemonSet) -> str:
    return option(ds, "-b") or option(ds, "--bind-hosts")


def _ends_at_once(pod: Pod) -> bool:
    runs = [c.failed for c in pod.containers if not c.init and c.waiting == "CrashLoopBackOff" and c.failed is not None]
    return any(ended - began <= AT_ONCE for began, ended in runs)
