"""Where the agent sends its requests: `eks-auth.REGION.api.aws`, or what its flag `--endpoint` or the SDK's variables
name (https://github.com/aws/eks-pod-identity-agent/blob/main/cmd/server.go,
https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html). An interface endpoint without private DNS
answers under its own name only: https://github.com/aws/eks-pod-identity-agent/issues/88.
"""

import re
from urllib.parse import urlsplit

from podid.checks.base import Check, Known, Missing, Severity, Snapshot, Verdict, Verdicts, known, known_or, rule
from podid.domain.cluster import DaemonSet
from podid.domain.network import Egress, closed_in
from podid.domain.text import short_list
from podid.domain.workloads import NODE_GROUP_LABEL
from podid.facts.agent import agents, importance, option, served_by
from podid.facts.index import reach_on

FLAG = "--endpoint"
# the SDK's own come in this order
VARIABLES = ("AWS_ENDPOINT_URL_EKS_AUTH", "AWS_ENDPOINT_URL")
# SERVICE.REGION.api.aws, SERVICE.REGION.amazonaws.com and vpce-ID.SERVICE.REGION.vpce.amazonaws.com
_AWS = re.compile(
    r"(?:(?P<endpoint>vpce-[0-9a-f]+)[\w-]*\.)?(?P<service>[a-z-]+?)(?:-fips)?\.(?P<region>[a-z]{2,}-[a-z-]+-\d)\."
    r"(?:vpce\.)?(?:api\.aws|amazonaws\.com(?:\.cn)?|api\.amazonwebservices\.com\.cn)"
)


@rule(
    needs=("cluster", "daemon_sets"),
    wants=("node_groups", "egress", "agent_pods", "associations", "pods", "nodes", "cloudtrail"),
)
def custom_eks_auth_endpoint(check: Check, snapshot: Snapshot) -> Verdicts:
    hosts = [(ds, host) for ds in agents(snapshot) if (host := _host(ds))]
    for ds, host in hosts:
        yield _overridden(check, snapshot, ds, host)
    if not hosts:
        yield from _nameless(check, snapshot)


def _host(ds: DaemonSet) -> str:
    words = (option(ds, FLAG), *(ds.env.get(name, "") for name in VARIABLES))
    said = next((word for word in words if word), "")
    return urlsplit(said if "//" in said else f"//{said}").hostname or ""


def _overridden(check: Check, snapshot: Snapshot, ds: DaemonSet, host: str) -> Verdict:
    cluster, case = (
        known(snapshot.cluster),
        check.case(ds.subject, served_by(snapshot, ds)),
    )
    match = _AWS.fullmatch(host)
    if match is None:
        why = f"the agent is told to send its requests to {host}; whether EKS Auth answers there is not seen from here"
        return case.unknown(Missing(why), why, severity=Severity.WARN)
    wrong = ""
    if match["service"] != "eks-auth":
        wrong = f"which is {match['service']}, not eks-auth"
    elif match["region"] != cluster.region:
        wrong = f"which is EKS Auth of {match['region']}, not of {cluster.region}"
    if not wrong:
        return case.ok(f"it sends its requests to EKS Auth by way of {host}")
    return case.fail(
        f"the agent of DaemonSet {ds.namespace}/{ds.name} is told to send its requests to {host}, {wrong}",
        severity=importance(snapshot),
        evidence=(f"by its flag {FLAG} or a variable of {', '.join(VARIABLES)}",),
        commands=(("kubectl", "-n", ds.namespace, "get", "daemonset", ds.name, "-o", "yaml"),),
    )


def _nameless(check: Check, snapshot: Snapshot) -> Verdicts:
    """Of subnets from which only an endpoint leads to EKS Auth. A warning: a private hosted zone for the public name
    may lead to the endpoint, and podid does not read those."""
    case = check.of_everyone(snapshot)
    if isinstance(snapshot.egress, Missing) or isinstance(snapshot.node_groups, Missing):
        return [case.skip("routes and endpoints are not known, which eks-auth-unreachable says")]
    egress: Egress = snapshot.egress.value
    subnets = dict.fromkeys(subnet for group in snapshot.node_groups.value for subnet in group.subnet_ids)
    endpoint, closed = egress.eks_auth, closed_in(egress, subnets)
    if endpoint is None or endpoint.private_dns or not closed:
        return [case.ok("nothing keeps the agents from EKS Auth under the name that they use")]
    served = [node for node, met in known_or(snapshot.cloudtrail, {}).items() if met == Known(())]
    if served:
        return [case.ok(f"CloudTrail has tokens that were redeemed from {short_list(served)}")]
    cluster = known(snapshot.cluster)
    names = {group.name for group in snapshot.node_groups.value if {*group.subnet_ids} & {*closed}}
    reach = reach_on(snapshot, lambda node: node.labels.get(NODE_GROUP_LABEL) in names)
    return [
        check.case(case.subject, reach.chain).fail(
            f"endpoint {endpoint.endpoint_id}, the only way from {short_list(closed)} to EKS Auth, has no private DNS: "
            f"the agent asks eks-auth.{cluster.region}.api.aws, which leads there by a private hosted zone at most",
            nodes=reach.nodes,
            severity=Severity.WARN,
            evidence=(
                "private hosted zones are not looked at; whether agents get through is told by --logs or --cloudtrail",
                f"the agents have neither {FLAG} nor {VARIABLES[0]}, which would name the endpoint",
            ),
            commands=(
                (
                    *("aws", "ec2", "modify-vpc-endpoint", "--private-dns-enabled"),
                    *("--vpc-endpoint-id", endpoint.endpoint_id, "--region", cluster.region),
                ),
            ),
        )
    ]
