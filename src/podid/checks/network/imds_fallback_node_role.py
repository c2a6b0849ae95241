"""An SDK without other credentials uses the node's role, if the metadata service answers pods."""

from podid.checks.base import Check, Missing, Severity, Snapshot, Verdicts, known, rule, short_list
from podid.facts.injection import PodState
from podid.facts.nodes import of_unknown_metadata

WITHOUT = (PodState.PREDATES, PodState.RACED, PodState.MISSED)


@rule(needs=("associations", "pods", "nodes", "instances"), wants=("workloads", "cluster"))
def imds_fallback_node_role(check: Check, snapshot: Snapshot) -> Verdicts:
    """Judge pods without any injected credentials. Other checks report why they have none."""
    instances = known(snapshot.instances)
    for case, group in check.of_groups(snapshot):
        bare = [pod for state in WITHOUT for pod in group.states.get(state, ())]
        exposed = [
            pod
            for pod in bare
            if (instance := instances.get(pod.node))
            and (instance.open_to_pods or (instance.metadata and pod.host_network))
        ]
        if not bare:
            yield case.skip("its pods have credentials, or are excluded from injection")
        elif not exposed and (hidden := of_unknown_metadata(snapshot, bare)):
            yield case.unknown(Missing(f"EC2 does not report the metadata options of {short_list(hidden)}"))
        elif not exposed:
            yield case.ok("the metadata service of its nodes does not answer pods, so an SDK fails instead")
        else:
            roles = sorted({instances[pod.node].profile_arn.rpartition("/")[2] for pod in exposed} - {""})
            who = f" (instance profile {short_list(roles)})" if roles else ""
            yield case.fail_pods(
                exposed,
                group.total,
                "no Pod Identity credentials, and the metadata service of the node answers: an SDK without other "
                f"credentials uses the node's role{who}",
                verb=("has", "have"),
                severity=Severity.WARN,
            )
