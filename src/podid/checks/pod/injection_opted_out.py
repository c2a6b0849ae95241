"""Labels and annotations that exclude a pod or a container from injection: https://github.com/aws/amazon-eks-pod-identity-webhook."""

from podid.checks.base import Check, Snapshot, Verdicts, rule, short_list
from podid.domain.cluster import Pod
from podid.domain.workloads import MIRROR_POD, SKIP_CONTAINERS, SKIP_POD, opted_out, skipped_containers


@rule(needs=("associations", "pods"))
def injection_opted_out(check: Check, snapshot: Snapshot) -> Verdicts:
    for case, (_, _, pods) in check.of_workloads(snapshot):
        whole = [pod for pod in pods if opted_out(pod)]
        partial = [(pod, skipped_containers(pod)) for pod in pods if pod not in whole]
        parts = sorted({c.name for pod, names in partial for c in pod.containers if c.name in names})
        if whole:
            message, cause = "excluded from injection, and so from Pod Identity, on purpose", f"cause: {_why(whole[0])}"
            yield case.fail_pods(whole, len(pods), message, cause, verb=("is", "are"))
        elif parts:
            yield case.fail(
                f"container {short_list(parts)} is excluded from injection by its pod, and gets no credentials",
                f"cause: annotation {SKIP_CONTAINERS}",
            )
        else:
            yield case.ok("no pod or container is excluded from injection")


def _why(pod: Pod) -> str:
    if SKIP_POD in pod.labels:
        return f"label {SKIP_POD}"
    return "they are static pods" if MIRROR_POD in pod.annotations else f"annotation {SKIP_CONTAINERS}"
