"""The caller's own permissions: from IAM's policy simulator for the caller's principal, and from access reviews in the
cluster.

The simulator evaluates the principal's policies, its boundary and the organization's policies without their
conditions. It does not evaluate session policies.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from collections.abc import Callable, Iterable, Iterator

from podid.aws.iam import Iam
from podid.domain.aws import Decision
from podid.domain.errors import AccessDenied, NotFound, PodidError
from podid.domain.iam import NOT_BY_ORGANIZATION, undecided
from podid.domain.names import AGENT_NAMESPACE, PODS_PRINCIPAL, Arn, role_name
from podid.domain.owners import PLURALS
from podid.domain.permissions import (
    AccessReview,
    CommandPermissions,
    KubePermission,
    Outcome,
    OwnOptional,
    OwnPermission,
    OwnPermissions,
    Permissions,
    resource_of,
)
from podid.domain.plan import WhoAndWhere
from podid.domain.snapshot import Missing, missing
from podid.kube.reader import KubeReader

PASS_ROLE, PASSED_TO = "iam:PassRole", "iam:PassedToService"
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: no policy can deny it
ALWAYS_HELD = "sts:GetCallerIdentity"
# the region of IAM's own calls, for policies with aws:RequestedRegion
_IAM_REGION = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}


def own_permissions(
    iam: Iam,
    reader: Callable[[], KubeReader],
    where: WhoAndWhere,
    needed: CommandPermissions,
    *,
    commands: tuple[str, ...],
    namespace: str = "",
) -> OwnPermissions:
    """Return the caller's permissions. A permission that cannot be checked is unknown, and raises nothing. `reader` is
    called if the commands require permissions in the cluster; it may raise if the cluster cannot be reached."""
    total = needed.always
    for item in needed.optional:
        total |= item.permissions
    principal = _principal(iam, where.caller_arn) if set(total.iam) - {ALWAYS_HELD} else ""
    judged = (*_in_aws(iam, principal, where, total), *_in_cluster(reader, total, namespace))
    answers = {item.permission: item for item in judged}

    def answered(permissions: Permissions) -> tuple[OwnPermission, ...]:
        listed: tuple[str | KubePermission, ...] = (*permissions.iam, *permissions.kubernetes)
        return tuple(answers[permission] for permission in listed)

    always: set[str | KubePermission] = {*needed.always.iam, *needed.always.kubernetes}
    optional = (
        OwnOptional(item.reason, tuple(own for own in answered(item.permissions) if own.permission not in always))
        for item in needed.optional
    )
    return OwnPermissions(
        commands=commands,
        caller_arn=where.caller_arn,
        principal_arn=principal if isinstance(principal, str) else "",
        cluster=where.cluster,
        namespace=namespace,
        always=answered(needed.always),
        optional=tuple(item for item in optional if item.permissions),
    )


def _principal(iam: Iam, caller_arn: str) -> str | Missing:
    """Return the ARN of the principal whose policies apply to the caller."""
    caller = Arn.parse(caller_arn)
    kind, _, path = caller.resource.partition("/")
    if caller.service == "iam" and kind in ("user", "role"):
        return caller_arn
    if kind == "root":
        return Missing(
            "the root user has no policies, and the policy simulator does not evaluate its organization's policies"
        )
    if kind != "assumed-role":
        return Missing(f"IAM's policy simulator supports users and roles only, and {caller_arn} is neither")
    name = path.partition("/")[0]
    try:
        return iam.get_role(name).arn
    except NotFound:
        return Missing(f"role {name} of the caller's session no longer exists")
    except PodidError:
        # the ARN of a session lacks the role's path; most roles have none
        return f"arn:{caller.partition}:iam::{caller.account}:role/{name}"


def _in_aws(
    iam: Iam, principal: str | Missing, where: WhoAndWhere, permissions: Permissions
) -> Iterator[OwnPermission]:
    partition = Arn.parse(where.caller_arn).partition
    resource = f"cluster/{where.cluster}" if where.cluster else ""
    cluster = Arn(partition, "eks", where.region, where.account, resource)
    groups: dict[tuple[str, str], list[str]] = {}
    for action in permissions.iam:
        if action == ALWAYS_HELD:
            yield OwnPermission(permission=action, outcome="held", where="*")
        else:
            # PassRole has its own context, so it is simulated separately
            groups.setdefault((resource_of(action, cluster), action if action == PASS_ROLE else ""), []).append(action)
    for (resource, _), actions in groups.items():
        if isinstance(principal, Missing):
            yield from _unknown(actions, resource, principal)
        else:
            yield from _simulated(iam, principal, where, resource, actions)


def _simulated(
    iam: Iam, principal: str, where: WhoAndWhere, resource: str, actions: list[str]
) -> Iterator[OwnPermission]:
    arn = Arn.parse(principal)
    in_iam = all(action.startswith("iam:") for action in actions)
    context = {
        "aws:PrincipalArn": principal,
        "aws:PrincipalAccount": arn.account,
        "aws:RequestedRegion": _IAM_REGION.get(arn.partition, where.region) if in_iam else where.region,
    }
    if PASS_ROLE in actions:
        context[PASSED_TO] = PODS_PRINCIPAL
    try:
        decisions = {item.action: item for item in iam.simulate(principal, actions, (resource,), context=context)}
    except NotFound:
        lost = Missing(f"{principal} was not found: the path of the session's role could not be read", "iam:GetRole")
        yield from _unknown(actions, resource, lost)
    except AccessDenied as error:
        # the denial itself answers the question for this permission
        if error.permission in actions:
            yield OwnPermission(permission=error.permission, outcome="missing", where=resource, reason=error.message)
        yield from _unknown((action for action in actions if action != error.permission), resource, missing(error))
    except PodidError as error:
        yield from _unknown(actions, resource, missing(error))
    else:
        for action in actions:
            outcome, reason = _judged(decisions.get(action), resource, principal)
            yield OwnPermission(permission=action, outcome=outcome, where=resource, reason=reason)


def _judged(decision: Decision | None, resource: str, principal: str) -> tuple[Outcome, str]:
    if decision is None:
        return "unknown", "IAM's policy simulator returned no result for it"
    # only PassRole calls have the service key
    keys = sorted({*decision.missing_context_keys} - {PASSED_TO})
    if decision.allowed:
        return "held", f"unless it depends on {', '.join(keys)} of the actual request" if keys else ""
    if decision.denied_by == "boundary":
        return "denied", "the permissions boundary does not allow it"
    if decision.denied_by == "organization":
        return "denied", NOT_BY_ORGANIZATION
    if keys:
        return "unknown", undecided(keys)
    if decision.denied_by == "policy":
        return "denied", f"a policy denies it on {resource}"
    who = " ".join((Arn.parse(principal).resource.partition("/")[0], role_name(principal)))
    return "missing", f"no policy of {who} allows it on {resource}"


NODE_LEASES = "kube-node-lease"
# objects without a namespace, and objects that podid reads in all namespaces even with -n
_CLUSTER_WIDE = {
    *("namespaces", "nodes", "persistentvolumes", "csidrivers", "mutatingwebhookconfigurations", "ec2nodeclasses"),
    *("clusterroles", "clusterrolebindings", "clustersecretstores", "clusterissuers"),
    *("clustertriggerauthentications", "ciliumclusterwidenetworkpolicies"),
}


def _places(permission: KubePermission, namespace: str) -> tuple[str, ...]:
    """Return the namespaces in which the commands use the permission if -n specifies this one; `("",)` for all."""
    if (permission.resource, permission.verb) == ("leases", "list"):
        return (NODE_LEASES,)
    if permission.namespaced or not namespace:
        return (namespace,)
    if permission.resource in _CLUSTER_WIDE or permission.group in PLURALS:
        return ("",)
    match permission.resource:
        case "events" | "pods/log":
            return (AGENT_NAMESPACE,)
        case "pods" | "daemonsets":
            return tuple(dict.fromkeys((namespace, AGENT_NAMESPACE)))
    return (namespace,)


def _in_cluster(reader: Callable[[], KubeReader], permissions: Permissions, namespace: str) -> Iterator[OwnPermission]:
    failure: PodidError | None = None
    for permission in permissions.kubernetes:
        by_namespace = not namespace and _places(permission, AGENT_NAMESPACE) != ("",)
        for place in _places(permission, namespace):
            try:
                if failure is not None:
                    raise failure
                own = _reviewed(permission, place, reader().may(permission, place), by_namespace=by_namespace)
            except PodidError as error:
                failure = error  # the cluster cannot be reached, so every other review fails too
                (own,) = _unknown((permission,), place, missing(error))
            if not own.held:
                break
        yield own


def _reviewed(permission: KubePermission, place: str, review: AccessReview, *, by_namespace: bool) -> OwnPermission:
    if review.allowed:
        return OwnPermission(permission=permission, outcome="held", where=place)
    if review.allowed is None:
        return OwnPermission(permission=permission, outcome="unknown", where=place, reason=review.reason)
    advice = "; pass -n to check one namespace" if by_namespace else ""
    why = review.reason or f"no Role allows it in {f'namespace {place}' if place else f'all namespaces{advice}'}"
    return OwnPermission(permission=permission, outcome="missing", where=place, reason=why)


def _unknown(permissions: Iterable[str | KubePermission], where: str, why: Missing) -> Iterator[OwnPermission]:
    for permission in permissions:
        yield OwnPermission(
            permission=permission, outcome="unknown", where=where, reason=why.reason, needs=why.permission
        )
