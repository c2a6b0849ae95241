from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.placed import placed
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot
from podid.domain.text import count_of, short_list


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    for association, workload, pods in placed(snapshot):
        case, there = check.case(workload, (str(association.ref),)), [pod for pod in pods if pod.host_network]
        if not there:
            yield case.ok("its pods have a network of their own")
        elif association.owner_arn:
            yield case.skip("an add-on's pods use the node's network on purpose")
        else:
            yield case.fail(
                f"{len(there)} of {count_of(len(pods), 'pod')} on the node's network: Pod Identity works there, but a "
                "mistake falls back to the node's role unnoticed",
                evidence=(f"pods: {short_list(pod.name for pod in there)}",),
            )


CHECK = Check.of("host-network-pod", rule, needs=("associations", "pods"))
