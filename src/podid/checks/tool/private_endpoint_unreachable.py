from podid.checks.base import EVERYONE, Check, Known, Missing, Snapshot, Verdict, rule
from podid.checks.shared.gaps import NETWORK, gaps
from podid.facts.index import cluster_subject


@rule(needs=(), wants=("cluster",))
def private_endpoint_unreachable(check: Check, snapshot: Snapshot) -> Verdict:
    subject, cluster = cluster_subject(snapshot), snapshot.cluster
    met = next((missing for missing in gaps(snapshot, "kubernetes") if missing.error_code in NETWORK), None)
    if met is None:
        return check.case(subject).ok("the API server was not out of reach")
    if isinstance(cluster, Known) and not cluster.value.public_endpoint:
        why = "its endpoint is private: podid must run inside the VPC, or through a VPN or tunnel into it"
    else:
        why = "its public endpoint may be closed to this address (publicAccessCidrs), or a proxy is in the way"
    explained = Missing(f"{met.reason}; {why}", met.permission, met.error_code)
    return check.case(subject, EVERYONE).unknown(explained)
