from podid.checks.base import Check, Snapshot, Verdicts, count_of, rule, short_list


@rule(needs=("associations", "pods"))
def ephemeral_debug_container_no_env(check: Check, snapshot: Snapshot) -> Verdicts:
    for case, (_, _, pods) in check.of_workloads(snapshot):
        debugged = [pod for pod in pods if pod.ephemeral]
        if debugged:
            yield case.fail(
                f"{len(debugged)} of {count_of(len(pods), 'pod')} with debug containers, which get no credentials",
                evidence=(f"pods: {short_list(pod.name for pod in debugged)}", "the other containers are not affected"),
            )
        else:
            yield case.ok("none of its pods has a debug container")
