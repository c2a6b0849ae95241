from podid.checks.base import Check, Known, Missing, Snapshot, Verdict, known, rule, short_list
from podid.domain.names import AGENT_ADDON
from podid.facts.agent import agents, importance
from podid.facts.index import namespaces_words, podid_command


@rule(needs=("cluster",), wants=("associations", "agent_addon", "daemon_sets", "nodes"))
def agent_not_installed(check: Check, snapshot: Snapshot) -> Verdict:
    cluster, addon = known(snapshot.cluster), snapshot.agent_addon
    case = check.of_everyone(snapshot)
    if isinstance(addon, Known) and addon.value is not None:
        return case.ok(f"add-on {AGENT_ADDON} is installed")
    if sets := agents(snapshot):
        names = short_list(f"{ds.namespace}/{ds.name}" for ds in sets)
        return case.ok(f"a self-managed agent is installed: {names}")
    if reason := _needs_no_daemon_set(cluster.auto_mode, snapshot):
        return case.skip(reason)
    for section in (addon, snapshot.daemon_sets, snapshot.associations):
        if isinstance(section, Missing):
            return case.unknown(section)
    effect = "no association works without the agent"
    if not known(snapshot.associations):
        scope = f" of {namespaces_words(snapshot)}" if snapshot.only_namespaces else ""
        effect = f"no association{scope} needs the agent yet"
    return case.fail(
        f"the agent is not installed: there is neither the add-on {AGENT_ADDON} nor a DaemonSet; {effect}",
        f"DescribeAddon {AGENT_ADDON}: not found",
        "DaemonSets with the agent's image: none in any namespace",
        severity=importance(snapshot),
        commands=(podid_command(snapshot, "install-agent"),),
    )


def _needs_no_daemon_set(auto_mode: bool, snapshot: Snapshot) -> str:
    """Return why no DaemonSet is expected; empty if one is. The agent is built into Auto Mode nodes, and cannot run on
    Fargate and Windows nodes. Another check judges the other nodes of an Auto Mode cluster."""
    if not isinstance(snapshot.nodes, Known):
        return "EKS Auto Mode: the agent is built into its nodes" if auto_mode else ""
    nodes = snapshot.nodes.value
    if auto_mode:
        return "EKS Auto Mode: the agent is built into its nodes; other nodes are checked one by one"
    if nodes and all(n.compute_type in ("auto", "fargate") or n.os == "windows" for n in nodes):
        return "no node of this cluster can run the agent's DaemonSet (Auto Mode, Fargate and Windows nodes only)"
    return ""
