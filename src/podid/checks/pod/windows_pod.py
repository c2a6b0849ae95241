from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.facts import index
from podid.checks.shared.placed import without_agent
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot
from podid.domain.workloads import on_windows


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    nodes = index(snapshot).nodes
    return without_agent(check, snapshot, "Windows", lambda pod: on_windows(pod, nodes))


CHECK = Check.of("windows-pod", rule, needs=("associations", "pods", "nodes"), wants=("cluster",))
