"""The agent sends its requests to EKS Auth for the cluster, and in the region, that its pod spec names. It serves pods
on port 80 of its node: https://github.com/aws/eks-pod-identity-agent (charts/, cmd/).
"""

from podid.checks.base import Check, Severity, Snapshot, Verdicts, known, known_or, rule
from podid.domain.workloads import live, runs_in
from podid.facts.agent import PROXY_PORT, agents, importance, option, served_by

PORT, CLUSTER_NAME, ENDPOINT, REGION = "--port", "--cluster-name", "--endpoint", "AWS_REGION"


@rule(needs=("cluster", "daemon_sets"), wants=("agent_pods", "associations", "pods"))
def self_managed_cluster_name_wrong(check: Check, snapshot: Snapshot) -> Verdicts:
    cluster = known(snapshot.cluster)
    for ds in agents(snapshot):
        case, wrong = check.case(ds.subject, served_by(snapshot, ds)), []
        name, region, port = option(ds, CLUSTER_NAME), ds.env.get(REGION, ""), option(ds, PORT)
        # values that the kubelet or a shell fills in, $(NAME) or $NAME, are not known
        if name and "$" not in name and name != cluster.name:
            wrong.append(f"{CLUSTER_NAME} {name}, not {cluster.name}")
        # with a custom endpoint the region is only used for the signature
        if region and "$" not in region and region != cluster.region and not option(ds, ENDPOINT):
            wrong.append(f"{REGION} {region}, not {cluster.region}")
        if port.isdigit() and int(port) != PROXY_PORT:
            wrong.append(f"{PORT} {port}, not {PROXY_PORT}")
        pods = (pod for pod in known_or(snapshot.agent_pods, ()) if live(pod) and runs_in(pod, ds))
        if any(not pod.host_network for pod in pods):
            wrong.append("no hostNetwork: pods do not reach it at its link-local address")
        if not wrong:
            yield case.ok("its cluster name, region, port and network are correct")
            continue
        severity = importance(snapshot)
        yield case.fail(
            f"the agent of DaemonSet {ds.namespace}/{ds.name} has a wrong configuration: {'; '.join(wrong)}",
            # an agent on nodes without associated pods has no clients
            severity=severity if case.chain or severity is Severity.INFO else Severity.WARN,
            commands=(("kubectl", "-n", ds.namespace, "edit", "daemonset", ds.name),),
        )
