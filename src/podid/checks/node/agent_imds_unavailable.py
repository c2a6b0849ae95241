from podid.checks.base import Check, Missing, Severity, Snapshot, Verdicts, known_or, rule
from podid.domain.aws import Instance
from podid.domain.workloads import live

MODIFY = ("aws", "ec2", "modify-instance-metadata-options")


@rule(needs=("nodes",), wants=("instances", "agent_pods", "associations", "pods", "cluster", "agent_crashes"))
def agent_imds_unavailable(check: Check, snapshot: Snapshot) -> Verdicts:
    """Judge nodes whose agent gets its credentials from the metadata service: not Auto Mode, not hybrid. The agent uses
    the host network, so the hop limit does not affect it."""
    if isinstance(snapshot.instances, Missing):
        # a node without a profile or the metadata service is rare: it could not join the cluster
        yield check.of_everyone(snapshot).unknown(snapshot.instances, severity=Severity.WARN)
        return
    instances = snapshot.instances.value
    profiled = any(instance.profile_arn for instance in instances.values())
    working = {pod.node for pod in known_or(snapshot.agent_pods, ()) if live(pod) and pod.ready}
    for case, node in check.of_nodes(snapshot):
        instance = instances.get(node.name)
        if not node.runs_agent or instance is None:
            yield case.skip("EC2 does not report its instance, or no agent runs on it")
        elif instance.metadata and not instance.profile_arn and not profiled and node.name in working:
            yield case.skip("EC2 reports no instance profile for any node, and the agent on this node works")
        elif not (trouble := _trouble(instance)):
            yield case.ok("its instance has a profile, and the metadata service is enabled")
        elif not node.ready:
            yield case.skip("the node is not ready")
        else:
            command: tuple[str, ...] = ("aws", "ec2", "describe-instances", "--instance-ids", instance.id)
            if not instance.metadata:
                command = (*MODIFY, "--instance-id", instance.id, "--http-endpoint", "enabled")
            message = f"instance {instance.id} {trouble}: its agent gets no credentials and cannot redeem tokens"
            yield case.fail(message, commands=(command,))


def _trouble(instance: Instance) -> str:
    if not instance.metadata:
        return "has its metadata service disabled"
    return "" if instance.profile_arn else "has no instance profile"
