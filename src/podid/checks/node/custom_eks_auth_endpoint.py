"""The endpoint of the agent's requests: `eks-auth.REGION.api.aws`, or the one in its flag `--endpoint` or in the SDK's
variables (https://github.com/aws/eks-pod-identity-agent/blob/main/cmd/server.go,
https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html). An interface endpoint without private DNS
is reachable by its own name only: https://github.com/aws/eks-pod-identity-agent/issues/88.
"""

import re
from urllib.parse import urlsplit

from podid.checks.base import Check, Known, Missing, Severity, Snapshot, Verdict, Verdicts, known, known_or, rule
from podid.domain.cluster import DaemonSet
from podid.domain.network import Egress, eks_auth_host, isolated_subnets
from podid.domain.text import short_list
from podid.domain.workloads import NODE_GROUP_LABEL
from podid.facts.agent import agents, importance, option, served_by
from podid.facts.index import reach_on
from podid.facts.nodes import for_hybrid

FLAG = "--endpoint"
MODIFY = ("aws", "ec2", "modify-vpc-endpoint", "--private-dns-enabled")
# the SDK reads them in this order
VARIABLES = ("AWS_ENDPOINT_URL_EKS_AUTH", "AWS_ENDPOINT_URL")
# SERVICE.REGION.api.aws, SERVICE.REGION.amazonaws.com and vpce-ID.SERVICE.REGION.vpce.amazonaws.com, with the
# domains of other partitions
_AWS = re.compile(
    r"(?:(?P<endpoint>vpce-[0-9a-f]+)[\w-]*\.)?(?P<service>[a-z-]+?)(?:-fips)?\.(?P<region>[a-z]{2,}-[a-z-]+-\d)\."
    r"(?:vpce\.)?(?:api\.aws(?:(?:\.hci)?\.ic\.gov|\.scloud)?|api\.cloud-aws\.adc-e\.uk|amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.amazonwebservices\.(?:com\.cn|eu))"
)


@rule(
    needs=("cluster", "daemon_sets"),
    wants=("node_groups", "egress", "agent_pods", "associations", "pods", "nodes", "cloudtrail"),
)
def custom_eks_auth_endpoint(check: Check, snapshot: Snapshot) -> Verdicts:
    hosts = [(ds, host) for ds in agents(snapshot) if (host := _host(ds))]
    for ds, host in hosts:
        yield _overridden(check, snapshot, ds, host)
    # a DaemonSet for hybrid nodes is not in the subnets of node groups
    others = [ds for ds in agents(snapshot) if not for_hybrid(ds)]
    if not hosts or not all(map(_host, others)):
        yield from _nameless(check, snapshot)


def _host(ds: DaemonSet) -> str:
    words = (option(ds, FLAG), *(ds.env.get(name, "") for name in VARIABLES))
    endpoint = next((word for word in words if word), "")
    return urlsplit(endpoint if "//" in endpoint else f"//{endpoint}").hostname or ""


def _overridden(check: Check, snapshot: Snapshot, ds: DaemonSet, host: str) -> Verdict:
    cluster, case = known(snapshot.cluster), check.case(ds.subject, served_by(snapshot, ds))
    match = _AWS.fullmatch(host)
    if match is None:
        why = f"not checked whether EKS Auth answers at {host}, the agent's configured endpoint"
        return case.unknown(Missing(why), why, severity=Severity.WARN)
    wrong = ""
    if match["service"] != "eks-auth":
        wrong = f"which is {match['service']}, not eks-auth"
    elif match["region"] != cluster.region:
        wrong = f"which is EKS Auth of {match['region']}, not of {cluster.region}"
    if not wrong:
        return case.ok(f"it sends its requests to {host}, an endpoint of EKS Auth")
    return case.fail(
        f"the agent of DaemonSet {ds.namespace}/{ds.name} sends its requests to {host}, {wrong}",
        f"source: flag {FLAG} or variable {' or '.join(VARIABLES)}",
        severity=importance(snapshot),
        commands=(("kubectl", "-n", ds.namespace, "edit", "daemonset", ds.name),),
    )


def _nameless(check: Check, snapshot: Snapshot) -> Verdicts:
    """Judge subnets that reach EKS Auth only through an endpoint. Report a warning: a private hosted zone may resolve
    the public name to the endpoint, and podid does not read hosted zones."""
    case = check.of_everyone(snapshot)
    if isinstance(snapshot.egress, Missing) or isinstance(snapshot.node_groups, Missing):
        return [case.skip("routes and endpoints are not known, which eks-auth-unreachable reports")]
    egress: Egress = snapshot.egress.value
    subnets = dict.fromkeys(subnet for group in snapshot.node_groups.value for subnet in group.subnet_ids)
    endpoint, closed = egress.eks_auth, isolated_subnets(egress, subnets)
    if endpoint is None or endpoint.private_dns or not closed:
        return [case.ok("the agents can reach EKS Auth by its default name")]
    served = [node for node, met in known_or(snapshot.cloudtrail, {}).items() if met == Known(())]
    if served:
        return [case.ok(f"CloudTrail shows redeemed tokens from {short_list(served)}")]
    cluster = known(snapshot.cluster)
    host = eks_auth_host(cluster.partition, cluster.region)
    names = {group.name for group in snapshot.node_groups.value if {*group.subnet_ids} & {*closed}}
    reach = reach_on(snapshot, lambda node: node.labels.get(NODE_GROUP_LABEL) in names)
    return [
        check.case(case.subject, reach.chain).fail(
            f"endpoint {endpoint.endpoint_id}, the only route from {short_list(closed)} to EKS Auth, has no private DNS"
            f": {host}, the agent's default, resolves to it only with a private hosted zone",
            "not checked: private hosted zones; use --logs or --cloudtrail to check the agents' requests",
            f"agents with {FLAG} or {VARIABLES[0]}: none",
            nodes=reach.nodes,
            severity=Severity.WARN,
            commands=((*MODIFY, "--vpc-endpoint-id", endpoint.endpoint_id, "--region", cluster.region),),
        )
    ]
