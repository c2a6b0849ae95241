"""A principal that can create associations and pass a role can give the role to any service account.

Source: EKS User Guide, "Assign an IAM role to a Kubernetes service account": the caller needs both permissions.
"""

from collections.abc import Iterator

from podid.checks.base import Check, Snapshot, Verdicts, count_of, known, rule, short_list
from podid.domain.findings import Subject
from podid.domain.iam import Principal
from podid.domain.names import PODS_PRINCIPAL, Arn, role_name
from podid.domain.policy.evaluate import AccessVerdict, Layer, LayerKind, RoleAccess
from podid.domain.policy.session import RoleSession
from podid.domain.policy.statements import parse_permissions
from podid.domain.wildcards import ANY
from podid.facts.index import by_role, chain_of

_ASSOCIATE = ("eks:CreatePodIdentityAssociation", "eks:UpdatePodIdentityAssociation")
_SERVICE_LINKED = ":role/aws-service-role/"


@rule(needs=("cluster", "associations", "principals"))
def role_passable_by_others(check: Check, snapshot: Snapshot) -> Verdicts:
    """Report users and roles that can give a role away. Administrators are not reported: each account has some."""
    cluster, roles = known(snapshot.cluster), by_role(snapshot)
    none = True
    for principal in known(snapshot.principals):
        if _SERVICE_LINKED in principal.arn:
            continue
        access = _access(principal, cluster.region)
        ways = tuple(_ways(access, cluster.arn))
        passed = [arn for arn in roles if _allows(access, "iam:PassRole", arn)] if ways else []
        if not passed:
            continue
        none = False
        kind = "User" if ":user/" in principal.arn else "Role"
        affected = chain_of(a for arn in passed for a in roles[arn])
        # an update changes an association that exists
        receivers = "any service account" + (" with an association" if ways == _ASSOCIATE[1:] else "")
        yield check.case(Subject(kind, Arn.parse(principal.arn).resource.rpartition("/")[2]), affected).fail(
            f"this {kind.lower()} can give {count_of(len(passed), 'role')} to {receivers} in the cluster",
            f"allowed: {', '.join(ways)}",
            f"roles that it can pass: {short_list(map(role_name, passed))}",
        )
    if none:
        yield check.of_cluster(snapshot).ok(check.title)


def _ways(access: RoleAccess, cluster_arn: str) -> Iterator[str]:
    everything = access.ruling("*")
    if everything.verdict is AccessVerdict.ALLOWED and ANY in everything.resources:
        return
    association = cluster_arn.replace(":cluster/", ":podidentityassociation/") + "/*"
    for action, resource in zip(_ASSOCIATE, (cluster_arn, association), strict=True):
        if _allows(access, action, resource):
            yield action


def _allows(access: RoleAccess, action: str, resource: str) -> bool:
    return access.ruling(action, resource).verdict is AccessVerdict.ALLOWED


def _access(principal: Principal, region: str) -> RoleAccess:
    policies = tuple(parse_permissions(p.name, LayerKind.IDENTITY, p.document) for p in principal.policies)
    layers = [Layer(LayerKind.IDENTITY, "policy", policies)]
    if principal.boundary is not None:
        ceiling = parse_permissions(principal.boundary.name, LayerKind.BOUNDARY, principal.boundary.document)
        layers.append(Layer(LayerKind.BOUNDARY, "permissions boundary", (ceiling,)))
    context = {"iam:passedtoservice": (PODS_PRINCIPAL,)}
    return RoleAccess(RoleSession(role_arn=principal.arn, region=region, specified=context), tuple(layers))
