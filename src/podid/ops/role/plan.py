"""The trust of roles for pods: the change that makes an existing one admit service accounts."""

from __future__ import annotations

import sys

from podid.domain import trust
from podid.domain.aws import Cluster, Role
from podid.domain.errors import Conflict
from podid.domain.iam import TRUST_POLICY_QUOTA, owner_of
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Place
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ROLE, ROLE_TRUST

# `check_size` judges the whole; a statement that is left out silently would shut a service account out
ANY_SIZE = sys.maxsize


def identity(
    cluster: Cluster, ref: ServiceAccountRef, *, session_tags: bool, role: Role | None = None
) -> trust.PodIdentity:
    """What EKS presents to the role for this service account's pods."""
    return trust.PodIdentity(
        cluster_arn=cluster.arn,
        namespace=ref.namespace,
        service_account=ref.name,
        session_tags=session_tags,
        role_tags=dict(role.tags) if role is not None else {},
    )


def made_here(journal: Journal, place: Place, role: Role) -> bool:
    """Whether this journal has made the role."""
    return journal.made(place.account, ROLE.name, {"roleName": role.name}, role_id=role.role_id)


def check_not_aws(role: Role) -> None:
    """Raises Conflict for roles that AWS owns."""
    if role.service_linked:
        raise Conflict(
            f"Role {role.name} belongs to AWS (path {role.path}) and is not changed by podid", subject=role.name
        )


def check_editable(role: Role) -> None:
    """Raises Conflict for roles that AWS owns and for trusts that IAM would not take back."""
    check_not_aws(role)
    dead = trust.unwritable_principals(trust.parse_policy(role.trust))
    if dead:
        raise Conflict(
            f"The trust policy of role {role.name} names deleted principals ({', '.join(dead)}) "
            "and IAM refuses to store those again",
            advice="Remove them from the trust policy first.",
            subject=role.name,
        )


def plan_trust(
    role: Role,
    cluster: Cluster,
    refs: tuple[ServiceAccountRef, ...],
    scope: trust.ScopeKind,
    *,
    session_tags: bool,
    notes: list[str],
) -> Action | None:
    """The change that makes the role's trust admit `refs`, None when it already does. `notes` gets what was found."""
    before = trust.parse_policy(role.trust)
    after = before
    for number, ref in enumerate(refs, 1):
        who = identity(cluster, ref, session_tags=session_tags, role=role)
        if trust.evaluate(after, who).verdict is trust.TrustVerdict.MATCH:
            granted = trust.evaluate(after, who).scope
            if granted is not None and granted.kind is not scope:
                notes.append(f"the trust policy of role {role.name} already admits {ref}: {granted.words}")
            continue
        edit = trust.add(after, who, scope, quota=ANY_SIZE)
        if not edit.changed:
            verdict = trust.evaluate(edit.policy, who)
            raise Conflict(
                f"The trust policy of role {role.name} does not admit {ref} and cannot be extended: "
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
        check_size(after, role.name, number, len(refs))
    if after == before:
        return None
    return ROLE_TRUST.action(
        ROLE_TRUST.state_of(role),
        {"roleName": role.name, "policyDocument": after.to_document()},
        note=f"so that it admits {listed(refs)}",
    )


def others(role: Role, *, stays: bool = True) -> list[str]:
    """Who else may assume the role: what a person must know before changing it, or deleting it."""
    principals = trust.other_principals(trust.parse_policy(role.trust))
    after = "; that stays as it is" if stays else ", which could no longer assume it"
    return [f"role {role.name} also trusts {principal}{after}" for principal in principals]


def kept_by_others(role: Role) -> list[str]:
    """That a tool keeps the role as its own files say, as far as the tags tell: it may take a change back."""
    owner = owner_of(role.tags)
    if owner is None:
        return []
    return [f"role {role.name} is {owner.words}'s, as its tag {owner.tag} says; it may undo what is changed here"]


def check_size(policy: trust.Policy, role_name: str, number: int = 1, of: int = 1) -> None:
    """Raises Conflict where it is longer than IAM takes, after statements for `number` `of` so many service accounts:
    what one more costs grows with all that are there, and hundreds never fit."""
    size = trust.policy_size(policy)
    if size > TRUST_POLICY_QUOTA:
        subject = f"With {number} of the {of} service accounts, the trust policy" if number < of else "The trust policy"
        raise Conflict(
            f"{subject} of role {role_name} would be {size} characters; IAM takes {TRUST_POLICY_QUOTA}",
            advice="Choose a wider --scope (namespace or cluster), or make a second role.",
            subject=role_name,
        )


def listed(refs: tuple[ServiceAccountRef, ...]) -> str:
    return ", ".join(map(str, refs))
