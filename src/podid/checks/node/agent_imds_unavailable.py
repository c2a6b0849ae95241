from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.facts import index
from podid.domain.findings import Subject, Verdict
from podid.domain.instances import Instance
from podid.domain.snapshot import Snapshot, known


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    """The agent is on the node's network, so that the hop limit is no matter to it. Auto Mode and hybrid nodes see to
    their agent's credentials themselves."""
    users = index(snapshot).users
    instances = known(snapshot.instances)
    for node in known(snapshot.nodes):
        case = check.case(Subject("Node", node.name), users.get(node.name, ()))
        instance = instances.get(node.name)
        if not node.runs_agent or instance is None:
            yield case.skip("it is no EC2 instance that EC2 knows and the agent is put on")
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


CHECK = Check.of("agent-imds-unavailable", rule, needs=("nodes", "instances"), wants=("associations", "pods"))


def _trouble(instance: Instance) -> str:
    if not instance.metadata:
        return "has its metadata service switched off"
    return "" if instance.profile_arn else "has no instance profile"
