"""Only in isolated regions, the agent's chart mounts the node's CA bundle, from the path that RPM systems use:
https://github.com/aws/eks-pod-identity-agent (charts/)."""

from podid.checks.base import Check, Missing, Snapshot, Verdicts, known, rule
from podid.domain.text import cut
from podid.facts.agent import importance

BUNDLE = "ca-bundle.crt"


@rule(needs=("cluster", "agent_pods", "agent_warnings"), wants=("associations", "pods", "daemon_sets"))
def iso_partition_ca_bundle(check: Check, snapshot: Snapshot) -> Verdicts:
    if "-iso" not in known(snapshot.cluster).region:
        return
    warnings = known(snapshot.agent_warnings)
    for case, pod in check.of_agent_pods(snapshot):
        section = warnings.get(f"{pod.namespace}/{pod.name}")
        if section is None:
            yield case.ok("it has started, or was not among the checked pods")
        elif isinstance(section, Missing):
            yield case.unknown(section)
        elif lines := [line for line in section.value if BUNDLE in line]:
            yield case.fail(
                f"the agent on node {pod.node} does not start: the node has no CA bundle at the expected path: "
                f"{cut(lines[-1], 200)}",
                severity=importance(snapshot),
                commands=(("kubectl", "-n", pod.namespace, "describe", "pod", pod.name),),
            )
        else:
            yield case.ok("it does not start for another reason")
