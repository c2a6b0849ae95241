from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.placed import placed
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot
from podid.domain.text import count_of, short_list


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    for association, workload, pods in placed(snapshot):
        case = check.case(workload, (str(association.ref),))
        debugged = [pod for pod in pods if pod.ephemeral]
        if debugged:
            yield case.fail(
                f"{len(debugged)} of {count_of(len(pods), 'pod')} with debug containers, which get no credentials",
                evidence=(f"pods: {short_list(pod.name for pod in debugged)}", "the other containers are not affected"),
            )
        else:
            yield case.ok("none of its pods has a debug container")


CHECK = Check.of("ephemeral-debug-container-no-env", rule, needs=("associations", "pods"))
