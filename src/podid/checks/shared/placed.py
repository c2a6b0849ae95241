"""The workloads of associated service accounts, by where their pods run."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from podid.checks.base import Check
from podid.checks.shared.facts import by_workload, index, podid_command
from podid.checks.shared.once import once
from podid.domain.aws import Listed
from podid.domain.cluster import Pod
from podid.domain.findings import Subject, Verdict
from podid.domain.snapshot import Snapshot
from podid.domain.text import count_of, short_list
from podid.domain.workloads import live


class Placed(NamedTuple):
    """`pods` are the workload's live ones."""

    association: Listed
    workload: Subject
    pods: list[Pod]


@once
def placed(snapshot: Snapshot) -> tuple[Placed, ...]:
    facts = index(snapshot)
    return tuple(
        Placed(association, workload, pods)
        for ref, association in sorted(facts.associations.items())
        for workload, pods in by_workload(p for p in facts.pods.get(ref, ()) if live(p)).items()
    )


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
