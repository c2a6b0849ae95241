"""The agent asks EKS Auth for the cluster and in the region that its pod spec names:
https://github.com/aws/eks-pod-identity-agent (charts/, cmd/).
"""

from podid.checks.base import Check, Severity, Snapshot, Verdicts, known, rule
from podid.domain.aws import Cluster
from podid.domain.cluster import DaemonSet
from podid.facts.agent import agents, importance, option, served_by

CLUSTER_NAME, ENDPOINT, REGION = "--cluster-name", "--endpoint", "AWS_REGION"


@rule(needs=("cluster", "daemon_sets"), wants=("agent_pods", "associations", "pods"))
def self_managed_cluster_name_wrong(check: Check, snapshot: Snapshot) -> Verdicts:
    cluster = known(snapshot.cluster)
    for ds in agents(snapshot):
        chain = served_by(snapshot, ds)
        case = check.case(ds.subject, chain)
        wrong = _wrong(ds, cluster)
        if not wrong:
            yield case.ok("it names the cluster and its region")
            continue
        severity = importance(snapshot)
        yield case.fail(
            f"the agent of DaemonSet {ds.namespace}/{ds.name} asks for another cluster: {'; '.join(wrong)}",
            # one without pods beside an associated one answers nobody
            severity=severity if chain or severity is Severity.INFO else Severity.WARN,
            evidence=wrong,
            commands=(("kubectl", "-n", ds.namespace, "get", "daemonset", ds.name, "-o", "yaml"),),
        )


def _wrong(ds: DaemonSet, cluster: Cluster) -> list[str]:
    """What the kubelet or a shell fills in, $(NAME) or $NAME, is not known here."""
    wrong = []
    name, region = option(ds, CLUSTER_NAME), ds.env.get(REGION, "")
    if name and "$" not in name and name != cluster.name:
        wrong.append(f"{CLUSTER_NAME} {name}, not {cluster.name}")
    # with an endpoint of its own the region only signs
    if region and "$" not in region and region != cluster.region and not option(ds, ENDPOINT):
        wrong.append(f"{REGION} {region}, not {cluster.region}")
    return wrong
