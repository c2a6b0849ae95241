"""The agent's probes need a port of the node: https://github.com/aws/eks-pod-identity-agent/issues/26. The check does
not see ports of processes outside Kubernetes; the agent's log names them.
"""

from podid.checks.base import Check, Snapshot, Verdicts, rule
from podid.checks.shared.nodes import port_conflicts
from podid.facts.agent import FREES_PROBE_PORT, agents, probe_port


@rule(needs=("daemon_sets", "agent_pods", "pods", "nodes"), wants=("cluster", "associations", "agent_crashes"))
def agent_probe_port_conflict(check: Check, snapshot: Snapshot) -> Verdicts:
    whole, sets = check.of_cluster(snapshot), agents(snapshot)
    if not sets:
        return [whole.skip("no DaemonSet runs the agent")]
    port = probe_port(sets)
    verdicts = port_conflicts(check, snapshot, port, "start", FREES_PROBE_PORT)
    return verdicts or [whole.ok(f"no other pod uses port {port} of the nodes, or the agent is ready nevertheless")]
