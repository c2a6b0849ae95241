"""Link 6: a healthy Pod Identity agent on the very node of the pod.

What the agent is: https://github.com/aws/eks-pod-identity-agent (charts/) and
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html.
"""

from datetime import timedelta

from podid.checks.base import EVERYONE, Check
from podid.checks.shared import alone
from podid.checks.shared.facts import Affected, index, reach_on
from podid.checks.shared.once import once
from podid.domain.cluster import DaemonSet, Node, Pod
from podid.domain.findings import Outcome, Severity
from podid.domain.snapshot import Known, Missing, Snapshot, known_or
from podid.domain.workloads import is_agent, live, pods_of, runs_in
from podid.facts.nodes import expects_agent

START_GRACE = timedelta(minutes=2)


def importance(snapshot: Snapshot) -> Severity:
    """Without any association nobody misses the agent."""
    associations = snapshot.associations
    return Severity.INFO if isinstance(associations, Known) and not associations.value else Severity.ERROR


def agents(snapshot: Snapshot) -> list[DaemonSet]:
    return [ds for ds in known_or(snapshot.daemon_sets, ()) if is_agent(ds)]


def fails(check: Check, snapshot: Snapshot) -> bool:
    return any(verdict.outcome is Outcome.FAIL for verdict in alone.judge(check, snapshot))


def lacks_agents(snapshot: Snapshot) -> bool:
    """Whether an agent's DaemonSet has fewer pods than it wants, or there is none; True where that is not seen."""
    sets, pods = agents(snapshot), snapshot.agent_pods
    if isinstance(pods, Missing) or not sets:
        return True
    return any(sum(map(live, pods_of((ds,), pods.value))) < ds.desired for ds in sets)


@once
def unserved(snapshot: Snapshot) -> Affected:
    """Of the nodes that should have a Ready agent and have none; of all, where it cannot be seen which these are."""
    if isinstance(snapshot.agent_pods, Missing):
        return Affected(EVERYONE)
    served, sets = {pod.node for pod in snapshot.agent_pods.value if pod.ready}, agents(snapshot)
    return reach_on(snapshot, lambda node: node.name not in served and expects_agent(node, sets))


def not_judged(pod: Pod, node: Node | None) -> str:
    """Why an agent pod's state says nothing; empty where it does."""
    if not live(pod):
        return "the pod has ended; the DaemonSet replaces it"
    if node is not None and not node.ready:
        return f"node {node.name} is not ready, so its pods' states are out of date"
    return ""


def served_by(snapshot: Snapshot, daemon_set: DaemonSet) -> tuple[str, ...]:
    """The associated service accounts ("ns/name") that have the DaemonSet's agent on a node of their pods."""
    users = index(snapshot).users
    nodes = {pod.node for pod in known_or(snapshot.agent_pods, ()) if live(pod) and runs_in(pod, daemon_set)}
    return tuple(sorted({name for node in nodes for name in users.get(node, ())}))


def option(ds: DaemonSet, flag: str) -> str:
    """The value of a flag of the agent, `--flag value` or `--flag=value`, in a shell's line too; empty without it."""
    words = [part.strip("\"'") for word in (*ds.command, *ds.args) for part in word.split()]
    for position, word in enumerate(words):
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
        if word == flag:
            return words[position + 1] if position + 1 < len(words) else ""
    return ""
