from itertools import combinations

from podid.checks.base import Check, Snapshot, Verdict, known, rule, short_list
from podid.domain.workloads import why_not_here
from podid.facts.agent import agents, unserved


@rule(needs=("daemon_sets", "nodes"), wants=("cluster", "agent_pods", "pods", "associations"))
def addon_config_conflict(check: Check, snapshot: Snapshot) -> Verdict:
    """Report two agents on the same node. The add-on's status reports other configuration conflicts."""
    case = check.of_everyone(snapshot)
    sets, nodes = agents(snapshot), known(snapshot.nodes)
    if not sets:
        return case.skip("no DaemonSet runs the agent")
    overlapping = (
        pair
        for pair in combinations(sets, 2)
        if any(all(not why_not_here(node, ds.placement) for ds in pair) for node in nodes)
    )
    if (pair := next(overlapping, None)) is None:
        return case.ok("no two agents run on the same node")
    names = short_list(f"{ds.namespace}/{ds.name}" for ds in pair)
    # one of the two agents may serve the node
    reach = unserved(snapshot)
    return check.case(case.subject, reach.chain).fail(
        f"DaemonSets {names} run agents on the same nodes: both need port 80 there, and only one can use it",
        *(f"DaemonSet {ds.namespace}/{ds.name}: {ds.ready} of {ds.desired} ready" for ds in pair),
        nodes=reach.nodes,
        commands=(("kubectl", "-n", ds.namespace, "describe", "daemonset", ds.name) for ds in pair),
    )
