from podid.checks.base import Check, Snapshot, Verdicts, rule
from podid.checks.shared.nodes import without_agent
from podid.domain.workloads import on_fargate
from podid.facts.index import index


@rule(needs=("associations", "pods"), wants=("cluster", "nodes"))
def fargate_pod(check: Check, snapshot: Snapshot) -> Verdicts:
    nodes = index(snapshot).nodes
    note = "effect of the association: the webhook does not inject IRSA credentials either"
    return without_agent(check, snapshot, "Fargate", lambda pod: on_fargate(pod, nodes), note)
