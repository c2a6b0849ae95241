"""Link 6: a healthy Pod Identity agent on the very node of the pod.

What the agent is and where its DaemonSet goes: https://github.com/aws/eks-pod-identity-agent (charts/) and
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html.
"""

from collections.abc import Iterable
from datetime import timedelta

from podid.checks.base import EVERYONE, check
from podid.checks.facts import cluster_name, index, podid_command
from podid.domain.findings import FixClass, Outcome, Severity, Subject, Verdict
from podid.domain.model import DaemonSet, Node, Pod
from podid.domain.names import AGENT_ADDON
from podid.domain.snapshot import Known, Missing, Snapshot, known, known_or
from podid.domain.words import short_list
from podid.domain.workloads import is_agent, live

START_GRACE = timedelta(minutes=2)
ADDON_GRACE = timedelta(minutes=20)
HOPELESS = (
    "CrashLoopBackOff",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
)


def _importance(snapshot: Snapshot) -> Severity:
    """Without any association nobody misses the agent."""
    associations = snapshot.associations
    return Severity.INFO if isinstance(associations, Known) and not associations.value else Severity.ERROR


def _agents(snapshot: Snapshot) -> list[DaemonSet]:
    return [ds for ds in known_or(snapshot.daemon_sets, ()) if is_agent(ds)]


@check(
    id="agent-not-installed",
    severity=Severity.ERROR,
    link=6,
    title="the Pod Identity agent is installed, or built into every node",
    needs=("cluster", "associations"),
    wants=("agent_addon", "daemon_sets", "nodes"),
    fix=FixClass.ASK,
)
def agent_not_installed(snapshot: Snapshot) -> Iterable[Verdict]:
    cluster = known(snapshot.cluster)
    subject = Subject("Cluster", cluster.name)
    addon, daemon_sets = snapshot.agent_addon, snapshot.daemon_sets
    if isinstance(addon, Known) and addon.value is not None:
        yield agent_not_installed.ok(subject, f"add-on {AGENT_ADDON} is installed", chain=EVERYONE)
        return
    if isinstance(daemon_sets, Known) and (agents := [ds for ds in daemon_sets.value if is_agent(ds)]):
        names = short_list(f"{ds.namespace}/{ds.name}" for ds in agents)
        yield agent_not_installed.ok(subject, f"a self-managed agent is installed: {names}", chain=EVERYONE)
        return
    if reason := _needs_no_daemon_set(cluster.auto_mode, snapshot):
        yield agent_not_installed.skip(subject, reason, chain=EVERYONE)
        return
    for missing in (addon, daemon_sets):
        if isinstance(missing, Missing):
            yield agent_not_installed.unknown(subject, missing, chain=EVERYONE)
            return
    count = len(known(snapshot.associations))
    yield agent_not_installed.fail(
        subject,
        f"neither the add-on {AGENT_ADDON} nor a DaemonSet that runs the agent exists; "
        f"{count} association(s) depend on it",
        chain=EVERYONE,
        severity=_importance(snapshot),
        evidence=(f"DescribeAddon {AGENT_ADDON}: not found", "no DaemonSet in any namespace runs the agent's image"),
        commands=(podid_command(snapshot, "install-agent"),),
    )


def _needs_no_daemon_set(auto_mode: bool, snapshot: Snapshot) -> str:
    """Why no DaemonSet is expected, empty if one is: Auto Mode nodes have the agent built in, Fargate and Windows
    nodes cannot run it; other nodes of an Auto Mode cluster are judged one by one."""
    if not isinstance(snapshot.nodes, Known):
        return "EKS Auto Mode: the agent is built into its nodes" if auto_mode else ""
    nodes = snapshot.nodes.value
    if auto_mode:
        return "EKS Auto Mode: the agent is built into its nodes; other nodes are judged one by one"
    if nodes and all(n.compute_type in ("auto", "fargate") or n.os == "windows" for n in nodes):
        return "no node of this cluster can run the agent's DaemonSet (Auto Mode, Fargate and Windows nodes only)"
    return ""


@check(
    id="agent-pod-unhealthy",
    severity=Severity.ERROR,
    link=6,
    title="every agent pod is ready",
    needs=("daemon_sets", "agent_pods"),
    wants=("nodes", "associations", "pods"),
    fix=FixClass.PRINT,
)
def agent_pod_unhealthy(snapshot: Snapshot) -> Iterable[Verdict]:
    return _pod_verdicts(snapshot)


