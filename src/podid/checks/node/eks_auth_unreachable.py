"""A private VPC without an endpoint for EKS Auth, which is another service than EKS:
https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html. Security groups, endpoint policies and what is
behind a transit gateway or a firewall are not looked at; the agents' logs, where they are read, tell of them.
"""

from podid.checks.base import Check, Missing, Severity, Snapshot, Verdict, known, known_or, rule, short_list
from podid.domain.network import closed_in, elsewhere_from
from podid.domain.workloads import NODE_GROUP_LABEL
from podid.facts.index import reach_on


# what logs tell is told without it
@rule(needs=("cluster",), wants=("node_groups", "egress", "nodes", "pods", "associations"))
def eks_auth_unreachable(check: Check, snapshot: Snapshot) -> Verdict:
    """Of the subnets of managed node groups: where other nodes are, EKS does not say."""
    case = check.of_everyone(snapshot)
    for section in (snapshot.node_groups, snapshot.egress):
        if isinstance(section, Missing):
            # few VPCs are closed in
            return case.unknown(section, severity=Severity.WARN)
    egress, groups = known(snapshot.egress), known(snapshot.node_groups)
    subnets = tuple(dict.fromkeys(subnet for group in groups for subnet in group.subnet_ids))
    if not subnets:
        return case.skip("no managed node group says which subnets the nodes are in")
    endpoint = egress.eks_auth
    if endpoint is not None and endpoint.private_dns:
        return case.ok(f"endpoint {endpoint.endpoint_id} leads to EKS Auth")
    closed = closed_in(egress, subnets)
    if closed and not egress.endpoints and any(node.ready for node in known_or(snapshot.nodes, ())):
        return case.skip(
            "nodes are ready, which takes a way to the EKS API and to a registry: there is one that neither route "
            "tables nor endpoints show"
        )
    if closed and endpoint is None:
        region = known(snapshot.cluster).region
        # the nodes of a group are in any of its subnets
        whole = [group for group in groups if group.subnet_ids and {*group.subnet_ids} <= {*closed}]
        names = {group.name for group in whole or groups if {*group.subnet_ids} & {*closed}}
        reach = reach_on(snapshot, lambda node: node.labels.get(NODE_GROUP_LABEL) in names)
        return check.case(case.subject, reach.chain).fail(
            f"nothing leads from {short_list(closed)} to EKS Auth: no way out, no interface endpoint for eks-auth",
            severity=None if whole else Severity.WARN,
            nodes=reach.nodes,
            evidence=(
                f"the VPC has no endpoint com.amazonaws.{region}.eks-auth; that of eks is another",
                "to do: an interface endpoint with private DNS, open to the nodes on port 443",
            ),
        )
    beyond = elsewhere_from(egress, subnets)
    if closed and endpoint is not None:
        return case.skip(
            f"endpoint {endpoint.endpoint_id} has no private DNS, which is custom-eks-auth-endpoint's matter"
        )
    if closed or beyond:
        where = next(iter(beyond.values()), "") or "a route table that is not seen"
        why = f"packets of {short_list(beyond)} go to {where}"
        return case.unknown(Missing(f"{why}; the agent's log tells: podid agent logs"), severity=Severity.WARN)
    return case.ok("the nodes' subnets have a way out to EKS Auth")
