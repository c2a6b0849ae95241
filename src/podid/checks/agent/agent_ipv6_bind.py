"""On a node with IPv6 disabled in the kernel, the agent cannot bind its IPv6 address:
https://github.com/aws/eks-pod-identity-agent/issues/16. Only the agent's log shows it. Without the log, it looks like
an agent that exits as soon as it starts, and that binds both address families.
"""

from datetime import timedelta

from podid.checks.base import Check, Severity, Snapshot, Verdicts, known, known_or, rule
from podid.checks.shared.logs import IPV4_ONLY as IPV4_ONLY
from podid.checks.shared.logs import ends_by
from podid.domain.cluster import DaemonSet
from podid.domain.grouping import grouped
from podid.domain.network import AGENT_ADDRESS
from podid.domain.workloads import AGENT_ADDRESSES, INJECTED_ENV, live, runs_in
from podid.facts.agent import agents, is_addons, not_judged, options
from podid.facts.index import podid_command

# removes the option, so that the agent binds both of its addresses
BINDS_BOTH = "agent.additionalArgs.-b=null"
# binding is the first thing that the agent does
AT_ONCE = timedelta(seconds=10)


@rule(needs=("cluster", "daemon_sets", "agent_pods"), wants=("nodes", "associations", "pods", "agent_crashes"))
def agent_ipv6_bind(check: Check, snapshot: Snapshot) -> Verdicts:
    """Report an agent that does not bind the address of its node's pods, and info on an agent that is not ready and
    whose log was not read. `in_logs` reports errors in logs."""
    addresses = _addresses(snapshot)
    sets, ipv4 = agents(snapshot), known(snapshot.cluster).ip_family == "ipv4"
    for case, pod in check.of_agent_pods(snapshot):
        ds = next((daemon_set for daemon_set in sets if runs_in(pod, daemon_set)), None)
        crashing = (c for c in pod.containers if not c.init and c.waiting == "CrashLoopBackOff")
        runs = [container.failed for container in crashing if container.failed is not None]
        if reason := not_judged(snapshot, pod):
            yield case.skip(reason)
        elif (
            pod.ready
            and ds is not None
            and (unbound := [a for a in addresses.get(pod.node, ()) if a not in (_bound(ds) or a)])
        ):
            managed = podid_command(snapshot, "install-agent", "--config", BINDS_BOTH)
            yield case.fail(
                f"the agent on node {pod.node} binds only {_bound(ds)}, but pods there send requests to {unbound[0]}",
                f"DaemonSet {ds.namespace}/{ds.name}: -b {_bound(ds)}",
                commands=(managed if is_addons(ds) else ("kubectl", "-n", ds.namespace, "edit", "daemonset", ds.name),),
            )
        elif not ipv4:
            yield case.skip("the cluster uses IPv6, so its nodes have IPv6 enabled")
        elif pod.ready or ds is None:
            yield case.ok("the agent is ready")
        elif _bound(ds) and ":" not in _bound(ds):
            yield case.ok(f"the agent is configured to bind only {_bound(ds)}")
        elif not any(ended - began <= AT_ONCE for began, ended in runs):
            yield case.ok("the agent does not exit as soon as it starts")
        elif ends_by(snapshot, pod) is not None:
            yield case.ok("the finding on its node includes its log")
        else:
            yield case.fail(
                f"the agent on node {pod.node} exits as soon as it starts; a possible cause is that IPv6 is disabled "
                "on the node, where the agent cannot bind [fd00:ec2::23]",
                "log message of this cause: bind: cannot assign requested address",
                severity=Severity.INFO,
                commands=(
                    podid_command(snapshot, "agent", "logs", "--node", pod.node),
                    podid_command(snapshot, "install-agent", "--config", IPV4_ONLY),
                ),
            )


def _bound(ds: DaemonSet) -> str:
    return ",".join(options(ds, "-b", "--bind-hosts"))


def _addresses(snapshot: Snapshot) -> dict[str, list[str]]:
    """Return, by node, the agent's addresses in the variables of live pods."""
    containers = ((pod.node, c) for pod in known_or(snapshot.pods, ()) if live(pod) for c in pod.containers)
    uris = {(node, c.env.get(INJECTED_ENV[0], "")) for node, c in containers}
    ipv4, ipv6 = AGENT_ADDRESS["ipv4"], AGENT_ADDRESS["ipv6"]
    address_of = dict(zip(AGENT_ADDRESSES, (ipv4, ipv6), strict=True))
    return grouped((node, address_of[uri]) for node, uri in sorted(uris) if uri in address_of)
