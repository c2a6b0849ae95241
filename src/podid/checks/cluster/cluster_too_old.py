"""The oldest versions: https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html#pod-id-cluster-versions."""

from podid.checks.base import Check, Missing, Snapshot, Verdict, known, known_or, rule
from podid.domain.versions import minor_version, platform_number
from podid.domain.workloads import TOKEN_VOLUME

# Kubernetes version -> the first platform version with Pod Identity; every later Kubernetes version supports it
_FIRST = {(1, 24): 13, (1, 25): 10, (1, 26): 9, (1, 27): 8, (1, 28): 4, (1, 29): 1, (1, 30): 2, (1, 31): 4}


@rule(needs=("cluster",), wants=("pods",))
def cluster_too_old(check: Check, snapshot: Snapshot) -> Verdict:
    cluster = known(snapshot.cluster)
    case = check.of_everyone(snapshot)
    # the variables alone may be written by hand
    if any(TOKEN_VOLUME in pod.volumes for pod in known_or(snapshot.pods, ())):
        return case.ok("pods of the cluster have injected credentials")
    version, platform = minor_version(cluster.version), platform_number(cluster.platform_version)
    if version is None:
        return case.unknown(Missing(f"EKS reports {cluster.version!r}, which is not a Kubernetes version"))
    if version < min(_FIRST):
        return case.fail(f"Kubernetes {cluster.version} is too old for Pod Identity, which requires 1.24 or later")
    first = _FIRST.get(version)
    if first is None:
        return case.ok(f"Kubernetes {cluster.version} supports Pod Identity")
    if platform is None:
        return case.unknown(Missing(f"EKS reports {cluster.platform_version!r}, which is not a platform version"))
    if platform < first:
        return case.fail(
            f"platform version {cluster.platform_version} of Kubernetes {cluster.version} is too old for Pod "
            f"Identity, which requires eks.{first} or later"
        )
    return case.ok(f"platform version {cluster.platform_version} supports Pod Identity")
