from podid.checks.base import Check, Verdicts, rule
from podid.checks.shared.placed import without_agent
from podid.domain.snapshot import Snapshot
from podid.domain.workloads import on_fargate
from podid.facts.index import index


@rule(needs=("associations", "pods"), wants=("cluster", "nodes"))
def fargate_pod(check: Check, snapshot: Snapshot) -> Verdicts:
    nodes = index(snapshot).nodes
    return without_agent(
        check,
        snapshot,
        "Fargate",
        lambda pod: on_fargate(pod, nodes),
        note="while the association exists, the webhook injects no IRSA credentials either",
    )
