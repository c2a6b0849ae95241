from podid.checks.base import Check, Verdicts, rule
from podid.domain.snapshot import Snapshot
from podid.domain.text import count_of, short_list
from podid.facts.index import placed


@rule(needs=("associations", "pods"))
def host_network_pod(check: Check, snapshot: Snapshot) -> Verdicts:
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
