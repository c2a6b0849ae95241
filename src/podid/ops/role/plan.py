"""Plan the trust policy of an existing role, and describe its other users."""

import sys
from collections.abc import Mapping, Sequence

from podid.domain import trust
from podid.domain.aws import Cluster, Role
from podid.domain.errors import Conflict
from podid.domain.iam import TRUST_POLICY_QUOTA
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Place
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ROLE, ROLE_TRUST

# `check_size` checks the whole policy: no statement may be omitted silently
ANY_SIZE = sys.maxsize


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
) -> Action | None:
    """Return the change that makes the role's trust policy allow `refs`, each with whether EKS sends session tags; None
    if it does already. Append to `notes`, and raise Conflict, as `extended` does."""
    before = trust.parse_policy(role.trust)
    pods = [identity(cluster, ref, session_tags=session_tags, role=role) for ref, session_tags in refs.items()]
    after = extended(before, role.name, pods, scope, conditions, notes=notes)
    return None if after == before else ROLE_TRUST.change(role, after, note=f"to allow {listed(tuple(refs))}")


def extended(
    policy: trust.Policy | None,
    role_name: str,
    pods: Sequence[trust.PodIdentity],
    scope: trust.ScopeKind,
    conditions: Sequence[trust.OwnCondition],
    *,
    notes: list[str],
) -> trust.Policy:
    """Return a role's trust policy, or a new one, with a statement for each of the `pods` that it does not allow yet,
    under further `conditions`. Append to `notes`. Raise Conflict if it denies one of them, or would be too long."""
    policy = policy or trust.new_policy(pods[0], scope, conditions)
    for number, who in enumerate(pods, 1):
        evaluation = trust.evaluate(policy, who)
        if not conditions and evaluation.verdict is trust.TrustVerdict.MATCH:
            if evaluation.scope is not None and evaluation.scope.kind is not scope:
                words = f"the trust policy of role {role_name} already allows {who.name}"
                notes.append(f"{words}: {evaluation.scope.words}")
        else:
            edit = trust.add(policy, who, scope, conditions, quota=ANY_SIZE)
            policy, evaluation = edit.policy, trust.evaluate(edit.policy, who)
            if edit.refused or (edit.changed and evaluation.verdict is trust.TrustVerdict.NO_MATCH):
                raise Conflict(
                    f"The trust policy of role {role_name} denies {who.name}; another statement would not help: "
                    f"{evaluation.assume_role.reason or edit.reason}",
                    subject=role_name,
                )
            if not edit.changed:
                notes.append(f"trust policy of role {role_name}: {edit.reason}")
        check_size(policy, role_name, number, len(pods))
    return policy


def others(role: Role, *, stays: bool = True) -> list[str]:
    """Describe the other principals that can assume the role, before it is changed or deleted."""
    principals = trust.other_principals(trust.parse_policy(role.trust))
    after = " (unchanged)" if stays else ", which could no longer assume it"
    return [f"role {role.name} also trusts {principal}{after}" for principal in principals]


def check_size(policy: trust.Policy, role_name: str, number: int = 1, of: int = 1) -> None:
    """Raise Conflict if the policy is too long, after statements for `number` `of` so many service accounts. Checked
    after each, since the cost grows with their number."""
    size = trust.policy_size(policy)
    if size > TRUST_POLICY_QUOTA:
        subject = f"With {number} of the {of} service accounts, the trust policy" if number < of else "The trust policy"
        raise Conflict(
            f"{subject} of role {role_name} would have {size} characters; IAM allows {TRUST_POLICY_QUOTA}",
            lines=tuple(group.words for group in trust.mergeable(policy)),
            advice="Use a wider scope (namespace or cluster), or a second role.",
            subject=role_name,
            id="trust-quota",
        )


def listed(refs: tuple[ServiceAccountRef, ...]) -> str:
    return ", ".join(map(str, refs))
