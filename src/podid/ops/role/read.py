"""Reading roles: one with its policies, who may assume it and what uses it; and all that pods can assume."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from podid.domain import trust
from podid.domain.aws import Association, AttachedPolicy, Role
from podid.domain.errors import AccessDenied, CredentialsError, InvalidInput, PodidError
from podid.domain.iam import Owner, owner_of
from podid.domain.names import Arn, ServiceAccountRef
from podid.ops.role.access import PodAccess, access_words, pod_access
from podid.ops.role.findings import RoleFinding, role_findings, with_checks
from podid.ops.role.moved_on import MovedOn, moved_on, names_preset
from podid.ops.role.resolve import own_role
from podid.ops.role.uses import RoleUse, Unread, Uses, evaluate_uses

if TYPE_CHECKING:
    from podid.aws.iam import Iam
    from podid.domain.report import DoctorReport
    from podid.domain.status import IdentityStatus

T = TypeVar("T")
# fewer are read before anybody could read a line about them
_TOLD_EVERY = 25


@dataclass(frozen=True, slots=True)
class RoleReading:
    """`access` says in words who may assume the role, `documents` what each managed policy holds, its boundary among
    them, by ARN. None, and a document that is missing, is what could not be read, which `unread` explains; `uses` is
    None too where no cluster was looked at. `report` judges the service accounts that use it in the cluster at hand,
    where these were checked."""

    role: Role
    attached: tuple[AttachedPolicy, ...] | None
    inline: Mapping[str, Mapping[str, object]] | None
    access: tuple[str, ...]
    uses: tuple[RoleUse, ...] | None = None
    unread: tuple[Unread, ...] = ()
    documents: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    region: str = ""
    report: DoctorReport | None = None

    @property
    def account(self) -> str:
        return Arn.parse(self.role.arn).account

    @property
    def owner(self) -> Owner | None:
        return owner_of(self.role.tags)

    @property
    def findings(self) -> tuple[RoleFinding, ...]:
        own = role_findings(self.role, self.attached, self.inline, self.uses, self.region)
        return with_checks(own, self.role, self.report)

    @property
    def used_by(self) -> tuple[ServiceAccountRef, ...]:
        return tuple(sorted({use.association.ref for use in self.uses or ()}))

    def status_of(self, use: RoleUse) -> IdentityStatus | None:
        if self.report is None or use.cluster_arn != self.report.cluster_arn:
            return None
        return next((status for status in self.report.identities if status.ref == use.association.ref), None)

    def with_uses(self, uses: Uses, region: str) -> RoleReading:
        """The same with the associations that use it, and its trust judged for the clusters that were read."""
        access = access_words(self.role, uses.clusters, region)
        unread = (*self.unread, *uses.unread)
        if uses.unread and not uses.clusters:
            return replace(self, access=access, unread=unread, region=region)
        try:
            return replace(self, access=access, uses=evaluate_uses(self.role, uses), unread=unread, region=region)
        except InvalidInput:
            return replace(self, unread=unread)  # said under `access`


def read_role(iam: Iam, text: str) -> RoleReading:
    """A role by name or ARN; NotFound with the nearest names. What of its policies may not be read is `unread`."""
    return read_policies(iam, own_role(iam, text))


def read_policies(iam: Iam, role: Role) -> RoleReading:
    """The role with what its policies say; what of them may not be read is `unread`."""
    name = role.name
    unread: list[Unread] = []
    attached = _readable(lambda: iam.list_attached_policies(name), "attached policies", unread)
    inline = _readable(lambda: iam.list_inline_policies(name), "inline policies", unread)
    managed = dict.fromkeys((*(policy.arn for policy in attached or ()), role.permissions_boundary_arn))
    documents = _documents(iam, [arn for arn in managed if arn], unread)
    return RoleReading(role, attached, inline, access_words(role), unread=tuple(unread), documents=documents)


def _documents(iam: Iam, arns: Sequence[str], unread: list[Unread]) -> dict[str, Mapping[str, object]]:
    """What of the managed policies can be read; each missing right is said once."""
    found: dict[str, Mapping[str, object]] = {}
    missing: dict[str, Unread] = {}
    for arn, document in iam.get_managed_documents(arns):
        if isinstance(document, CredentialsError):
            raise document
        if isinstance(document, PodidError):
            what = "what managed policies allow" if document.permission else f"what {arn} allows"
            missing.setdefault(document.permission or arn, Unread.of(what, document))
        else:
            found[arn] = document
    unread += [missing[key] for key in sorted(missing)]
    return found


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
    them are not admitted by its trust. `moved` are policies that are not what their presets give now, None where they
    could not be read."""

    role: Role
    access: PodAccess
    associations: tuple[Association, ...] | None
    refused: int = 0
    moved: tuple[MovedOn, ...] | None = ()


