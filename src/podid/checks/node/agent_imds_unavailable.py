from podid.checks.base import Check, Missing, Severity, Snapshot, Verdicts, known_or, rule
from podid.domain.aws import Instance
from podid.domain.workloads import live


@rule(needs=("nodes",), wants=("instances", "agent_pods", "associations", "pods", "cluster", "agent_crashes"))
def agent_imds_unavailable(check: Check, snapshot: Snapshot) -> Verdicts:
    """The agent is on the node's network, so that the hop limit is no matter to it. Auto Mode and hybrid nodes see to
    their agent's credentials themselves."""
    if isinstance(snapshot.instances, Missing):
        # seldom is a node without either: it could not have joined the cluster
        yield check.of_everyone(snapshot).unknown(snapshot.instances, severity=Severity.WARN)
        return
    instances = snapshot.instances.value
    profiled = any(instance.profile_arn for instance in instances.values())
    working = {pod.node for pod in known_or(snapshot.agent_pods, ()) if live(pod) and pod.ready}
    for case, node in check.of_nodes(snapshot):
        instance = instances.get(node.name)
        if not node.runs_agent or instance is None:
            yield case.skip("it is no EC2 instance that EC2 knows and the agent is put on")
        elif instance.metadata and not instance.profile_arn and not profiled and node.name in working:
            yield case.skip("EC2 names no profile of any instance, and the agent on this one works")
        elif not (trouble := _trouble(instance)):
            yield case.ok("its instance has a profile, and the metadata service is on")
        elif not node.ready:
            yield case.skip("the node is not ready")
        else:
            yield case.fail(
                f"the agent on it gets no credentials of its own: instance {instance.id} {trouble}",
                commands=(
                    (
                        *("aws", "ec2", "modify-instance-metadata-options", "--instance-id", instance.id),
                        *("--http-endpoint", "enabled"),
                    ),
                )
                if not instance.metadata
                else (("aws", "ec2", "describe-instances", "--instance-ids", instance.id),),
            )


def _trouble(instance: Instance) -> str:
    if not instance.metadata:
        return "has its metadata service switched off"
    return "" if instance.profile_arn else "has no instance profile"
