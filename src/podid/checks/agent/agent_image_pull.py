"""https://kubernetes.io/docs/concepts/containers/images/#imagepullbackoff; the registry of each region:
https://docs.aws.amazon.com/eks/latest/userguide/add-ons-images.html.
"""

import re

from podid.checks.base import Check, Known, Snapshot, Verdicts, rule
from podid.facts.agent import importance, not_judged, unpulled

_ECR = re.compile(r"\d{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com", re.ASCII)


@rule(needs=("daemon_sets", "agent_pods"), wants=("cluster", "nodes", "associations", "pods"))
def agent_image_pull(check: Check, snapshot: Snapshot) -> Verdicts:
    for case, pod in check.of_agent_pods(snapshot):
        lacking = unpulled(pod)
        if reason := not_judged(snapshot, pod):
            yield case.skip(reason)
        elif not lacking:
            yield case.ok("its image was pulled")
        else:
            yield case.fail(
                f"the agent on node {pod.node} cannot pull its image {lacking[0].image}: {lacking[0].waiting}",
                *(f"container {c.name}: {c.waiting}, {c.image}" for c in lacking),
                *filter(None, (_elsewhere(c.image, snapshot) for c in lacking)),
                severity=importance(snapshot),
                commands=(("kubectl", "-n", pod.namespace, "describe", "pod", pod.name),),
            )


def _elsewhere(image: str, snapshot: Snapshot) -> str:
    match, cluster = _ECR.match(image), snapshot.cluster
    if match is None or not isinstance(cluster, Known) or match[1] == cluster.value.region:
        return ""
    return f"region of the image: {match[1]}, of the cluster: {cluster.value.region}"
