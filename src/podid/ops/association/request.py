"""What was asked for of associations, each with its role and its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from podid.domain import trust
from podid.domain.aws import Association, Role
from podid.domain.errors import AccessDenied, UsageError
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.plan import Place, Plan, document, text, texts
from podid.ops.change.kinds import ROLE, ROLE_TRUST
from podid.ops.role.resolve import ResolvedRole, resolve_role

if TYPE_CHECKING:
    from podid.aws.iam import Iam


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an association is to have beside its role. None leaves a setting of an existing one as it is, "" removes
    it; `untag` are keys of tags to remove."""

    target_role_arn: str | None = None
    disable_session_tags: bool | None = None
    policy: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    untag: tuple[str, ...] = ()

    def over(self, others: Settings) -> Settings:
        """These, and the others where these say nothing."""
        mine = {name: value for name in _SINGLE if (value := getattr(self, name)) is not None}
        return replace(others, **mine, tags={**others.tags, **self.tags}, untag=(*others.untag, *self.untag))


_SINGLE = ("target_role_arn", "disable_session_tags", "policy")


@dataclass(frozen=True, slots=True)
class AssociationWanted:
    """One association as it is to be. `kept` is whether its role was not named, and is the one that it has."""

    ref: ServiceAccountRef
    role: ResolvedRole
    settings: Settings = field(default_factory=Settings)
    kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociateRequest:
    """What `podid associate` was asked for, one association a service account."""

    wanted: tuple[AssociationWanted, ...]
    scope: trust.ScopeKind
    replace: bool = False
    update_trust: bool = False

    @property
    def refs(self) -> tuple[ServiceAccountRef, ...]:
        return tuple(item.ref for item in self.wanted)


def kept_role(iam: Iam, ref: ServiceAccountRef, existing: Association | None) -> ResolvedRole:
    """The role that an association has already. Raises UsageError where there is none to keep it."""
    if existing is None:
        raise UsageError(
            f"{ref} has no association yet: --role says which role it gets",
            subject=str(ref),
        )
    arn = existing.role_arn
    try:
        role = iam.find_role(role_name(arn))
    except AccessDenied as error:
        return ResolvedRole.unseen(arn, error)
    if role is None or role.arn != arn:
        return ResolvedRole(arn, None, "it does not exist")
    return ResolvedRole(arn, role)


def choose_roles(
    iam: Iam,
    place: Place,
    named: Mapping[ServiceAccountRef, str],
    current: Mapping[ServiceAccountRef, Association | None],
) -> dict[ServiceAccountRef, ResolvedRole]:
    """The role that each is named, by name or ARN; without one it keeps its own. Raises as `resolve_role` and
    `kept_role`."""
    account, partition = place.account, place.the_cluster.partition
    read: dict[tuple[bool, str], ResolvedRole] = {}
    chosen = {}
    for ref, role in named.items():
        existing = current[ref]
        key = (bool(role), role or (existing.role_arn if existing is not None else ""))
        if key not in read:
            if role:
                refs = tuple(other for other in named if named[other] == role)
                read[key] = resolve_role(iam, role, account=account, partition=partition, refs=refs)
            else:
                read[key] = kept_role(iam, ref, existing)
        chosen[ref] = read[key]
    return chosen


def planned_role(plan: Plan, current: Role | None, *, account: str, partition: str) -> ResolvedRole:
    """The role that a plan makes, or changes, as it will be."""
    trusts = [action.after for action in plan.actions if action.kind == ROLE_TRUST.name]
    if current is not None:
        after = document(trusts[0], "policyDocument") if trusts and trusts[0] is not None else current.trust
        return ResolvedRole(current.arn, replace(current, trust=after))
    made = next(action.after for action in plan.actions if action.kind == ROLE.name and action.after is not None)
    name, path = text(made, "roleName"), text(made, "path")
    arn = f"arn:{partition}:iam::{account}:role{path}{name}"
    trust, tags = document(made, "trustPolicy"), texts(made, "tags")
    return ResolvedRole(arn, Role(name=name, arn=arn, path=path, role_id="", trust=trust, tags=tags))
