"""The oldest versions: https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html#pod-id-cluster-versions."""

from podid.checks.base import Check, Missing, Snapshot, Verdict, known, known_or, rule
from podid.domain.versions import minor_version, platform_number
from podid.domain.workloads import injected

# Kubernetes version -> the first platform version with Pod Identity; every later Kubernetes version has it
_FIRST = {(1, 24): 13, (1, 25): 10, (1, 26): 9, (1, 27): 8, (1, 28): 4, (1, 29): 1, (1, 30): 2, (1, 31): 4}


@rule(needs=("cluster",), wants=("pods",))
def cluster_too_old(check: Check, snapshot: Snapshot) -> Verdict:
    cluster = known(snapshot.cluster)
    case = check.of_everyone(snapshot)
    if any(injected(pod) for pod in known_or(snapshot.pods, ())):
        return case.ok("pods of the cluster are injected")
    version, platform = minor_version(cluster.version), platform_number(cluster.platform_version)
    if version is None:
        return case.unknown(Missing(f"EKS gives no Kubernetes version for it, but {cluster.version!r}"))
    if version < min(_FIRST):
        return case.fail(f"Kubernetes {cluster.version} is too old for Pod Identity, which begins with 1.24")
    first = _FIRST.get(version)
    if first is None:
        return case.ok(f"Kubernetes {cluster.version} has Pod Identity")
    if platform is None:
        return case.unknown(Missing(f"EKS gives no platform version for it, but {cluster.platform_version!r}"))
    if platform < first:
        return case.fail(
            f"platform version {cluster.platform_version} of Kubernetes {cluster.version} is too old for Pod "
            f"Identity, which begins with eks.{first}"
        )
    return case.ok(f"platform version {cluster.platform_version} has Pod Identity")
