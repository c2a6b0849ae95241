from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.facts import index
from podid.checks.shared.placed import without_agent
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot
from podid.domain.workloads import on_fargate


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    nodes = index(snapshot).nodes
    return without_agent(
        check,
        snapshot,
        "Fargate",
        lambda pod: on_fargate(pod, nodes),
        note="while the association exists, the webhook injects no IRSA credentials either",
    )


CHECK = Check.of("fargate-pod", rule, needs=("associations", "pods"), wants=("cluster", "nodes"))
