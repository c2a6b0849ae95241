"""Who may preempt whom: https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/."""

from podid.checks.base import Check, Verdicts, rule
from podid.checks.shared.ports import clashes
from podid.domain.findings import Severity, Subject
from podid.domain.snapshot import Snapshot, known
from podid.domain.workloads import live
from podid.facts.agent import FREES_PORT, NO_FREE_PORT, PROXY_PORT, agents
from podid.facts.index import cluster_subject, podid_command


@rule(needs=("daemon_sets", "agent_pods", "pods", "nodes"), wants=("cluster", "associations", "agent_crashes"))
def agent_port80_conflict(check: Check, snapshot: Snapshot) -> Verdicts:
    whole, sets = check.case(cluster_subject(snapshot)), agents(snapshot)
    if not sets:
        return [whole.skip("no DaemonSet runs the agent")]
    if not any(PROXY_PORT in ds.host_ports for ds in sets):
        return [whole.ok("the agent does not declare port 80, so other pods may have it")]
    found = clashes(check, snapshot, PROXY_PORT, "be scheduled", FREES_PORT)
    found += [
        check.case(Subject("Pod", pod.name, pod.namespace)).fail(
            f"the pod cannot be scheduled: port {PROXY_PORT} of the nodes is the agent's",
            severity=Severity.WARN,
            evidence=(pod.message,),
            commands=(podid_command(snapshot, "install-agent", "--config", FREES_PORT),),
        )
        for pod in known(snapshot.pods)
        if live(pod)
        and not pod.node
        and PROXY_PORT in pod.host_ports
        and NO_FREE_PORT in pod.message
        and pod not in known(snapshot.agent_pods)
    ]
    return found or [whole.ok(f"port {PROXY_PORT} of the agent's nodes is the agent's alone")]
