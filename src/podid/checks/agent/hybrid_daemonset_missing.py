"""Hybrid nodes have separate DaemonSets, which are disabled by default:
https://docs.aws.amazon.com/eks/latest/userguide/hybrid-nodes-add-ons.html.
"""

from podid.checks.base import Check, Severity, Snapshot, Verdicts, known, known_or, rule, short_list
from podid.domain.workloads import live, why_not_here
from podid.facts.agent import START_GRACE, agents, creating, hybrid_kind
from podid.facts.index import podid_command


@rule(
    needs=("nodes", "daemon_sets", "agent_pods"),
    wants=("cluster", "agent_addon", "associations", "pods", "agent_crashes"),
)
def hybrid_daemonset_missing(check: Check, snapshot: Snapshot) -> Verdicts:
    sets = agents(snapshot)
    present = {pod.node for pod in known(snapshot.agent_pods) if live(pod)}
    for case, node in check.of_nodes(snapshot):
        if not (kind := hybrid_kind(node)):
            continue
        reasons = [why_not_here(node, ds.placement) for ds in sets]
        if node.name in present or not all(reasons):
            yield case.ok("a DaemonSet of the agent includes the node")
        elif not node.ready:
            yield case.skip("the node is not ready")
        elif node.created_at is not None and snapshot.taken_at - node.created_at < START_GRACE:
            yield case.skip("the node joined less than 2 minutes ago")
        else:
            command = podid_command(snapshot, "install-agent", "--config", creating(kind))
            who = f"; pods of {short_list(case.chain)} there get no credentials" if case.chain else ""
            yield case.fail(
                f"no DaemonSet of the agent includes hybrid node {node.name}{who}",
                *(f"DaemonSet {ds.namespace}/{ds.name}: {why}" for ds, why in zip(sets, reasons, strict=True)),
                "also required for nodeadm: hybrid.enableCredentialsFile: true",
                # a node without associated pods does not need the agent
                severity=Severity.ERROR if case.chain else Severity.INFO,
                # podid configures the add-on only
                commands=(command,) if known_or(snapshot.agent_addon, None) is not None else (),
            )