def _pod_verdicts(snapshot: Snapshot) -> Iterable[Verdict]:
    facts = index(snapshot)
    for pod in known_or(snapshot.agent_pods, ()):
        subject = Subject("Pod", pod.name, pod.namespace)
        chain = facts.users.get(pod.node, ())
        if reason := _not_judged(pod, facts.nodes.get(pod.node), snapshot):
            yield agent_pod_unhealthy.skip(subject, reason, chain=chain)
        elif pod.ready:
            yield agent_pod_unhealthy.ok(subject, "the agent is ready", chain=chain)
        else:
            where = f"on node {pod.node}" if pod.node else "(not scheduled to a node)"
            yield agent_pod_unhealthy.fail(
                subject,
                f"the agent {where} is not ready: {_trouble(pod)}",
                chain=chain,
                severity=_importance(snapshot),
                evidence=tuple(
                    f"container {c.name}: {c.waiting or 'not ready'}, {c.restarts} restart(s)"
                    for c in pod.containers
                    if c.waiting or (not c.ready and not c.init)
                ),
                commands=(
                    ("kubectl", "-n", pod.namespace, "describe", "pod", pod.name),
                    ("kubectl", "-n", pod.namespace, "logs", pod.name, "--all-containers", "--tail=50"),
                ),
            )


def _not_judged(pod: Pod, node: Node | None, snapshot: Snapshot) -> str:
    if not live(pod):
        return "the pod has ended; the DaemonSet replaces it"
    if node is not None and not node.ready:
        return f"node {node.name} is not ready, so its pods' states are out of date"
    young = snapshot.taken_at - pod.created_at < START_GRACE
    if not pod.ready and young and not any(c.waiting in HOPELESS for c in pod.containers):
        return "the pod is still starting"
    return ""


def _trouble(pod: Pod) -> str:
    waiting = sorted({c.waiting for c in pod.containers if c.waiting})
    if waiting:
        return ", ".join(waiting)
    return pod.reason or f"phase {pod.phase}"


@check(
    id="addon-degraded-or-failed",
    severity=Severity.ERROR,
    link=6,
    title=f"the add-on {AGENT_ADDON} is ACTIVE without issues",
    needs=("agent_addon",),
    wants=("cluster", "associations", "daemon_sets", "agent_pods", "nodes"),
    fix=FixClass.PRINT,
)
def addon_degraded_or_failed(snapshot: Snapshot) -> Iterable[Verdict]:
    addon = known(snapshot.agent_addon)
    subject = Subject("Addon", AGENT_ADDON)
    if addon is None:
        yield addon_degraded_or_failed.skip(subject, "the agent is not installed as an add-on", chain=EVERYONE)
        return
    age = None if addon.created_at is None else snapshot.taken_at - addon.created_at
    stuck = addon.status == "CREATING" and age is not None and age >= ADDON_GRACE
    if addon.status in ("CREATING", "UPDATING", "DELETING") and not stuck:
        waiting = Missing(f"the add-on is {addon.status}; look again when it has settled", error_code="Unsettled")
        yield addon_degraded_or_failed.unknown(subject, waiting, chain=EVERYONE)
        return
    codes = {issue.code for issue in addon.issues}
    if addon.status == "ACTIVE" and not addon.issues:
        yield addon_degraded_or_failed.ok(subject, f"ACTIVE, {addon.version}", chain=EVERYONE)
        return
    severity, masked_by = _importance(snapshot), ""
    message = f"the add-on is {addon.status}" + (f": {', '.join(sorted(codes))}" if codes else "")
    if codes == {"InsufficientNumberOfReplicas"}:
        severity, message, masked_by = _too_few_replicas(snapshot, severity, message)
    elif addon.status == "ACTIVE":
        severity = _at_most_warn(severity)
    yield addon_degraded_or_failed.fail(
        subject,
        message,
        chain=EVERYONE,
        severity=severity,
        evidence=tuple(
            f"{issue.code}: {issue.message}" + (f" ({short_list(issue.resource_ids)})" if issue.resource_ids else "")
            for issue in addon.issues
        ),
        commands=(
            ("aws", "eks", "describe-addon", "--cluster-name", cluster_name(snapshot), "--addon-name", AGENT_ADDON),
            podid_command(snapshot, "agent", "status"),
        ),
        masked_by=masked_by,
    )


def _at_most_warn(severity: Severity) -> Severity:
    return Severity.WARN if severity is Severity.ERROR else severity


def _too_few_replicas(snapshot: Snapshot, severity: Severity, message: str) -> tuple[Severity, str, str]:
    """Severity, message and masking check for an add-on whose only issue is the number of ready agent pods: where the
    pods can be looked at, they tell the cause, or that the status is out of date."""
    agents = _agents(snapshot)
    if agents and all(ds.desired == 0 for ds in agents):
        return Severity.INFO, f"{message}: no node needs an agent pod yet", ""
    if any(v.outcome is Outcome.FAIL for v in _pod_verdicts(snapshot)):
        return severity, message, agent_pod_unhealthy.id
    if any(v.outcome is Outcome.FAIL for v in _node_verdicts(snapshot)):
        return severity, message, agent_not_on_node.id
    pods = known_or(snapshot.agent_pods, ())
    if pods and all(pod.ready for pod in pods if live(pod)):
        return _at_most_warn(severity), f"{message}, although every agent pod is ready: the status may be stale", ""
    return severity, message, ""


