"""The workloads of associated service accounts, by where their pods run."""

from collections.abc import Callable, Iterable

from podid.checks.base import Check
from podid.domain.cluster import Pod
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot
from podid.domain.text import count_of, short_list
from podid.facts.index import placed, podid_command


def without_agent(
    check: Check,
    snapshot: Snapshot,
    platform: str,
    runs_there: Callable[[Pod], bool],
    note: str = "",
) -> Iterable[Verdict]:
    """One verdict per workload: failing when any of its pods runs on a platform that has no agent."""
    for association, workload, pods in placed(snapshot):
        ref, there = association.ref, [pod for pod in pods if runs_there(pod)]
        case = check.case(workload, (str(ref),))
        if not there:
            yield case.ok(f"none of its pods runs on {platform}")
            continue
        yield case.fail(
            f"{len(there)} of {count_of(len(pods), 'pod')} on {platform}, where there is no Pod Identity agent; "
            "use IRSA there",
            evidence=(f"pods: {short_list(f'{pod.name} on {pod.node}' for pod in there)}", *((note,) if note else ())),
            commands=(podid_command(snapshot, "disassociate", str(ref)),),
            pods=there,
        )
