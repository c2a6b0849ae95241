"""The limit: https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html."""

from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.facts import cluster_subject
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot, known

LIMIT = 5000
NEAR = LIMIT * 8 // 10


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    case, count = check.case(cluster_subject(snapshot)), len(known(snapshot.associations))
    if count >= NEAR:
        left = f"{LIMIT - count} more" if count < LIMIT else "no more"
        yield case.fail(f"the cluster has {count} of at most {LIMIT} associations: it takes {left}")
    elif snapshot.namespace:
        yield case.skip("only the associations of one namespace were read")
    else:
        yield case.ok(f"{count} of {LIMIT} associations")


CHECK = Check.of("association-quota", rule, needs=("associations",), wants=("cluster",))
