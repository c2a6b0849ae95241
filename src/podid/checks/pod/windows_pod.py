from podid.checks.base import Check, Snapshot, Verdicts, rule
from podid.checks.shared.nodes import without_agent
from podid.domain.workloads import on_windows
from podid.facts.index import index


@rule(needs=("associations", "pods", "nodes"), wants=("cluster",))
def windows_pod(check: Check, snapshot: Snapshot) -> Verdicts:
    nodes = index(snapshot).nodes
    return without_agent(check, snapshot, "Windows", lambda pod: on_windows(pod, nodes))
