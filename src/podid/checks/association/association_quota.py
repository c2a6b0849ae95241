"""The number of associations compared to the quota of a cluster."""

from podid.checks.base import Check, Snapshot, Verdicts, known, rule
from podid.domain.iam import ASSOCIATION_QUOTA, NEAR_ASSOCIATION_QUOTA
from podid.facts.index import namespaces_words


@rule(needs=("associations",), wants=("cluster",))
def association_quota(check: Check, snapshot: Snapshot) -> Verdicts:
    case, count = check.of_cluster(snapshot), len(known(snapshot.associations))
    if count >= NEAR_ASSOCIATION_QUOTA:
        remaining = ASSOCIATION_QUOTA - count
        message = f"the cluster has {count} of at most {ASSOCIATION_QUOTA} associations: {max(remaining, 0)} left"
        if snapshot.only_namespaces:
            # the other namespaces may have more
            has = "alone has" if len(snapshot.only_namespaces) == 1 else "alone have"
            of = f"of the cluster's at most {ASSOCIATION_QUOTA} associations"
            message = f"{namespaces_words(snapshot)} {has} {count} {of}"
        yield case.fail(message)
    elif snapshot.only_namespaces:
        yield case.skip(f"only the associations of {namespaces_words(snapshot)} were read")
    else:
        yield case.ok(f"{count} of {ASSOCIATION_QUOTA} associations")
