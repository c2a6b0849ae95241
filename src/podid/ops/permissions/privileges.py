"""All privileges of a session, by service and access level, with wildcards and privilege escalation paths."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from podid.aws.iam import Iam
from podid.calls.patience import Patience
from podid.domain.errors import ExitCode
from podid.domain.grouping import grouped
from podid.domain.iam import AccessedService, Usage
from podid.domain.members import HIDDEN, OR_NULL, About, Names, kind, members
from podid.domain.policy.actions import AccessLevel, ActionTable, Service
from podid.domain.policy.escalation import Escalation, escalations
from podid.domain.policy.evaluate import AccessVerdict, Ruling
from podid.domain.policy.reduce import is_hidden, is_unreported
from podid.domain.section import Missing, Section, Unread
from podid.domain.wildcards import ANY, text_of
from podid.ops.audit.usage import read_usage
from podid.ops.permissions.resources import BY_SIMULATOR, NEVER_READ, OF_RESOURCES
from podid.ops.permissions.session import OfSession, SessionAccess

LAST_USE = "the last use"


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelPrivileges:
    """The allowed actions of one access level, and those that depend on the request or on unread policies."""

    level: AccessLevel
    actions: Annotated[Names, About("The allowed actions.")]
    unknown: Annotated[Names, About("The actions for which the access is not known.")]
    of: Annotated[int, About("The number of the service's actions of this level.")]
    unused: Annotated[Names, About("The allowed actions that were not used since `since`, as far as IAM reports.")] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePrivileges:
    """The allowed actions of one service. `every_resource`: some action on resources is allowed on all of them."""

    service: Annotated[str, About("The prefix of the service's actions.")]
    title: str
    levels: tuple[LevelPrivileges, ...]
    actions: Annotated[int, About("The number of allowed actions.")]
    of: Annotated[int, About("The number of the service's actions.")]
    unknown: Annotated[int, About("The number of actions for which the access is not known.")]
    resources: Annotated[Names, About("The patterns of the allowed resources.")]
    every_resource: Annotated[
        bool, About("Whether an action that supports resource-level permissions is allowed on all resources.")
    ]
    used: Annotated[bool | None, About("Whether it was used since `since`; null if that is not known.")] = None
    last_used_at: Annotated[datetime | None, About("The last use by any principal; null if IAM reports none.")] = None

    @property
    def unused_actions(self) -> int:
        return sum(len(level.unused) for level in self.levels)

    @property
    def every_action(self) -> bool:
        return self.actions == self.of


@kind("Privileges", "`podid privileges`.")
@members(
    "cluster namespace service_account association_id role_arn since services escalations obstacle not_checked "
    "table_version table_date"
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Privileges(OfSession):
    """The privileges of one session, by AWS's action table. `obstacle` is the reason why the pods have no session, or
    why that is not known."""

    access: Annotated[SessionAccess, HIDDEN]
    services: Annotated[tuple[ServicePrivileges, ...], About("The services with allowed or unknown actions.")]
    escalations: Annotated[tuple[Escalation, ...], About("Privilege escalation paths of the role.")]
    not_checked: Annotated[tuple[Unread, ...], About("The parts that could change an answer and were not checked.")]
    table_version: Annotated[str, About("The version of the table of AWS's actions.")]
    table_date: Annotated[str, About("The date of the table of AWS's actions.")]
    since: Annotated[datetime | None, About("Start of the window for unused services; null if it was not read.")] = None

    @property
    def obstacle(self) -> Annotated[str, OR_NULL, About("The reason why the pods have no session, or may have none.")]:
        return self.access.obstacle.reason if self.access.obstacle is not None else ""

    @property
    def exit_code(self) -> ExitCode:
        """Return 9 if a policy could not be read: there may be further privileges."""
        obstacle = self.access.obstacle
        unknown = obstacle is not None and obstacle.verdict is AccessVerdict.UNKNOWN
        return ExitCode.UNDETERMINED if self.access.unread or unknown else ExitCode.OK


def read_privileges(access: SessionAccess, table: ActionTable) -> Privileges:
    """Evaluate every action that a statement of the role's policies allows. Actions of a policy that could not be read
    are not listed."""
    identity = access.access.layers[0]
    allows = [item for policy in identity.policies for item in policy.statements if item.allow]

    def ruling(name: str) -> Ruling:
        if not any(item.covers(name.lower()) for item in allows):
            return Ruling(action=name, verdict=AccessVerdict.DENIED)
        known = table.find(name)
        return table.fitting(access.ruling(name, ANY if known is not None and not known.types else ""))

    patterns = {ANY} if any(item.not_action for item in allows) else set()
    patterns |= {text_of(pattern) for item in allows for pattern in item.actions}
    named = {service.prefix: service for pattern in patterns for service in table.services(pattern)}
    services = (_service(named[prefix], ruling) for prefix in sorted(named))
    return Privileges(
        access=access,
        services=tuple(item for item in services if item.actions or item.unknown),
        escalations=tuple(_escalations(access)),
        not_checked=(*access.unread, OF_RESOURCES, *NEVER_READ, BY_SIMULATOR),
        table_version=table.version,
        table_date=table.date,
    )


def _escalations(access: SessionAccess) -> Iterator[Escalation]:
    """Yield the paths of the session; none if the pods have no session, and unknown ones if that is not known."""
    obstacle = access.obstacle
    if obstacle is None:
        yield from escalations(access.access)
    elif obstacle.verdict is AccessVerdict.UNKNOWN:
        for path in escalations(access.access):
            yield replace(path, verdict=AccessVerdict.UNKNOWN, reason=path.reason or obstacle.reason)


def with_last_use(privileges: Privileges, iam: Iam, since: datetime, patience: Patience) -> Privileges:
    """Return the privileges with their use since that time, by IAM's report on the role. For a role that is younger,
    and for policies in files, the use is not known."""
    grants = privileges.access.grants
    role = grants.known_role if grants is not None else None
    if role is None:
        return privileges
    usage: Section[Usage] = Missing("the role is younger than the window")
    if role.created_at is None or role.created_at <= since:
        usage = read_usage(iam, (role.arn,), patience)[role.arn]
    if isinstance(usage, Missing):
        unread = Unread(LAST_USE, usage.reason, usage.permission)
        return replace(privileges, not_checked=(*privileges.not_checked, unread))
    services = tuple(_with_use(item, usage.value.get(item.service), since) for item in privileges.services)
    return replace(privileges, services=services, since=since)


def _with_use(item: ServicePrivileges, accessed: AccessedService | None, since: datetime) -> ServicePrivileges:
    if accessed is None or all(is_unreported(name) for level in item.levels for name in level.actions):
        return item
    used, calls = accessed.used(since), accessed.called(since)
    tracked = {f"{item.service}:{action.name}".lower() for action in accessed.actions}
    idle = {name for name in tracked - calls if not is_hidden(name, calls)}
    levels = tuple(
        replace(
            level, unused=tuple(n for n in level.actions if not is_unreported(n) and (not used or n.lower() in idle))
        )
        for level in item.levels
    )
    return replace(item, levels=levels, used=used, last_used_at=accessed.last)


def _service(service: Service, ruling: Callable[[str], Ruling]) -> ServicePrivileges:
    rulings = [(action, ruling(action.name)) for action in service.actions.values()]
    by_level = grouped((action.level, item) for action, item in rulings)
    kept = [(action, item) for action, item in rulings if item.verdict is not AccessVerdict.DENIED]
    typed = [item for action, item in kept if action.types]
    resources = dict.fromkeys(text for item in typed for text in (*item.resources, *item.unclear))
    unknown = sum(item.verdict is AccessVerdict.UNKNOWN for _, item in kept)
    return ServicePrivileges(
        service=service.prefix,
        title=service.title,
        levels=tuple(
            LevelPrivileges(
                level=level,
                actions=_names(by_level[level], AccessVerdict.ALLOWED),
                unknown=_names(by_level[level], AccessVerdict.UNKNOWN),
                of=len(by_level[level]),
            )
            for level in AccessLevel
            if any(item.verdict is not AccessVerdict.DENIED for item in by_level.get(level, ()))
        ),
        actions=len(kept) - unknown,
        of=len(rulings),
        unknown=unknown,
        resources=tuple(resources),
        every_resource=any(ANY in item.resources for item in typed),
    )


def _names(rulings: Iterable[Ruling], verdict: AccessVerdict) -> tuple[str, ...]:
    return tuple(sorted(item.action for item in rulings if item.verdict is verdict))
