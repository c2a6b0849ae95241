from podid.checks.base import Check, Snapshot, Verdicts, rule


@rule(needs=("associations", "pods"))
def host_network_pod(check: Check, snapshot: Snapshot) -> Verdicts:
    for case, (association, _, pods) in check.of_workloads(snapshot):
        on_host = [pod for pod in pods if pod.host_network]
        if not on_host:
            yield case.ok("its pods have a network of their own")
        elif association.owner_arn:
            yield case.skip("an add-on's pods use the node's network on purpose")
        else:
            yield case.fail_pods(
                on_host,
                len(pods),
                "on the node's network: Pod Identity works there, but a mistake falls back to the node's role "
                "unnoticed",
            )
