"""https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html: the agent is built into Auto
Mode nodes.
"""

from podid.checks.base import Check, Severity, Snapshot, Verdict, known, known_or, rule
from podid.domain.names import AGENT_ADDON
from podid.domain.versions import older
from podid.facts.agent import agents
from podid.facts.index import podid_command

# from this version on its pods do not run on Auto Mode nodes
KEEPS_AWAY = "v1.3.4"


@rule(needs=("cluster", "nodes"), wants=("agent_addon", "daemon_sets"))
def auto_mode_redundant_addon(check: Check, snapshot: Snapshot) -> Verdict:
    """Report info: the add-on is required again if nodes of other kinds join."""
    cluster, nodes, sets = known(snapshot.cluster), known(snapshot.nodes), agents(snapshot)
    case = check.of_cluster(snapshot)
    addon = known_or(snapshot.agent_addon, None)
    if not cluster.auto_mode:
        return case.skip("the cluster does not use EKS Auto Mode")
    if addon is None and not sets:
        return case.ok("the only agent is the one that is built into Auto Mode nodes")
    if not any(node.compute_type == "auto" for node in nodes):
        return case.skip("the cluster has no Auto Mode node")
    if any(node.runs_agent or (node.compute_type == "hybrid" and node.os == "linux") for node in nodes):
        return case.ok("nodes outside Auto Mode need the installed agent")
    clashes = addon is not None and older(addon.version, KEEPS_AWAY)
    conflict = f"agent pods of versions before {KEEPS_AWAY} run on Auto Mode nodes and conflict with the built-in agent"
    agent = f"add-on {AGENT_ADDON} {addon.version}" if addon is not None else f"DaemonSet {sets[0].name}"
    return case.fail(
        f"{agent} is not needed: on every node the agent is built in or cannot run",
        *((conflict,) if clashes else ()),
        severity=Severity.WARN if clashes else Severity.INFO,
        commands=(podid_command(snapshot, "uninstall-agent"),) if addon is not None else (),
    )
