from collections.abc import Sequence
from itertools import combinations

from podid.checks.base import Check, Snapshot, Verdict, known, rule, short_list
from podid.domain.cluster import DaemonSet, Node
from podid.domain.placement import why_not_here
from podid.facts.agent import agents, unserved


@rule(needs=("daemon_sets", "nodes"), wants=("cluster", "agent_pods", "pods", "associations"))
def addon_config_conflict(check: Check, snapshot: Snapshot) -> Verdict:
    """Two agents that meet on a node; what else the add-on's owner may be at odds with is told by its status."""
    case = check.of_everyone(snapshot)
    sets, nodes = agents(snapshot), known(snapshot.nodes)
    if not sets:
        return case.skip("no DaemonSet runs the agent")
    pair = _meeting(sets, nodes)
    if not pair:
        return case.ok("no two agents go to the same node")
    names = short_list(f"{ds.namespace}/{ds.name}" for ds in pair)
    # of two that meet, one may serve the node
    reach = unserved(snapshot)
    return check.case(case.subject, reach.chain).fail(
        f"two agents clash on port 80 of the same nodes: DaemonSets {names}",
        evidence=(f"DaemonSet {ds.namespace}/{ds.name}: {ds.ready} of {ds.desired} ready" for ds in pair),
        nodes=reach.nodes,
        commands=(("kubectl", "-n", ds.namespace, "describe", "daemonset", ds.name) for ds in pair),
    )


def _meeting(sets: Sequence[DaemonSet], nodes: Sequence[Node]) -> tuple[DaemonSet, ...]:
    for pair in combinations(sets, 2):
        if any(not any(why_not_here(node, ds.placement) for ds in pair) for node in nodes):
            return pair
    return ()
