"""A private VPC without an endpoint for EKS Auth, which is a separate service from EKS:
https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html. The check does not read outbound
rules of security groups, network ACLs, and routes behind a transit gateway or a firewall; the agents' logs show their
effects.
"""

import json

from podid.checks.base import (
    Case,
    Check,
    Missing,
    Severity,
    Snapshot,
    Verdict,
    count_of,
    known,
    known_or,
    rule,
    short_list,
)
from podid.domain.network import VpcEndpoint, eks_auth_service, isolated_subnets, other_targets
from podid.domain.policy.statements import parse_permissions
from podid.domain.trust.request import RequestContext
from podid.domain.workloads import NODE_GROUP_LABEL
from podid.facts.index import reach_on
from podid.facts.nodes import REDEEM


# errors in logs are reported without these sections
@rule(needs=("cluster",), wants=("node_groups", "egress", "nodes", "pods", "associations", "instances"))
def eks_auth_unreachable(check: Check, snapshot: Snapshot) -> Verdict:
    """Judge the subnets of managed node groups. EKS does not report the subnets of other nodes."""
    case = check.of_everyone(snapshot)
    for section in (snapshot.node_groups, snapshot.egress):
        if isinstance(section, Missing):
            # few VPCs have no route to EKS Auth
            return case.unknown(section, severity=Severity.WARN)
    egress, groups = known(snapshot.egress), known(snapshot.node_groups)
    subnets = tuple(dict.fromkeys(subnet for group in groups for subnet in group.subnet_ids))
    if not subnets:
        return case.skip("the subnets of the nodes are not known: there is no managed node group")
    endpoint = egress.eks_auth
    if endpoint is not None and endpoint.private_dns:
        if _refuses(endpoint.policy, arn := known(snapshot.cluster).arn):
            return case.fail(
                f"the policy of endpoint {endpoint.endpoint_id}, the VPC's route to EKS Auth, does not allow {REDEEM}",
                f"fix: allow the action on {arn} in the policy",
            )
        return _by_security_groups(check, case, snapshot, endpoint)
    closed = isolated_subnets(egress, subnets)
    if closed and not egress.endpoints and any(node.ready for node in known_or(snapshot.nodes, ())):
        return case.skip(
            "nodes are ready, which requires a route to the EKS API and to a registry: there is one that route tables "
            "and endpoints do not show"
        )
    if closed and endpoint is None:
        cluster = known(snapshot.cluster)
        service = eks_auth_service(cluster.partition, cluster.region)
        # the nodes of a group are in any of its subnets
        whole = [group for group in groups if group.subnet_ids and {*group.subnet_ids} <= {*closed}]
        names = {group.name for group in whole or groups if {*group.subnet_ids} & {*closed}}
        reach = reach_on(snapshot, lambda node: node.labels.get(NODE_GROUP_LABEL) in names)
        return check.case(case.subject, reach.chain).fail(
            f"{short_list(closed)} cannot reach EKS Auth: no route out of the VPC and no interface endpoint for "
            "eks-auth",
            f"missing endpoint: {service} (the endpoint for eks is a different one)",
            "fix: create an interface endpoint with private DNS that allows port 443 from the nodes",
            severity=None if whole else Severity.WARN,
            nodes=reach.nodes,
        )
    beyond = other_targets(egress, subnets)
    if closed and endpoint is not None:
        return case.skip(f"endpoint {endpoint.endpoint_id} has no private DNS, which custom-eks-auth-endpoint reports")
    if closed or beyond:
        where = next(iter(beyond.values()), "") or "an unknown route table"
        why = f"packets from {short_list(beyond or closed)} go to {where}, and the routes from there are not known"
        return case.unknown(Missing(f"{why}; check the agents' logs: podid agent logs"), severity=Severity.WARN)
    return case.ok("the nodes' subnets have a route to EKS Auth")


def _by_security_groups(check: Check, case: Case, snapshot: Snapshot, endpoint: VpcEndpoint) -> Verdict:
    """Judge whether the security groups of the endpoint allow the nodes to connect."""
    passed = case.ok(f"endpoint {endpoint.endpoint_id} is a route to EKS Auth")
    for section in (groups := known(snapshot.egress).groups, snapshot.instances):
        if isinstance(section, Missing):
            return case.unknown(section, severity=Severity.WARN) if endpoint.group_ids else passed
    if isinstance(groups, Missing) or not groups.value:
        return passed
    instances = known(snapshot.instances)
    closed = [
        name
        for name, instance in instances.items()
        if not any(group.allows(instance.addresses, instance.group_ids) is not False for group in groups.value)
    ]
    if not closed:
        return passed
    reach = reach_on(snapshot, lambda node: node.name in closed)
    names = [group.group_id for group in groups.value]
    return check.case(case.subject, reach.chain).fail(
        f"the security groups of endpoint {endpoint.endpoint_id}, the VPC's route to EKS Auth, do not allow port 443 "
        f"from {count_of(len(closed), 'node')}",
        f"security groups of the endpoint: {short_list(names)}",
        f"nodes: {short_list(closed)}",
        "fix: allow inbound TCP port 443 from the security groups of the nodes",
        severity=None if len(closed) == len(instances) else Severity.WARN,
        commands=(("aws", "ec2", "describe-security-groups", "--group-ids", *names),),
        nodes=reach.nodes,
    )


def _refuses(policy: str, cluster_arn: str) -> bool:
    """Return whether the endpoint's policy refuses the agents of every node role. Conditions may hold, and an
    unreadable policy may allow everything."""
    try:
        document = json.loads(policy)
    except ValueError:
        return False
    parsed = parse_permissions("", "resource", document if isinstance(document, dict) else {})
    about = [statement for statement in parsed.statements if statement.covers(REDEEM.lower())]
    # no value of a condition key is known
    context = RequestContext(1, {}, frozenset(), ("",))
    if any(not s.allow and s.principal == "*" and s.truth(cluster_arn, context) is True for s in about):
        return True
    allowed = any(s.allow and s.resource_truth(cluster_arn, context) is not False for s in about)
    return bool(parsed.statements) and not allowed
