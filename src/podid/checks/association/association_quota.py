"""How near the cluster is to the most associations that EKS takes."""

from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.facts import cluster_subject, namespaces_words
from podid.domain.findings import Verdict
from podid.domain.iam import ASSOCIATION_QUOTA, NEAR_ASSOCIATION_QUOTA
from podid.domain.snapshot import Snapshot, known


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    case, count = check.case(cluster_subject(snapshot)), len(known(snapshot.associations))
    if count >= NEAR_ASSOCIATION_QUOTA:
        left = f"{ASSOCIATION_QUOTA - count} more" if count < ASSOCIATION_QUOTA else "no more"
        yield case.fail(f"the cluster has {count} of at most {ASSOCIATION_QUOTA} associations: it takes {left}")
    elif snapshot.only_namespaces:
        yield case.skip(f"only the associations of {namespaces_words(snapshot)} were read")
    else:
        yield case.ok(f"{count} of {ASSOCIATION_QUOTA} associations")


CHECK = Check.of("association-quota", rule, needs=("associations",), wants=("cluster",))
