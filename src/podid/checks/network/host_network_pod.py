from podid.checks.base import Check, Snapshot, Verdicts, count_of, rule, short_list


@rule(needs=("associations", "pods"))
def host_network_pod(check: Check, snapshot: Snapshot) -> Verdicts:
    for case, (association, _, pods) in check.of_workloads(snapshot):
        on_host = [pod for pod in pods if pod.host_network]
        if not on_host:
            yield case.ok("its pods have a network of their own")
        elif association.owner_arn:
            yield case.skip("an add-on's pods use the node's network on purpose")
        else:
            yield case.fail(
                f"{len(on_host)} of {count_of(len(pods), 'pod')} on the node's network: Pod Identity works there, but "
                "a mistake falls back to the node's role unnoticed",
                evidence=(f"pods: {short_list(pod.name for pod in on_host)}",),
            )
