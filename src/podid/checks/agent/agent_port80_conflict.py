"""Pods that can preempt other pods: https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/."""

from podid.checks.base import Check, Severity, Snapshot, Verdicts, known, rule
from podid.checks.shared.nodes import port_conflicts
from podid.domain.workloads import live
from podid.facts.agent import FREES_PORT, NO_FREE_PORT, PROXY_PORT, agents, blocked, importance
from podid.facts.index import namespaces_words, podid_command


@rule(needs=("daemon_sets", "agent_pods", "pods", "nodes"), wants=("cluster", "associations", "agent_crashes"))
def agent_port80_conflict(check: Check, snapshot: Snapshot) -> Verdicts:
    whole, sets = check.of_cluster(snapshot), agents(snapshot)
    if not sets:
        return [whole.skip("no DaemonSet runs the agent")]
    if not any(PROXY_PORT in ds.host_ports for ds in sets):
        return [whole.ok("the agent does not declare port 80, so other pods can use it")]
    verdicts = port_conflicts(check, snapshot, PROXY_PORT, "be scheduled", FREES_PORT)
    ports = {port for ds in sets for port in ds.host_ports}
    holding = {pod.node for pod in known(snapshot.pods) if not ports.isdisjoint(pod.host_ports)}
    verdicts += [
        case.fail(
            f"the agent cannot be scheduled on node {node.name}: another pod uses one of its ports",
            f"not checked: pods outside {namespaces_words(snapshot)}",
            severity=importance(snapshot),
            commands=(podid_command(snapshot, "doctor", "--link", "agent"),),
        )
        for case, node in check.of_nodes(snapshot)
        if node.name in blocked(snapshot) - holding
    ]
    message = f"the pod cannot be scheduled: the agent uses port {PROXY_PORT} of the nodes"
    command = podid_command(snapshot, "install-agent", "--config", FREES_PORT)
    verdicts += [
        check.case(pod.subject).fail(message, pod.message, severity=Severity.WARN, commands=(command,))
        for pod in known(snapshot.pods)
        if live(pod)
        and not pod.node
        and PROXY_PORT in pod.host_ports
        and NO_FREE_PORT in pod.message
        and pod not in known(snapshot.agent_pods)
    ]
    return verdicts or [whole.ok(f"no other pod uses port {PROXY_PORT} of the agent's nodes")]
