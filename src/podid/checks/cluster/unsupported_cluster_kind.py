from collections.abc import Iterable

from podid.checks.base import EVERYONE, Check
from podid.domain.findings import Subject, Verdict
from podid.domain.snapshot import Snapshot, known


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    cluster = known(snapshot.cluster)
    case = check.case(Subject("Cluster", cluster.name), EVERYONE)
    if cluster.unsupported_kind:
        return [case.fail(f"{cluster.name} is {cluster.unsupported_kind}, and such a cluster has no Pod Identity")]
    return [case.ok("the cluster runs in the cloud")]


CHECK = Check.of("unsupported-cluster-kind", rule, needs=("cluster",))