@dataclass(frozen=True, slots=True)
class PodRoles:
    """`admitting` let some pod in or may do so; `shut` name pods and admit none. `clusters` are the ARNs of those whose
    associations were read."""

    admitting: tuple[PodRole, ...]
    shut: tuple[PodRole, ...]
    clusters: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def unused(self) -> PodRoles:
        """Those that no association of the clusters that were read names; what is not known is left out."""
        admitting = tuple(item for item in self.admitting if item.associations == ())
        return replace(self, admitting=admitting, shut=tuple(item for item in self.shut if item.associations == ()))


def list_pod_roles(iam: Iam, uses: Uses, region: str, say: Callable[[str], None] = lambda text: None) -> PodRoles:
    """The account's roles whose trust names pods, judged by the engine for the clusters that were read. `say` is told
    how far it is."""
    named = [role for role in iam.list_roles() if _names_pods(role)]
    details: dict[str, Role | PodidError | None] = {}
    for number, (name, detail) in enumerate(iam.find_roles([role.name for role in named]), 1):
        details[name] = detail
        if number % _TOLD_EVERY == 0:
            say(f"reading the roles that name pods: {number} of {len(named)}")
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
    admitting = [item for item in found if not item.access.shut]
    say("reading the inline policies that presets gave")
    moved = _moved(iam, [item.role.name for item in admitting], unread)
    return PodRoles(
        admitting=tuple(replace(item, moved=moved[item.role.name]) for item in admitting),
        shut=tuple(item for item in found if item.access.shut),
        clusters=uses.clusters,
        unread=tuple(unread.values()),
    )


def _moved(iam: Iam, roles: Sequence[str], unread: dict[str, Unread]) -> dict[str, tuple[MovedOn, ...] | None]:
    """Of each role the policies that are not what their presets give now; only those that are called so are read."""
    found: dict[str, tuple[MovedOn, ...] | None] = {}
    pairs: list[tuple[str, str]] = []
    what = "whether policies are what their presets give now"
    for role, names in iam.get_inline_names(roles):
        if isinstance(names, PodidError):
            found[role] = None
            unread.setdefault(names.permission, Unread.of(what, names))
        else:
            found[role] = ()
            pairs += [(role, name) for name in names if names_preset(name)]
    for (role, name), document in iam.get_inline_documents(sorted(pairs)):
        before = found[role]
        if isinstance(document, PodidError):
            found[role] = None
            unread.setdefault(document.permission, Unread.of(what, document))
        elif before is not None and document is not None and (moved := moved_on(name, document)) is not None:
            found[role] = tuple(sorted((*before, moved), key=lambda item: item.policy))
    return found


def _names_pods(role: Role) -> bool:
    """Nobody can assume a role whose trust cannot be read."""
    try:
        return pod_access(role).names_pods
    except InvalidInput:
        return False


def _pod_role(role: Role, uses: Uses, region: str, *, detailed: bool) -> PodRole:
    access = pod_access(role, uses.clusters, region, tags_known=detailed)
    if not uses.clusters and uses.unread:
        return PodRole(role, access, None)
    refused = _refused(evaluate_uses(role, uses, tags_known=detailed))
    return PodRole(role, access, uses.of(role.arn), refused)


def _refused(uses: Iterable[RoleUse]) -> int:
    return sum(use.evaluation.verdict is trust.TrustVerdict.NO_MATCH for use in uses)
