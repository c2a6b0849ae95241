"""Read roles: one with its policies, its users and its findings, or all roles that pods can assume."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Self, TypeVar

from podid.calls import pacing
from podid.domain import trust
from podid.domain.aws import Association, AttachedPolicy, Role
from podid.domain.errors import AccessDenied, CredentialsError, ExitCode, InvalidInput, Other, PodidError, complete
from podid.domain.findings import Severity, Subject
from podid.domain.members import About
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.owners import Owner
from podid.domain.report import DoctorReport
from podid.domain.section import Unread
from podid.domain.status import IdentityStatus, undecided
from podid.domain.text import short_list
from podid.ops.change.kinds.base import owner_of_role
from podid.ops.clients import Clients
from podid.ops.role.access import PodAccess, access_words, pod_access
from podid.ops.role.presets import PresetDifference, preset_difference, preset_of
from podid.ops.role.resolve import own_role
from podid.ops.role.uses import RoleUse, Uses, evaluate_uses, used_words

T = TypeVar("T")
# fewer are read too fast for a progress line
_ROLES_PER_REPORT = 25
_ORDER = tuple(Severity)


@dataclass(frozen=True, slots=True)
class RoleFinding:
    """`subjects` are the associations that it is about; none if it is about the role itself."""

    id: str
    severity: Severity
    message: str
    fix: str
    subjects: Annotated[
        tuple[str, ...], About("The affected associations; empty if the problem is in the role itself.")
    ] = ()


def _of_trust(role: Role, uses: Sequence[RoleUse], region: str) -> Iterator[RoleFinding]:
    """Yield findings of the trust policy: about its users, about all principals, and without users about the pods that
    it names."""
    try:
        policy = trust.parse_policy(role.trust)
    except InvalidInput:
        return
    deleted = trust.unwritable_principals(policy)
    if deleted:
        message = (
            f"the trust policy names {short_list(deleted)}, the unique ID of a deleted role or user; a new one "
            "with the same name has a different ID"
        )
        fix = (
            "replace the ID with the ARN of the intended principal; until then IAM rejects changes of the trust policy"
        )
        yield RoleFinding("role-recreated", Severity.WARN, message, fix)
    subjects: dict[trust.TrustFinding, list[str]] = {}
    for use in uses:
        for finding in use.evaluation.findings:
            subjects.setdefault(finding, []).append(used_words(use.association))
    for finding in (*trust.open_to_all(policy), *(() if uses else pod_access(role, region=region).findings)):
        subjects.setdefault(finding, [])
    for finding, names in subjects.items():
        # deleted principals are reported once
        if not deleted or finding.id != "role-recreated":
            yield RoleFinding(finding.id, finding.severity, finding.message, finding.fix, tuple(dict.fromkeys(names)))


@dataclass(frozen=True, slots=True)
class RoleReading:
    """`access` describes who can assume the role. `documents` are the managed policies by ARN, with the boundary. None,
    or a missing document, could not be read: `unread` has the reason. `uses` is None if no cluster was read. `report`
    has the status of the service accounts that use the role in this cluster, if they were checked."""

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
    def statuses(self) -> tuple[IdentityStatus, ...]:
        return self.report.identities if self.report is not None else ()

    @property
    def exit_code(self) -> ExitCode:
        """Return 9 if the policies, the users or their states could not be read."""
        return complete(ExitCode.OK, *(item.decisive for item in self.unread), undecided(self.statuses))

    @property
    def findings(self) -> tuple[RoleFinding, ...]:
        """Return the findings, worst first, with those of checks that the role's own findings do not cover: a boundary,
        a target role that it cannot assume."""
        own: dict[tuple[str, str], RoleFinding] = {}
        for item in self._own_findings():
            own.setdefault((item.id, item.message), item)
        findings, named = [*own.values()], {item.id for item in own.values()}
        for verdict in self.report.findings if self.report is not None else ():
            if verdict.subject == Subject("Role", self.role.name) and verdict.check not in named:
                fix = shlex.join(verdict.fix.commands[0]) if verdict.fix is not None and verdict.fix.commands else ""
                findings.append(RoleFinding(verdict.check, verdict.severity, verdict.message, fix, verdict.chain))
        return tuple(sorted(findings, key=lambda item: _ORDER.index(item.severity)))

    def _own_findings(self) -> Iterator[RoleFinding]:
        """Yield the findings of the role itself. Unread parts have none."""
        role, uses = self.role, self.uses or ()
        yield from _of_trust(role, uses, self.region)
        bare = self.attached == () and self.inline is not None and not self.inline
        if bare and (uses or (_names_pods(role) and not role.service_linked)):
            message = "the role has no permissions policy: AWS denies its requests unless a resource policy allows them"
            fix = shlex.join(Other(("role", "attach"), (role.name,), ("--policy-file", "FILE")).of())
            yield RoleFinding("role-no-permissions", Severity.WARN, message, fix)
        for policy, document in (self.inline or {}).items():
            if (difference := preset_difference(policy, document)) is not None:
                fix = shlex.join(difference.command(role.name))
                yield RoleFinding("preset-moved-on", Severity.INFO, difference.sentence, fix)
        names = tuple(dict.fromkeys(used_words(use.association) for use in uses))
        if len(names) > 1:
            message = f"{len(names)} associations use the role and share its permissions"
            fix = "create a separate role for each, unless they should share permissions"
            yield RoleFinding("roles-shared-across-associations", Severity.INFO, message, fix, names)

    @property
    def used_by(self) -> tuple[ServiceAccountRef, ...]:
        return tuple(sorted({use.association.ref for use in self.uses or ()}))

    def status_of(self, use: RoleUse) -> IdentityStatus | None:
        if self.report is None or use.cluster_arn != self.report.cluster_arn:
            return None
        return next((status for status in self.report.identities if status.ref == use.association.ref), None)

    def with_uses(self, uses: Uses, region: str) -> Self:
        """Return it with the associations that use it, and with access for the clusters that were read."""
        access = access_words(self.role, uses.clusters, region)
        unread = (*self.unread, *uses.unread)
        if uses.unread and not uses.clusters:
            return replace(self, access=access, unread=unread, region=region)
        try:
            return replace(self, access=access, uses=evaluate_uses(self.role, uses), unread=unread, region=region)
        except InvalidInput:
            return replace(self, unread=unread)  # reported in `access`


def read_role(clients: Clients, text: str) -> RoleReading:
    """Read a role by name or ARN. Raise NotFound with the nearest names. Policies that cannot be read are `unread`."""
    return read_policies(clients, own_role(clients, text))


def read_policies(clients: Clients, role: Role) -> RoleReading:
    """Return the role with its policies; those that cannot be read are `unread`."""
    iam, name = clients.iam, role.name
    unread: list[Unread] = []
    attached = _readable(lambda: iam.list_attached_policies(name), "attached policies", unread)
    inline = _readable(lambda: iam.list_inline_policies(name), "inline policies", unread)
    managed = dict.fromkeys((*(policy.arn for policy in attached or ()), role.permissions_boundary_arn))
    documents = _documents(clients, [arn for arn in managed if arn], unread)
    return RoleReading(role, attached, inline, access_words(role), unread=tuple(unread), documents=documents)


def with_owner(clients: Clients, reading: RoleReading, *, custom: bool) -> RoleReading:
    """Return it with the owner that leaves no tag: the role's stack, and with `custom` a custom resource of the
    cluster."""
    role, owner, unread = reading.role, reading.role.owner, list(reading.unread)
    reads: list[tuple[str, Callable[[], Owner | None]]] = [("stack", lambda: owner_of_role(clients, role))]
    if custom:
        reads.insert(0, ("custom resource", lambda: clients.kube.reader.list_custom_owners().get(role.arn)))
    for kind, read in reads:
        try:
            owner = owner or read()
        except CredentialsError:
            raise
        except PodidError as error:
            unread.append(Unread.of(f"{kind} that owns the role", error, detail=True))
    return replace(reading, role=replace(role, unmarked_owner=owner), unread=tuple(unread))


def _documents(clients: Clients, arns: Sequence[str], unread: list[Unread]) -> dict[str, Mapping[str, object]]:
    """Return the managed policies that can be read. Report each missing permission once."""
    documents: dict[str, Mapping[str, object]] = {}
    missing: dict[str, Unread] = {}
    for arn, document in clients.iam.get_managed_documents(arns):
        if isinstance(document, CredentialsError):
            raise document
        if isinstance(document, PodidError):
            subject = "permissions of managed policies" if document.permission else f"permissions of {arn}"
            missing.setdefault(document.permission or arn, Unread.of(subject, document))
        else:
            documents[arn] = document
    unread += [missing[key] for key in sorted(missing)]
    return documents


def _readable(read: Callable[[], T], subject: str, unread: list[Unread]) -> T | None:
    try:
        return read()
    except CredentialsError:
        raise
    except AccessDenied as error:
        unread.append(Unread.of(subject, error))
        return None


@dataclass(frozen=True, slots=True)
class PodRole:
    """A role that names pods. `associations` are those that use it, None if none could be read; the trust policy does
    not allow `refused` of them. `differences` from presets are None if the policies could not be read."""

    role: Role
    access: PodAccess
    associations: tuple[Association, ...] | None
    refused: int = 0
    differences: tuple[PresetDifference, ...] | None = ()


@dataclass(frozen=True, slots=True)
class PodRoles:
    """`allowing` roles allow a pod or may do so; `shut` ones name pods and allow none. `clusters` are the ARNs of the
    clusters that were read."""

    allowing: tuple[PodRole, ...]
    shut: tuple[PodRole, ...]
    clusters: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        return complete(ExitCode.OK, *(item.decisive for item in self.unread))

    def unused(self, uses: Uses) -> Self:
        """Return the roles that no association uses; none while associations are unread, which may use any role."""

        def known(items: Sequence[PodRole]) -> tuple[PodRole, ...]:
            return tuple(item for item in items if item.associations == () and not uses.gaps)

        return replace(self, allowing=known(self.allowing), shut=known(self.shut))


def with_stacks(clients: Clients, roles: PodRoles) -> PodRoles:
    """Return the roles with the stacks that have them, of those without another owner."""
    unread = {str(item): item for item in roles.unread}
    names = {item.role.name: item.role for item in (*roles.allowing, *roles.shut)}
    owners = dict(pacing.fan_out(pacing.attempt(lambda name: owner_of_role(clients, names[name])), names))
    for answer in owners.values():
        if isinstance(answer, PodidError):
            unread.setdefault(answer.permission, Unread.of("the stacks of roles", answer, detail=True))

    def owned(item: PodRole) -> PodRole:
        owner = owners[item.role.name]
        return replace(item, role=replace(item.role, unmarked_owner=owner)) if isinstance(owner, Owner) else item

    allowing, shut = (tuple(map(owned, items)) for items in (roles.allowing, roles.shut))
    return replace(roles, allowing=allowing, shut=shut, unread=tuple(unread.values()))


def list_pod_roles(
    clients: Clients, uses: Uses, region: str, say: Callable[[str], None] = lambda text: None
) -> PodRoles:
    """Return the account's roles whose trust policy names pods, evaluated for the clusters that were read. `say`
    reports progress."""
    named = [role for role in clients.iam.list_roles() if _names_pods(role)]
    details: dict[str, Role | PodidError | None] = {}
    for number, (name, detail) in enumerate(clients.iam.find_roles([role.name for role in named]), 1):
        details[name] = detail
        if number % _ROLES_PER_REPORT == 0:
            say(f"reading the roles that trust EKS Pod Identity: {number} of {len(named)}")
    unread = {str(item): item for item in uses.unread}
    roles = []
    for listed in named:
        detail = details[listed.name]
        if isinstance(detail, PodidError):
            unread.setdefault(detail.permission, Unread.of("tags and last use of roles", detail))
            roles.append(_pod_role(listed, uses, region, detailed=False))
        elif detail is not None:  # None: deleted meanwhile
            roles.append(_pod_role(detail, uses, region, detailed=True))
    allowing = [item for item in roles if not item.access.shut]
    say("reading inline policies from presets")
    differences = _preset_differences(clients, [item.role.name for item in allowing], unread)
    return PodRoles(
        allowing=tuple(replace(item, differences=differences[item.role.name]) for item in allowing),
        shut=tuple(item for item in roles if item.access.shut),
        clusters=uses.clusters,
        unread=tuple(unread.values()),
    )


def _preset_differences(
    clients: Clients, roles: Sequence[str], unread: dict[str, Unread]
) -> dict[str, tuple[PresetDifference, ...] | None]:
    """Return the policies that differ from their presets, by role. Only policies with the name of a preset are read."""
    by_role: dict[str, tuple[PresetDifference, ...] | None] = {}
    pairs: list[tuple[str, str]] = []
    subject = "comparison of policies with their presets"
    for role, names in clients.iam.get_inline_names(roles):
        if isinstance(names, PodidError):
            by_role[role] = None
            unread.setdefault(names.permission, Unread.of(subject, names, detail=True))
        else:
            by_role[role] = ()
            pairs += [(role, name) for name in names if preset_of(name) is not None]
    for (role, name), document in clients.iam.get_inline_documents(sorted(pairs)):
        before = by_role[role]
        if isinstance(document, PodidError):
            by_role[role] = None
            unread.setdefault(document.permission, Unread.of(subject, document, detail=True))
        elif before is not None and document is not None and (more := preset_difference(name, document)) is not None:
            by_role[role] = tuple(sorted((*before, more), key=lambda item: item.policy))
    return by_role


def _names_pods(role: Role) -> bool:
    """Return whether the trust policy names pods. A role whose trust policy cannot be read cannot be assumed."""
    try:
        return pod_access(role).names_pods
    except InvalidInput:
        return False


def _pod_role(role: Role, uses: Uses, region: str, *, detailed: bool) -> PodRole:
    access = pod_access(role, uses.clusters, region, tags_known=detailed)
    if not uses.clusters and uses.unread:
        return PodRole(role, access, None)
    evaluated = evaluate_uses(role, uses, tags_known=detailed)
    refused = sum(use.evaluation.verdict is trust.TrustVerdict.NO_MATCH for use in evaluated)
    return PodRole(role, access, uses.of(role.arn), refused)
