"""Reading roles: one with its policies, who may assume it and what uses it; and all that pods can assume."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from podid.domain import trust
from podid.domain.errors import AccessDenied, CredentialsError, InvalidInput, PodidError
from podid.domain.model import Association, AttachedPolicy, Role
from podid.domain.names import Arn
from podid.ops.role.access import PodAccess, access_words, pod_access
from podid.ops.role.resolve import own_role
from podid.ops.role.uses import RoleUse, Unread, Uses, evaluate_uses

if TYPE_CHECKING:
    from podid.aws.iam import Iam

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RoleReading:
    """`access` says in words who may assume the role. None is what could not be read, which `unread` explains; `uses`
    is None too where no cluster was looked at."""

    role: Role
    attached: tuple[AttachedPolicy, ...] | None
    inline: Mapping[str, Mapping[str, object]] | None
    access: tuple[str, ...]
    uses: tuple[RoleUse, ...] | None = None
    unread: tuple[Unread, ...] = ()

    @property
    def account(self) -> str:
        return Arn.parse(self.role.arn).account

    def with_uses(self, uses: Uses, region: str) -> RoleReading:
        """The same with the associations that use it, and its trust judged for the clusters that were read."""
        access = access_words(self.role, uses.clusters, region)
        unread = (*self.unread, *uses.unread)
        if uses.unread and not uses.clusters:
            return replace(self, access=access, unread=unread)
        try:
            return replace(self, access=access, uses=evaluate_uses(self.role, uses), unread=unread)
        except InvalidInput:
            return replace(self, unread=unread)  # said under `access`


def read_role(iam: Iam, text: str) -> RoleReading:
    """A role by name or ARN; NotFound with the nearest names. What of its policies may not be read is `unread`."""
    role = own_role(iam, text)
    name = role.name
    unread: list[Unread] = []
    attached = _readable(lambda: iam.list_attached_policies(name), "attached policies", unread)
    inline = _readable(lambda: iam.list_inline_policies(name), "inline policies", unread)
    return RoleReading(role, attached, inline, access_words(role), unread=tuple(unread))


def _readable(read: Callable[[], T], what: str, unread: list[Unread]) -> T | None:
    try:
        return read()
    except CredentialsError:
        raise
    except AccessDenied as error:
        unread.append(Unread.of(what, error))
        return None


@dataclass(frozen=True, slots=True)
class PodRole:
    """A role that names pods. `associations` are those that use it, None where none could be looked at; `refused` of
    them are not admitted by its trust. `detailed` is whether its tags, boundary and last use were read."""

    role: Role
    access: PodAccess
    associations: tuple[Association, ...] | None
    refused: int = 0
    detailed: bool = True


@dataclass(frozen=True, slots=True)
class PodRoles:
    """`admitting` let some pod in or may do so; `shut` name pods and admit none. `clusters` are the ARNs of those whose
    associations were read."""

    admitting: tuple[PodRole, ...]
    shut: tuple[PodRole, ...]
    clusters: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()


def list_pod_roles(iam: Iam, uses: Uses, region: str) -> PodRoles:
    """The account's roles whose trust names pods, judged by the engine for the clusters that were read."""
    named = [role for role in iam.list_roles() if _names_pods(role)]
    details = dict(iam.find_roles([role.name for role in named]))
    unread = {str(item): item for item in uses.unread}
    found = []
    for listed in named:
        role, detailed = listed, True
        match details[listed.name]:
            case None:
                continue  # deleted meanwhile
            case PodidError() as error:
                detailed = False
                unread.setdefault(error.permission, Unread.of("tags and last use of roles", error))
            case Role() as role:
                pass
        found.append(_pod_role(role, uses, region, detailed=detailed))
    return PodRoles(
        admitting=tuple(item for item in found if not item.access.shut),
        shut=tuple(item for item in found if item.access.shut),
        clusters=uses.clusters,
        unread=tuple(unread.values()),
    )


def _names_pods(role: Role) -> bool:
    """Nobody can assume a role whose trust cannot be read."""
    try:
        return pod_access(role).names_pods
    except InvalidInput:
        return False


def _pod_role(role: Role, uses: Uses, region: str, *, detailed: bool) -> PodRole:
    access = pod_access(role, uses.clusters, region, tags_known=detailed)
    if not uses.clusters and uses.unread:
        return PodRole(role, access, None, detailed=detailed)
    refused = _refused(evaluate_uses(role, uses, tags_known=detailed))
    return PodRole(role, access, uses.of(role.arn), refused, detailed=detailed)


def _refused(uses: Iterable[RoleUse]) -> int:
    return sum(use.evaluation.verdict is trust.TrustVerdict.NO_MATCH for use in uses)
