from podid.checks.base import Check, Snapshot, Verdicts, rule


@rule(needs=("associations", "pods"))
def ephemeral_debug_container_no_env(check: Check, snapshot: Snapshot) -> Verdicts:
    for case, (_, _, pods) in check.of_workloads(snapshot):
        debugged = [pod for pod in pods if pod.ephemeral]
        if debugged:
            message, evidence = "debug containers, which get no credentials", ("other containers: not affected",)
            yield case.fail_pods(debugged, len(pods), message, *evidence, verb=("has", "have"))
        else:
            yield case.ok("none of its pods has a debug container")
