"""The add-on's status and issues: https://docs.aws.amazon.com/eks/latest/APIReference/API_Addon.html."""

from datetime import timedelta

from podid.checks.agent.admission_policy_blocks_agent import admission_policy_blocks_agent
from podid.checks.agent.agent_image_pull import agent_image_pull
from podid.checks.agent.agent_not_on_node import agent_not_on_node
from podid.checks.agent.agent_pod_unhealthy import agent_pod_unhealthy
from podid.checks.base import EVERYONE, Check, Missing, Severity, Snapshot, Subject, Verdict, known, known_or, rule
from podid.domain.names import AGENT_ADDON
from podid.domain.text import short_list
from podid.domain.workloads import live
from podid.facts.agent import ADMISSION_DENIED, agents, importance, lacks_agents, unserved
from podid.facts.index import cluster_name, podid_command

ADDON_GRACE = timedelta(minutes=20)
MOVING = ("CREATING", "UPDATING", "DELETING")
# another owner changed fields that the add-on sets
CONFLICT, OVERWRITE = "ConfigurationConflict", ("--resolve-conflicts", "overwrite")
SETTLED = ("ACTIVE", "CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED", "DEGRADED")


@rule(needs=("agent_addon",), wants=("cluster", "associations", "daemon_sets", "agent_pods", "pods", "nodes"))
def addon_degraded_or_failed(check: Check, snapshot: Snapshot) -> Verdict:
    addon = known(snapshot.agent_addon)
    case = check.case(Subject("Addon", AGENT_ADDON), EVERYONE)
    if addon is None:
        return case.skip("the agent is not installed as an add-on")
    age = None if addon.created_at is None else snapshot.taken_at - addon.created_at
    stuck = addon.status == "CREATING" and age is not None and age >= ADDON_GRACE
    if addon.status in MOVING and not stuck:
        moving = Missing(f"the add-on is {addon.status}; check again when this has finished", error_code="Unsettled")
        return case.unknown(moving)
    if addon.status == "ACTIVE" and not addon.issues:
        return case.ok(f"ACTIVE, {addon.version}")
    if addon.status not in (*SETTLED, *MOVING) and not addon.issues:
        return case.unknown(Missing(f"the add-on has the status {addon.status!r}, which podid does not recognize"))
    codes = {issue.code for issue in addon.issues}
    severity, masked_by = importance(snapshot), ""
    message = f"the add-on is {addon.status}" + (f": {', '.join(sorted(codes))}" if codes else "")
    if codes == {"InsufficientNumberOfReplicas"}:
        severity, message, masked_by = _too_few_replicas(snapshot, severity, message)
    elif codes == {ADMISSION_DENIED} and lacks_agents(snapshot):
        masked_by = admission_policy_blocks_agent.id
    elif addon.status == "ACTIVE":
        severity = _at_most_warn(severity)
    # whether pods get credentials depends on the agent of their node, not on the add-on's status
    reach = unserved(snapshot)
    describe = ("aws", "eks", "describe-addon", "--cluster-name", cluster_name(snapshot), "--addon-name", AGENT_ADDON)
    return check.case(case.subject, reach.chain).fail(
        message,
        *(
            f"{issue.code}: {issue.message}" + (f" ({short_list(issue.resource_ids)})" if issue.resource_ids else "")
            for issue in addon.issues
        ),
        nodes=reach.nodes,
        severity=severity,
        commands=(
            *((podid_command(snapshot, "install-agent", *OVERWRITE),) if codes == {CONFLICT} else (describe,)),
            podid_command(snapshot, "agent", "status"),
        ),
        masked_by=masked_by,
    )


def _at_most_warn(severity: Severity) -> Severity:
    return Severity.WARN if severity is Severity.ERROR else severity


def _too_few_replicas(snapshot: Snapshot, severity: Severity, message: str) -> tuple[Severity, str, str]:
    """Return severity, message and masking check for an add-on whose only issue is the number of ready agent pods. If
    the pods could be read, they show the cause, or that the status is out of date."""
    sets = agents(snapshot)
    if sets and all(ds.desired == 0 for ds in sets):
        return Severity.INFO, f"{message}: no node needs an agent pod yet", ""
    for cause in (agent_image_pull, agent_pod_unhealthy, agent_not_on_node):
        if cause.fails(snapshot):
            return severity, message, cause.id
    pods = [pod for pod in known_or(snapshot.agent_pods, ()) if live(pod)]
    if pods and all(pod.ready for pod in pods):
        message = f"{message}, although every agent pod is ready: the status may be out of date"
        return _at_most_warn(severity), message, ""
    return severity, message, ""
