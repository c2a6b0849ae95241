from podid.checks.base import EVERYONE, Check, Known, Missing, Snapshot, Verdict, rule
from podid.checks.shared.gaps import NETWORK, THROTTLED, gaps
from podid.domain.snapshot import SERVICES, known_or
from podid.facts.index import cluster_subject


@rule(needs=(), wants=("cluster",))
def private_endpoint_unreachable(check: Check, snapshot: Snapshot) -> Verdict:
    subject, cluster = cluster_subject(snapshot), snapshot.cluster
    gap = next(
        (
            missing
            for missing in gaps(snapshot, "kubernetes")
            if missing.error_code in NETWORK and missing.error_code != THROTTLED
        ),
        None,
    )
    if gap is None:
        return check.case(subject).ok("the API server was reachable")
    if any(known_or(getattr(snapshot, name), None) for name, origin in SERVICES.items() if origin == "kubernetes"):
        return check.case(subject, EVERYONE).unknown(gap)
    if not isinstance(cluster, Known):
        why = "its endpoint may be private, or not allow this address, or a proxy blocks the connection"
    elif not cluster.value.public_endpoint:
        why = "its endpoint is private: run podid inside the VPC, or connect by VPN or tunnel"
    else:
        why = "its public endpoint may not allow this address (publicAccessCidrs), or a proxy blocks the connection"
    explained = Missing(f"{gap.reason}; {why}", gap.permission, gap.error_code)
    return check.case(subject, EVERYONE).unknown(explained)
