"""Who may preempt whom: https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/."""

from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.agent import agents
from podid.checks.shared.facts import cluster_subject, podid_command
from podid.checks.shared.ports import clashes
from podid.domain.findings import Severity, Subject, Verdict
from podid.domain.snapshot import Snapshot, known
from podid.domain.workloads import live
from podid.facts.agent import FREES_PORT, NO_FREE_PORT, PROXY_PORT


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
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


CHECK = Check.of(
    "agent-port80-conflict",
    rule,
    needs=("daemon_sets", "agent_pods", "pods", "nodes"),
    wants=("cluster", "associations", "agent_crashes"),
)
