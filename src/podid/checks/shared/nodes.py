"""Judge the roles of nodes, their ports, and the workloads on nodes where no agent runs."""

from collections.abc import Callable

from podid.checks.base import (
    EVERYONE,
    Case,
    Check,
    Missing,
    Snapshot,
    Verdict,
    Verdicts,
    count_of,
    known,
    short_list,
)
from podid.domain.aws import Decision
from podid.domain.cluster import Pod
from podid.domain.errors import NotFound
from podid.domain.workloads import live, opted_out
from podid.facts.agent import agents, contested, importance, names_of
from podid.facts.index import index, podid_command, role_subject, users_on
from podid.facts.nodes import RoleInUse, expects_agent, node_roles, roles_of_nodes, why_left_out


def per_node_role(
    check: Check,
    snapshot: Snapshot,
    judge: Callable[[Case, RoleInUse, Decision], Verdict],
    gone: Callable[[Case, RoleInUse], Verdict],
) -> Verdicts:
    """Yield one verdict for each known node role, by `judge` if the simulation has a decision, and by `gone` if EKS
    reports a role that does not exist."""
    cluster, groups = known(snapshot.cluster), known(snapshot.node_groups)
    reported = node_roles(cluster, groups)
    for role in roles_of_nodes(snapshot):
        subject, chain = role_subject(role.arn), users_on(snapshot, role.nodes or ())
        if role.nodes == ():
            yield check.case(subject, chain).skip(f"no node of {role.used_by} runs an agent")
        elif isinstance(role.decision, Missing):
            case = check.case(subject, chain or EVERYONE)
            absent = role.arn in reported and role.decision.error_code == NotFound.code
            yield gone(case, role) if absent else case.unknown(role.decision)
        else:
            yield judge(check.case(subject, chain), role, role.decision.value)


def without_agent(
    check: Check, snapshot: Snapshot, platform: str, runs_there: Callable[[Pod], bool], *notes: str
) -> Verdicts:
    """Yield one verdict per workload. It fails if any of its pods runs on a platform without an agent."""
    for case, (association, _, pods) in check.of_workloads(snapshot):
        running = [pod for pod in pods if runs_there(pod)]
        on_platform = [pod for pod in running if not opted_out(pod)]
        if not on_platform:
            words = f"its pods on {platform} are excluded from injection by their own labels or annotations"
            yield case.skip(words) if running else case.ok(f"none of its pods runs on {platform}")
            continue
        users = index(snapshot).pods.get(association.ref, ())
        others = [pod for pod in users if live(pod) and not opted_out(pod) and not runs_there(pod)]
        elsewhere = f"{count_of(len(others), 'pod')} elsewhere"
        yield case.fail(
            f"{len(on_platform)} of {count_of(len(pods), 'pod')} {'runs' if len(on_platform) == 1 else 'run'} on "
            f"{platform}, where there is no Pod Identity agent; use IRSA there",
            f"pods: {short_list(' on '.join(filter(None, (pod.name, pod.node))) for pod in on_platform)}",
            *notes,
            *((f"fix: use another service account for these pods; {elsewhere} use the association",) if others else ()),
            # without the association, the other pods would lose their credentials; only new pods get those of IRSA
            commands=() if others else (podid_command(snapshot, "disassociate", str(association.ref), "--restart"),),
            pods=on_platform,
        )


def port_conflicts(check: Check, snapshot: Snapshot, port: int, action: str, setting: str) -> list[Verdict]:
    """Return a finding for each node that should have the agent, has no ready one, and has another pod with the `port`.
    `action` completes "the agent cannot"; `setting` is the configuration that fixes it."""
    pods, agent_pods, sets = known(snapshot.pods), known(snapshot.agent_pods), agents(snapshot)
    held = contested(pods, agent_pods, port)
    return [
        case.fail(
            f"the agent cannot {action} on node {node.name}: its port {port} is used by {names_of(held[node.name])}",
            *(f"host port {port}: {pod.namespace}/{pod.name}" for pod in held[node.name]),
            severity=importance(snapshot),
            commands=(podid_command(snapshot, "install-agent", "--config", setting),),
        )
        for case, node in check.of_nodes(snapshot)
        if node.name in held and node.ready and expects_agent(node, sets) and not why_left_out(node, sets)
    ]
