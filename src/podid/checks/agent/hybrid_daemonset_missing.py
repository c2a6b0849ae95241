"""Hybrid nodes have separate DaemonSets, which are disabled by default:
https://docs.aws.amazon.com/eks/latest/userguide/hybrid-nodes-add-ons.html.
"""

from podid.checks.base import Check, Known, Severity, Snapshot, Verdicts, known, rule, short_list
from podid.domain.cluster import Node
from podid.domain.workloads import live, why_not_here
from podid.facts.agent import START_GRACE, agents
from podid.facts.index import podid_command

BOTTLEROCKET = "bottlerocket"


@rule(
    needs=("nodes", "daemon_sets", "agent_pods"),
    wants=("cluster", "agent_addon", "associations", "pods", "agent_crashes"),
)
def hybrid_daemonset_missing(check: Check, snapshot: Snapshot) -> Verdicts:
    sets = agents(snapshot)
    present = {pod.node for pod in known(snapshot.agent_pods) if live(pod)}
    for case, node in check.of_nodes(snapshot):
        if node.compute_type != "hybrid" or node.os != "linux":
            continue
        reasons = [why_not_here(node, ds.placement) for ds in sets]
        if node.name in present or not all(reasons):
            yield case.ok("a DaemonSet of the agent includes the node")
        elif not node.ready:
            yield case.skip("the node is not ready")
        elif node.created_at is not None and snapshot.taken_at - node.created_at < START_GRACE:
            yield case.skip("the node joined less than 2 minutes ago")
        else:
            who = f"; pods of {short_list(case.chain)} there get no credentials" if case.chain else ""
            yield case.fail(
                f"no DaemonSet of the agent includes hybrid node {node.name}{who}",
                # a node without associated pods does not need the agent
                severity=Severity.ERROR if case.chain else Severity.INFO,
                evidence=(
                    *(f"DaemonSet {ds.namespace}/{ds.name}: {why}" for ds, why in zip(sets, reasons, strict=True)),
                    "also required for nodeadm: hybrid.enableCredentialsFile: true",
                ),
                commands=_commands(snapshot, node),
            )


def _commands(snapshot: Snapshot, node: Node) -> tuple[tuple[str, ...], ...]:
    """Return the command for the add-on, the only agent that podid configures."""
    addon = snapshot.agent_addon
    if not isinstance(addon, Known) or addon.value is None:
        return ()
    kind = "hybrid-bottlerocket" if any(BOTTLEROCKET in key for key in node.labels) else "hybrid"
    return (podid_command(snapshot, "install-agent", "--config", f"daemonsets.{kind}.create=true"),)
