"""The service accounts that really use a role, from which its trust is tightened."""

from __future__ import annotations

from collections.abc import Sequence

from podid.domain import trust
from podid.domain.aws import Role
from podid.domain.errors import Again, Conflict
from podid.ops.role.uses import Uses, evaluate_uses, used_words

_DISABLED = "--skip-disabled-regions"


def users_of(role: Role, uses: Uses, *, skip_disabled: bool = False) -> tuple[trust.PodIdentity, ...]:
    """Each as EKS presents it. Raises Conflict where a cluster or region could not be read (what uses the role there
    would be shut out), where nothing uses the role, and where its trust does not surely let in who does."""
    unread = [item for item in uses.unread if not (skip_disabled and item.disabled)]
    if unread:
        only_disabled = all(item.disabled for item in unread)
        raise Conflict(
            f"The trust policy of role {role.name} is not tightened: not every cluster could be read, and what uses "
            "the role there would be shut out",
            lines=tuple(map(str, unread)),
            hint=Again(add=(_DISABLED,)) if only_disabled else (),
            subject=role.name,
        )
    found = [use for use in evaluate_uses(role, uses) if use.hop == 1]
    if not found:
        raise Conflict(
            f"The trust policy of role {role.name} is not tightened: no association uses the role, and nobody would "
            "get in",
            subject=role.name,
        )
    out = [use for use in found if use.evaluation.verdict is not trust.TrustVerdict.MATCH]
    if out:
        raise Conflict(
            f"The trust policy of role {role.name} is not tightened: it is not certain that it lets in every "
            "association that uses the role",
            lines=tuple(f"{used_words(use.association)}: {_why(use.evaluation)}" for use in out),
            subject=role.name,
        )
    return tuple(use.evaluation.request for use in found if isinstance(use.evaluation.request, trust.PodIdentity))


def users_words(users: Sequence[trust.PodIdentity]) -> str:
    """`3 associations in 2 clusters`."""
    clusters = len({who.cluster_arn for who in users})
    many = f"{len(users)} associations" if len(users) > 1 else "1 association"
    return f"{many} in {clusters} clusters" if clusters > 1 else f"{many} in cluster {users[0].cluster_name}"


def _why(found: trust.Evaluation) -> str:
    actions = (found.assume_role, found.tag_session)
    return next(action.reason for action in actions if action.verdict is not trust.TrustVerdict.MATCH)
