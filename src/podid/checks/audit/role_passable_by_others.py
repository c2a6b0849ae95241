"""A principal that can create associations and pass a role can give the role to any service account.

Source: EKS User Guide, "Assign an IAM role to a Kubernetes service account": the caller needs both permissions.
"""

from collections.abc import Iterable, Iterator

from podid.checks.base import Check, Missing, Snapshot, Verdicts, count_of, known, rule, short_list
from podid.domain.findings import Subject
from podid.domain.iam import Principal
from podid.domain.names import PODS_PRINCIPAL, Arn, role_name
from podid.domain.policy.escalation import is_administrator
from podid.domain.policy.evaluate import AccessVerdict, Layer, LayerKind, RoleAccess, Ruling
from podid.domain.policy.session import RoleSession
from podid.domain.policy.statements import parse_permissions
from podid.facts.index import by_role, chain_of

_ASSOCIATE = ("eks:CreatePodIdentityAssociation", "eks:UpdatePodIdentityAssociation")
_SERVICE_LINKED = ":role/aws-service-role/"


@rule(needs=("cluster", "associations", "principals"))
def role_passable_by_others(check: Check, snapshot: Snapshot) -> Verdicts:
    """Report users and roles that can give a role away. Administrators are not reported: each account has some."""
    cluster, roles = known(snapshot.cluster), by_role(snapshot)
    none = True
    for principal in known(snapshot.principals):
        access = _access(principal, cluster.region)
        if _SERVICE_LINKED in principal.arn or is_administrator(access):
            continue
        ways = {action: ruling for action, ruling in _ways(access, cluster.arn) if _possible(ruling)}
        passing = {arn: access.ruling("iam:PassRole", arn) for arn in roles} if ways else {}
        passed = [arn for arn, ruling in passing.items() if _possible(ruling)]
        if not passed:
            continue
        none = False
        kind = "User" if ":user/" in principal.arn else "Role"
        affected = chain_of(a for arn in passed for a in roles[arn])
        case = check.case(Subject(kind, Arn.parse(principal.arn).resource.rpartition("/")[2]), affected)
        doubt = _doubt(ways.values()) or _doubt(passing[arn] for arn in passed)
        sure = [arn for arn in passed if passing[arn].verdict is AccessVerdict.ALLOWED]
        certain = tuple(action for action, ruling in ways.items() if ruling.verdict is AccessVerdict.ALLOWED)
        if doubt is not None and not (certain and sure):
            words = f"this {kind.lower()} can give {count_of(len(passed), 'role')} to service accounts in the cluster"
            yield case.unknown(Missing(doubt.reason), f"not known whether {words}: {doubt.reason}")
            continue
        # an update changes an association that exists
        receivers = "any service account" + (" with an association" if certain == _ASSOCIATE[1:] else "")
        yield case.fail(
            f"this {kind.lower()} can give {count_of(len(sure), 'role')} to {receivers} in the cluster",
            f"allowed: {', '.join(certain)}",
            f"roles that it can pass: {short_list(map(role_name, sure))}",
        )
    if none:
        yield check.of_cluster(snapshot).ok(check.title)


def _ways(access: RoleAccess, cluster_arn: str) -> Iterator[tuple[str, Ruling]]:
    association = cluster_arn.replace(":cluster/", ":podidentityassociation/") + "/*"
    for action, resource in zip(_ASSOCIATE, (cluster_arn, association), strict=True):
        yield action, access.ruling(action, resource)


def _possible(ruling: Ruling) -> bool:
    return ruling.verdict is not AccessVerdict.DENIED


def _doubt(rulings: Iterable[Ruling]) -> Ruling | None:
    return next((ruling for ruling in rulings if ruling.verdict is AccessVerdict.UNKNOWN), None)


def _access(principal: Principal, region: str) -> RoleAccess:
    policies = tuple(parse_permissions(p.name, LayerKind.IDENTITY, p.document) for p in principal.policies)
    layers = [Layer(LayerKind.IDENTITY, "policy", policies)]
    if principal.boundary is not None:
        ceiling = parse_permissions(principal.boundary.name, LayerKind.BOUNDARY, principal.boundary.document)
        layers.append(Layer(LayerKind.BOUNDARY, "permissions boundary", (ceiling,)))
    # people use them, with a second factor if a policy requires it
    context = {"iam:passedtoservice": (PODS_PRINCIPAL,), "aws:multifactorauthpresent": ("true",)}
    if ":user/" in principal.arn:
        context |= {"aws:username": (role_name(principal.arn),), "aws:principaltype": ("User",)}
    return RoleAccess(RoleSession(role_arn=principal.arn, region=region, specified=context), tuple(layers))
