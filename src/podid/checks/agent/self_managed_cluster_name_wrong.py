"""The agent sends its requests to EKS Auth for the cluster, and in the region, that its pod spec names:
https://github.com/aws/eks-pod-identity-agent (charts/, cmd/).
"""

from podid.checks.base import Check, Severity, Snapshot, Verdicts, known, rule
from podid.facts.agent import agents, importance, option, served_by

CLUSTER_NAME, ENDPOINT, REGION = "--cluster-name", "--endpoint", "AWS_REGION"


@rule(needs=("cluster", "daemon_sets"), wants=("agent_pods", "associations", "pods"))
def self_managed_cluster_name_wrong(check: Check, snapshot: Snapshot) -> Verdicts:
    cluster = known(snapshot.cluster)
    for ds in agents(snapshot):
        case, wrong = check.case(ds.subject, served_by(snapshot, ds)), []
        name, region = option(ds, CLUSTER_NAME), ds.env.get(REGION, "")
        # values that the kubelet or a shell fills in, $(NAME) or $NAME, are not known
        if name and "$" not in name and name != cluster.name:
            wrong.append(f"{CLUSTER_NAME} {name}, not {cluster.name}")
        # with a custom endpoint the region is only used for the signature
        if region and "$" not in region and region != cluster.region and not option(ds, ENDPOINT):
            wrong.append(f"{REGION} {region}, not {cluster.region}")
        if not wrong:
            yield case.ok("its cluster name and its region are correct")
            continue
        severity = importance(snapshot)
        yield case.fail(
            f"the agent of DaemonSet {ds.namespace}/{ds.name} is configured for another cluster or region: "
            f"{'; '.join(wrong)}",
            *wrong,
            # an agent on nodes without associated pods has no clients
            severity=severity if case.chain or severity is Severity.INFO else Severity.WARN,
            commands=(("kubectl", "-n", ds.namespace, "get", "daemonset", ds.name, "-o", "yaml"),),
        )
