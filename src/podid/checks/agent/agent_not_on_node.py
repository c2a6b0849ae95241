from podid.checks.agent.admission_policy_blocks_agent import admission_policy_blocks_agent
from podid.checks.agent.agent_not_installed import agent_not_installed
from podid.checks.agent.agent_pod_unhealthy import agent_pod_unhealthy
from podid.checks.base import Case, Check, Known, Missing, Severity, Snapshot, Verdict, Verdicts, known_or, rule
from podid.domain.cluster import DaemonSet, Node, Pod
from podid.domain.text import count_of, cut, short_list
from podid.domain.workloads import live
from podid.facts.agent import START_GRACE, agents, blocked, importance
from podid.facts.index import podid_command
from podid.facts.nodes import expects_agent, why_left_out, why_no_agent

# the default of every version since v1.2.0
TOLERATES_ALL = 'tolerations=[{"operator":"Exists"}]'
LONGEST = 200


@rule(
    needs=("nodes", "daemon_sets", "agent_pods"),
    wants=("cluster", "associations", "pods", "agent_addon", "agent_warnings"),
)
def agent_not_on_node(check: Check, snapshot: Snapshot) -> Verdicts:
    nodes, sets = known_or(snapshot.nodes, ()), agents(snapshot)
    pods = [pod for pod in known_or(snapshot.agent_pods, ()) if live(pod)]
    present = {pod.node for pod in pods if pod.node}
    unscheduled = [pod for pod in pods if not pod.node]
    young = any(snapshot.taken_at - pod.created_at < START_GRACE for pod in unscheduled)
    addon = known_or(snapshot.agent_addon, None)
    settling = any(ds.observed_generation < ds.generation for ds in sets)
    if not sets and addon is not None and addon.status == "CREATING" and addon.created_at is not None:
        settling = snapshot.taken_at - addon.created_at < START_GRACE
    eligible = [n for n in nodes if expects_agent(n, sets)]
    excluded = bool(sets) and sum(ds.desired for ds in sets) < len(eligible)
    lacking = sum(1 for n in eligible if n.ready and n.name not in present)
    for case, node in check.of_nodes(snapshot):
        if not expects_agent(node, sets):
            yield case.skip(why_no_agent(node))
        elif node.name in present:
            yield case.ok("an agent pod runs here")
        elif not node.ready:
            yield case.skip("the node is not ready")
        elif node.created_at is not None and snapshot.taken_at - node.created_at < START_GRACE:
            yield case.skip("the node joined less than 2 minutes ago")
        elif node.name in blocked(snapshot):
            yield case.skip("another pod uses a port of the node that the agent needs; another check reports it")
        elif young:
            yield case.skip("an agent pod is being scheduled")
        elif settling:
            reason = "the agent's DaemonSet is being rolled out" if sets else "the add-on is being installed"
            yield case.unknown(Missing(reason, error_code="Unsettled"))
        else:
            yield _no_agent_here(case, snapshot, node, sets, excluded, len(unscheduled) >= lacking)


def _no_agent_here(
    case: Case, snapshot: Snapshot, node: Node, sets: list[DaemonSet], excluded: bool, pending: bool
) -> Verdict:
    severity, evidence = importance(snapshot), [f"agent pods with spec.nodeName {node.name}: none"]
    reason = why_left_out(node, sets)
    why = reason or _without_reason(snapshot, node, pending)
    commands: tuple[tuple[str, ...], ...]
    if not sets:
        evidence.append("DaemonSets with the agent's image: none in any namespace")
        commands = (podid_command(snapshot, "install-agent"),)
        addon = known_or(snapshot.agent_addon, None)
        if addon is not None and addon.status in ("ACTIVE", "DEGRADED"):
            evidence.append(f"the add-on is {addon.status}: its DaemonSet was deleted, and is created on install only")
            commands = (podid_command(snapshot, "uninstall-agent"), *commands)
    else:
        desired = sum(ds.desired for ds in sets)
        evidence.append(f"desired by the agent's DaemonSets: {count_of(desired, 'pod')}")
        if reason or excluded:
            evidence.append(f"excluded by: {reason or 'its nodeSelector, affinity or tolerations'}")
            # a node pool that is excluded on purpose matters only if an associated pod runs there
            severity = severity if case.chain or severity is Severity.INFO else Severity.WARN
        commands = (*_including(snapshot, sets, reason), podid_command(snapshot, "agent", "status"))
    who = f"; pods of {short_list(case.chain)} there get no credentials" if case.chain else ""
    return case.fail(
        f"no agent pod runs on node {node.name}{f': {why}' if why else ''}{who}",
        *evidence,
        severity=severity,
        commands=commands,
        masked_by="" if reason else _cause(snapshot, bool(sets), pending),
    )


def _without_reason(snapshot: Snapshot, node: Node, pending: bool) -> str:
    """Return why a node that the DaemonSets include has no agent pod, by the states of their pods; empty if these do
    not show it."""
    pods = known_or(snapshot.agent_pods, ())
    ended = [f"{pod.name} was {pod.reason.lower()}: {pod.message}" for pod in pods if _ended_on(pod, node)]
    waiting = [f"an agent pod waits: {pod.message}" for pod in pods if pending and not pod.node and pod.message]
    return cut(next(iter((*ended, *waiting)), ""), LONGEST)


def _ended_on(pod: Pod, node: Node) -> bool:
    return pod.node == node.name and not live(pod) and bool(pod.reason and pod.message)


def _including(snapshot: Snapshot, sets: list[DaemonSet], reason: str) -> tuple[tuple[str, ...], ...]:
    """Return the commands that let the DaemonSets include a node that they exclude for the reason, or else that show
    the events of the DaemonSets."""
    if reason.startswith("the taint "):
        return (podid_command(snapshot, "install-agent", "--config", TOLERATES_ALL),)
    setting = next((name for name in ("nodeSelector", "affinity") if name in reason), "")
    # EKS sets a nodeSelector only if the add-on's configuration has one
    if setting == "nodeSelector" and any(setting in path for ds in sets for path in ds.set_by.get("eks", ())):
        return (podid_command(snapshot, "install-agent", "--config", f"{setting}=null"),)
    verb = "edit" if setting else "describe"
    return tuple(("kubectl", "-n", ds.namespace, verb, "daemonset", ds.name) for ds in sets)


def _cause(snapshot: Snapshot, has_agent: bool, pending: bool) -> str:
    """Return the id of a failure that keeps the agent off more than this node; empty if there is none."""
    if has_agent:
        refused = admission_policy_blocks_agent.fails(snapshot)
        return admission_policy_blocks_agent.id if refused else agent_pod_unhealthy.id if pending else ""
    addon = known_or(snapshot.agent_addon, None)
    if addon is not None:
        return "addon-degraded-or-failed" if addon.status.endswith("_FAILED") else ""
    readable = isinstance(snapshot.cluster, Known) and isinstance(snapshot.associations, Known)
    return agent_not_installed.id if readable and agent_not_installed.fails(snapshot) else ""