@check(
    id="agent-not-on-node",
    severity=Severity.ERROR,
    link=6,
    title="an agent pod runs on every node that needs one",
    needs=("nodes", "daemon_sets", "agent_pods"),
    wants=("cluster", "associations", "pods"),
    fix=FixClass.ASK,
)
def agent_not_on_node(snapshot: Snapshot) -> Iterable[Verdict]:
    return _node_verdicts(snapshot)


def _node_verdicts(snapshot: Snapshot) -> Iterable[Verdict]:
    nodes, agents = known_or(snapshot.nodes, ()), _agents(snapshot)
    pods = [pod for pod in known_or(snapshot.agent_pods, ()) if live(pod)]
    present = {pod.node for pod in pods if pod.node}
    unscheduled = [pod for pod in pods if not pod.node]
    young = any(snapshot.taken_at - pod.created_at < START_GRACE for pod in unscheduled)
    settling = any(ds.observed_generation < ds.generation for ds in agents)
    eligible = [n for n in nodes if expects_agent(n, agents)]
    excluded = bool(agents) and sum(ds.desired for ds in agents) < len(eligible)
    users = index(snapshot).users
    lacking = sum(1 for n in eligible if n.ready and n.name not in present)
    for node in nodes:
        subject, chain = Subject("Node", node.name), users.get(node.name, ())
        if not expects_agent(node, agents):
            yield agent_not_on_node.skip(subject, why_no_agent(node), chain=chain)
        elif node.name in present:
            yield agent_not_on_node.ok(subject, "an agent pod runs here", chain=chain)
        elif not node.ready:
            yield agent_not_on_node.skip(subject, "the node is not ready", chain=chain)
        elif node.created_at is not None and snapshot.taken_at - node.created_at < START_GRACE:
            yield agent_not_on_node.skip(subject, "the node has just joined", chain=chain)
        elif young:
            yield agent_not_on_node.skip(subject, "an agent pod is being scheduled", chain=chain)
        elif settling:
            moving = Missing("the agent's DaemonSet is being rolled out", error_code="Unsettled")
            yield agent_not_on_node.unknown(subject, moving, chain=chain)
        else:
            yield _no_agent_here(snapshot, node, chain, agents, excluded, len(unscheduled) >= lacking)


def expects_agent(node: Node, agents: list[DaemonSet]) -> bool:
    """Hybrid nodes have DaemonSets of their own, which are off by default: they count once one of these exists."""
    if node.compute_type == "hybrid" and node.os == "linux":
        return any("hybrid" in ds.name for ds in agents)
    return node.runs_agent


def why_no_agent(node: Node) -> str:
    if node.compute_type == "auto":
        return "EKS Auto Mode: the agent is built in"
    if node.compute_type == "hybrid":
        return "hybrid node, and no hybrid DaemonSet of the agent is installed"
    if node.os != "linux" or node.compute_type == "fargate":
        return f"the agent cannot run on a {node.compute_type or node.os} node"
    return f"the agent has no image for {node.arch}"


def _no_agent_here(
    snapshot: Snapshot,
    node: Node,
    chain: tuple[str, ...],
    agents: list[DaemonSet],
    excluded: bool,
    pending: bool,
) -> Verdict:
    severity, evidence = _importance(snapshot), [f"no running agent pod has spec.nodeName {node.name}"]
    commands: tuple[tuple[str, ...], ...]
    if not agents:
        evidence.append("no DaemonSet in any namespace runs the agent")
        commands = (podid_command(snapshot, "install-agent"),)
    else:
        commands = (
            *(("kubectl", "-n", ds.namespace, "describe", "daemonset", ds.name) for ds in agents),
            podid_command(snapshot, "agent", "status"),
        )
        wanted = sum(ds.desired for ds in agents)
        evidence.append(f"the agent's DaemonSet(s) want {wanted} pod(s)")
        if excluded:
            evidence.append("its nodeSelector, affinity or tolerations leave nodes out")
            # a pool left out on purpose harms nobody until an associated pod lands there
            severity = severity if chain or severity is Severity.INFO else Severity.WARN
    who = f"; pods of {short_list(chain)} run there" if chain else ""
    return agent_not_on_node.fail(
        Subject("Node", node.name),
        f"no agent pod runs on node {node.name}{who}",
        chain=chain,
        severity=severity,
        evidence=evidence,
        commands=commands,
        masked_by=agent_pod_unhealthy.id if agents and pending else "",
    )
