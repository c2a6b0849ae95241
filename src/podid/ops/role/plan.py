"""Plan the trust policy of an existing role, and describe its other users."""

from collections.abc import Mapping, Sequence

from podid.domain import trust
from podid.domain.aws import Cluster, Role
from podid.domain.errors import Conflict
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Place
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ROLE, ROLE_TRUST
from podid.ops.role.quota import TrustQuota


def identity(
    cluster: Cluster, ref: ServiceAccountRef, *, session_tags: bool, role: Role | None = None
) -> trust.PodIdentity:
    """Return the request that EKS makes to the role for this service account."""
    return trust.PodIdentity(
        cluster_arn=cluster.arn,
        namespace=ref.namespace,
        service_account=ref.name,
        session_tags=session_tags,
        role_tags=dict(role.tags) if role is not None else {},
    )


def made_here(journal: Journal, place: Place, role: Role) -> bool:
    """Return whether the journal contains the creation of the role."""
    return journal.created(place.account, ROLE.name, {"roleName": role.name}, role_id=role.role_id)


def check_not_aws(role: Role) -> None:
    """Raise Conflict for roles that AWS owns."""
    if role.service_linked:
        raise Conflict(
            f"Role {role.name} belongs to AWS (path {role.path}): podid does not change it", subject=role.name
        )


def check_editable(role: Role) -> None:
    """Raise Conflict for roles that AWS owns and for trust policies that IAM would not accept again."""
    check_not_aws(role)
    dead = trust.unwritable_principals(trust.parse_policy(role.trust))
    if dead:
        raise Conflict(
            f"The trust policy of role {role.name} names deleted principals ({', '.join(dead)}), "
            "which IAM does not accept",
            advice="Remove them from the trust policy first.",
            subject=role.name,
        )


def plan_trust(
    role: Role,
    cluster: Cluster,
    refs: Mapping[ServiceAccountRef, bool],
    scope: trust.ScopeKind,
    conditions: Sequence[trust.OwnCondition] = (),
    *,
    notes: list[str],
    quota: TrustQuota,
) -> Action | None:
    """Return the change that makes the role's trust policy allow `refs`, each with whether EKS sends session tags,
    under further `conditions`; None if it does already. Append to `notes`."""
    before = trust.parse_policy(role.trust)
    after = before
    for number, (ref, session_tags) in enumerate(refs.items(), 1):
        who = identity(cluster, ref, session_tags=session_tags, role=role)
        if not conditions and trust.evaluate(after, who).verdict is trust.TrustVerdict.MATCH:
            granted = trust.evaluate(after, who).scope
            if granted is not None and granted.kind is not scope:
                notes.append(f"the trust policy of role {role.name} already allows {ref}: {granted.words}")
            continue
        edit = trust.add(after, who, scope, conditions)
        if conditions and not edit.changed and not edit.refused:
            notes.append(f"trust policy of role {role.name}: {edit.reason}")
            continue
        if not edit.changed:
            verdict = trust.evaluate(edit.policy, who)
            raise Conflict(
                f"The trust policy of role {role.name} does not allow {ref} and cannot be extended: "
                f"{verdict.assume_role.reason or edit.reason}",
                subject=role.name,
            )
        after = edit.policy
        if trust.evaluate(after, who).verdict is trust.TrustVerdict.NO_MATCH:
            raise Conflict(
                f"The trust policy of role {role.name} denies {ref}; another statement would not help: "
                f"{trust.evaluate(after, who).assume_role.reason}",
                subject=role.name,
            )
        quota.check(after, role.name, number, len(refs))
    if after == before:
        return None
    return ROLE_TRUST.action(
        ROLE_TRUST.state_of(role),
        {"roleName": role.name, "policyDocument": after.to_document()},
        note=f"to allow {listed(tuple(refs))}",
    )


def others(role: Role, *, stays: bool = True) -> list[str]:
    """Describe the other principals that can assume the role, before it is changed or deleted."""
    principals = trust.other_principals(trust.parse_policy(role.trust))
    after = " (unchanged)" if stays else ", which could no longer assume it"
    return [f"role {role.name} also trusts {principal}{after}" for principal in principals]


def listed(refs: tuple[ServiceAccountRef, ...]) -> str:
    return ", ".join(map(str, refs))
