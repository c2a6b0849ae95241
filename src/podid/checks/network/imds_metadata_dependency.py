"""The AWS Load Balancer Controller reads settings from the metadata service unless flags set them:
https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/configurations/. The injected
variables include the region, but not the VPC.
"""

from podid.checks.base import Check, Missing, Snapshot, Verdicts, known, known_or, rule, short_list
from podid.domain.cluster import Pod, name_and_tag
from podid.facts.nodes import OUTSIDE_EC2, of_unknown_metadata

IMAGE = "aws-load-balancer-controller"
TELLS_VPC = ("--aws-vpc-id", "--aws-vpc-tags")


@rule(needs=("associations", "pods", "nodes"), wants=("instances",))
def imds_metadata_dependency(check: Check, snapshot: Snapshot) -> Verdicts:
    section = snapshot.instances
    closed = {node for node, instance in known_or(section, {}).items() if instance.closed_to_pods}
    closed |= {node.name for node in known(snapshot.nodes) if node.compute_type in OUTSIDE_EC2}
    for case, (_, workload, pods) in check.of_workloads(snapshot):
        controllers = [pod for pod in pods if any(name_and_tag(c.image)[0] == IMAGE for c in pod.containers)]
        if not controllers:
            continue
        asking = [pod for pod in controllers if not pod.host_network and not _is_configured(pod)]
        cut_off = [pod for pod in asking if pod.node in closed]
        if not asking:
            yield case.ok("its flags specify the VPC, or its pods use the host network")
        elif isinstance(section, Missing):
            yield case.unknown(section)
        elif not cut_off and (hidden := of_unknown_metadata(snapshot, asking)):
            yield case.unknown(Missing(f"EC2 does not report the metadata options of {short_list(hidden)}"))
        elif not cut_off:
            yield case.ok("the nodes' metadata service answers its pods")
        else:
            nodes = short_list(sorted({pod.node for pod in cut_off}))
            yield case.fail(
                f"the AWS Load Balancer Controller reads the VPC from the metadata service, which does not answer pods "
                f"on {nodes}: it exits although its credentials work",
                "hop limit 1, or metadata service disabled; flags --aws-vpc-id, --aws-vpc-tags: not set",
                commands=(("kubectl", "-n", workload.namespace, "edit", f"{workload.kind.lower()}/{workload.name}"),),
            )


def _is_configured(pod: Pod) -> bool:
    return any(flag.startswith(TELLS_VPC) for c in pod.containers for flag in c.flags)
