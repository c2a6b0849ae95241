"""Kinds: https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html#pod-id-restrictions. Partitions:
botocore's endpoints.json has no EKS Auth in the isolated partitions, which does not prove that it is missing there.
"""

from podid.checks.base import Check, Missing, Snapshot, Verdict, known, rule

ISOLATED = "aws-iso"


@rule(needs=("cluster",))
def unsupported_cluster_kind(check: Check, snapshot: Snapshot) -> Verdict:
    cluster = known(snapshot.cluster)
    case = check.of_everyone(snapshot)
    if cluster.unsupported_kind:
        return case.fail(f"{cluster.name} is {cluster.unsupported_kind}, which does not support Pod Identity")
    if cluster.partition.startswith(ISOLATED):
        return case.unknown(Missing(f"the SDK has no endpoint of EKS Auth in partition {cluster.partition}"))
    return case.ok("the kind of the cluster supports Pod Identity")
