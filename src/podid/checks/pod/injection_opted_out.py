"""What makes the webhook leave a pod or a container alone: https://github.com/aws/amazon-eks-pod-identity-webhook."""

from podid.checks.base import Check, Snapshot, Verdicts, rule, short_list
from podid.domain.cluster import Pod
from podid.domain.workloads import MIRROR_POD, SKIP_CONTAINERS, SKIP_POD, opted_out, skipped_containers


@rule(needs=("associations", "pods"))
def injection_opted_out(check: Check, snapshot: Snapshot) -> Verdicts:
    for case, (_, _, pods) in check.of_workloads(snapshot):
        whole = [pod for pod in pods if opted_out(pod)]
        left = [(pod, skipped_containers(pod)) for pod in pods if pod not in whole]
        parts = sorted({c.name for pod, names in left for c in pod.containers if c.name in names})
        if whole:
            evidence = (f"because of {_why(whole[0])}",)
            yield case.fail_pods(whole, len(pods), "left without credentials, as they ask", evidence=evidence)
        elif parts:
            yield case.fail(
                f"container {short_list(parts)} is left without credentials, as the pod asks",
                evidence=(f"annotation {SKIP_CONTAINERS}",),
            )
        else:
            yield case.ok("the webhook is not told to leave anything alone")


def _why(pod: Pod) -> str:
    if SKIP_POD in pod.labels:
        return f"label {SKIP_POD}"
    return "their being static pods" if MIRROR_POD in pod.annotations else f"annotation {SKIP_CONTAINERS}"
