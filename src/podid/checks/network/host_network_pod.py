from podid.checks.base import Check, Snapshot, Verdicts, rule


@rule(needs=("associations", "pods"))
def host_network_pod(check: Check, snapshot: Snapshot) -> Verdicts:
    for case, (association, _, pods) in check.of_workloads(snapshot):
        on_host = [pod for pod in pods if pod.host_network]
        if not on_host:
            yield case.ok("its pods do not use the host network")
        elif association.owner_arn:
            yield case.skip("the pods of an add-on use the host network by design")
        else:
            yield case.fail_pods(
                on_host,
                len(pods),
                "the host network: Pod Identity works there, but if it fails, SDKs use the node's role without an "
                "error",
                verb=("uses", "use"),
            )
