"""Reduce the policies of a service account's role to the used permissions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Annotated, Literal

from podid.aws.iam import Iam
from podid.calls.patience import Patience
from podid.domain.aws import Role
from podid.domain.cloudtrail import records_in
from podid.domain.errors import InvalidInput, NotFound
from podid.domain.foreign import Malformed
from podid.domain.iam import LATE
from podid.domain.members import FLAT, OR_NULL, About, ArnText, Key, PolicyObject, kind, members
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.plan import Action, Place, Plan
from podid.domain.policy.actions import ActionTable
from podid.domain.policy.reduce import Evidence, RoleEvents, action_name, reduce_policy, role_events
from podid.domain.section import required
from podid.domain.text import count_of, short_list, utc
from podid.ops.audit.usage import read_usage
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ROLE_ATTACHMENT, ROLE_POLICY
from podid.ops.clients import Clients
from podid.ops.permissions.actions import action_table
from podid.ops.role.plan import check_changeable, made_here, others
from podid.ops.role.policies import check_inline_size
from podid.ops.role.resolve import own_role
from podid.ops.session.activity import Activity, Progress, read_activity
from podid.ops.session.issue import get_association

Change = Literal["unchanged", "reduced", "removed"]
_SUFFIX = "-right-sized"


@dataclass(frozen=True, slots=True, kw_only=True)
class SizedPolicy:
    """A policy of the role, and its reduced form. A reduced managed policy becomes an inline policy."""

    policy: Annotated[str, About("The name of an inline policy, or the ARN of a managed one.")]
    change: Change
    before: Annotated[PolicyObject, Key("policyDocument")]
    after: Annotated[PolicyObject | None, Key("proposed"), About("Null if nothing is left.")]
    inline_name: Annotated[str, OR_NULL, About("The name of the inline policy with the rest, if any.")] = ""

    @property
    def managed(self) -> bool:
        return self.policy.startswith("arn:")


@kind("RightSizing", "`podid right-size` without --apply.")
@members("cluster ref role_arn since policies removed unknown notes")
@dataclass(frozen=True, slots=True, kw_only=True)
class RightSizing:
    """The policies of a role, current and reduced to the used permissions."""

    cluster: str
    ref: Annotated[ServiceAccountRef, FLAT]
    role: Role
    since: datetime
    policies: tuple[SizedPolicy, ...]
    removed: Annotated[tuple[str, ...], About("Actions and patterns that were not used and are removed.")]
    unknown: Annotated[tuple[str, ...], About("Actions and patterns that stay, because their use is not known.")]
    notes: tuple[str, ...]

    @property
    def role_arn(self) -> ArnText:
        return self.role.arn

    @property
    def changed(self) -> tuple[SizedPolicy, ...]:
        return tuple(item for item in self.policies if item.change != "unchanged")


def right_size(
    clients: Clients,
    place: Place,
    ref: ServiceAccountRef,
    since: datetime,
    patience: Patience,
    *,
    keep: Sequence[str] = (),
    events: object = None,
    file: str = "",
    recent: Activity | None = None,
) -> RightSizing:
    """Return the reduced policies of the role whose credentials the pods get. `events` are exported CloudTrail events
    of `file`. `recent` are calls that IAM may not report yet: their actions stay. Raise NotFound without an
    association, InvalidInput for a role of another account or without events in the file, and the error if the last
    use or a policy could not be read."""
    association = get_association(clients, place, ref)
    arn = Arn.parse(association.pods_role_arn)
    if arn.account != place.account:
        message = f"Target role {arn} of {ref} is in account {arn.account}: use the credentials of that account"
        raise InvalidInput(message, subject=str(arn))
    role = own_role(clients, association.pods_role_arn)
    documents = _policies(clients.iam, role.name)
    usage = required(read_usage(clients.iam, (role.arn,), patience)[role.arn])
    table, notes = action_table(), list[str]()
    calls: RoleEvents | None = None
    unseen: set[str] = set()
    if file:
        try:
            calls = role_events(records_in(events), role.arn, since, table)
        except Malformed as error:
            raise InvalidInput(f"{file} is not a file of CloudTrail events: {error}", subject=file) from None
        if not calls.number:
            raise NotFound(f"{file} has no event of role {role.name} since {utc(since)}", subject=file)
        if calls.begin is not None and calls.begin > since:
            notes.append(f"{file} begins at {utc(calls.begin)}, after the start of the window: {utc(since)}")
        used = {item.name for item in usage.values() if item.used(since)}
        # a trail can exclude events of KMS, and the source of an event can differ from the prefix of the actions
        unseen = used - calls.services
        for words, services in (("events", unseen), ("data events", calls.without_data & used - unseen)):
            if services:
                keeping = "podid keeps the actions that IAM does not track"
                notes.append(f"{file} has no {words} of {short_list(sorted(services))}: {keeping}")
    else:
        notes.append(
            "podid checks data events, such as reads of S3 objects, only with --events. If a service was used, podid "
            "keeps the actions that IAM does not track"
        )
    created = role.created_at
    unreported = calls is None and created is not None and created > patience.clock.now() - LATE
    evidence = Evidence(
        usage=usage,
        since=since,
        table=table,
        calls=None if calls is None else calls.calls,
        partial=frozenset() if calls is None else calls.unmapped | calls.without_data | unseen,
        keep=(*keep, *(() if recent is None else _actions_of(recent, table))),
        unreported=unreported,
    )
    policies, removed, unknown = [], dict[str, None](), dict[str, None]()
    taken: dict[str, object] = {}
    for name, document in documents.items():
        reduction = reduce_policy(document, evidence)
        removed |= reduction.removed
        unknown |= reduction.unknown
        inline = _inline_name(name, reduction.document, taken)
        taken[inline] = reduction.document
        policies.append(_sized(name, document, reduction.document, inline))
    if "*" in removed:
        notes.append(
            "in place of *, podid writes the services that were used; to keep one that IAM does not report, pass --keep"
        )
    if unreported:
        notes.append(f"role {role.name} was created at {utc(created)}: IAM may not report any use yet")
    elif created is not None and created > since:
        notes.append(f"role {role.name} was created at {utc(created)}, within the window")
    return RightSizing(
        cluster=place.cluster_name,
        ref=ref,
        role=role,
        since=since,
        policies=tuple(policies),
        removed=tuple(removed),
        unknown=tuple(unknown),
        notes=(*notes, _late(ref, recent)),
    )


def read_recent(clients: Clients, place: Place, ref: ServiceAccountRef, now: datetime, progress: Progress) -> Activity:
    """Return the calls of the pods in the time that IAM's reports may not include yet."""
    return read_activity(clients, place, ref, now - LATE, now, progress)


def _actions_of(recent: Activity, table: ActionTable) -> Iterator[str]:
    """Yield the actions of the calls, without denied ones. An event without an action of its name keeps the service."""
    for item in recent.actions:
        if item.calls > item.denied:
            name = action_name(*item.action.split(":", 1))
            yield name if table.find(name) is not None else f"{name.partition(':')[0]}:*"


def _late(ref: ServiceAccountRef, recent: Activity | None) -> str:
    late = "IAM reports use up to four hours late, by all who have the role"
    if recent is None:
        return f"{late}; --cloudtrail also keeps the actions of those hours"
    calls = f"{count_of(recent.calls, 'call')} of {ref} in CloudTrail since {utc(recent.since)}"
    return f"{late}; {calls}, management events only: their actions stay"


def _inline_name(name: str, after: object, taken: Mapping[str, object]) -> str:
    """Return the name of the inline policy with the rest of a policy. It is not the name of another inline policy,
    unless that has the same content, as after an interrupted run. `taken` are the reduced policies by name."""
    if not name.startswith("arn:"):
        return name
    suffixes = (f"{_SUFFIX}{f'-{number}' if number > 1 else ''}" for number in count(1))
    names = (f"{name.rpartition('/')[2][: 128 - len(suffix)]}{suffix}" for suffix in suffixes)
    return next(item for item in names if item not in taken or taken[item] == after is not None)


def _sized(name: str, before: Mapping[str, object], after: Mapping[str, object] | None, inline: str) -> SizedPolicy:
    change: Change = "removed" if after is None else "unchanged" if after == before else "reduced"
    kept = change == "reduced" or (change == "unchanged" and not name.startswith("arn:"))
    return SizedPolicy(policy=name, change=change, before=before, after=after, inline_name=inline if kept else "")


def _policies(iam: Iam, role_name: str) -> dict[str, Mapping[str, object]]:
    policies = iam.get_policies(role_name)
    documents: dict[str, Mapping[str, object]] = dict(policies.inline)
    for attached in policies.attached:
        documents[attached.arn] = iam.get_managed_document(attached.arn)
    return documents


def plan_right_size(journal: Journal | None, place: Place, sizing: RightSizing, *, adopt: bool) -> Plan:
    """Return the plan that writes the reduced policies first, and then removes the policies that they replace. Raise
    Conflict with the required flag for a role that podid did not create, and if the policies are too long."""
    role = sizing.role
    writes: list[Action] = []
    removals: list[Action] = []
    inline = {item.inline_name: item.after for item in sizing.policies if item.inline_name and item.after is not None}
    current = {item.policy: item.before for item in sizing.policies if not item.managed}
    for item in sizing.changed:
        if item.after is not None:
            before = current.get(item.inline_name)
            old = None if before is None else ROLE_POLICY.state_of(role.name, item.inline_name, before)
            writes.append(ROLE_POLICY.action(old, ROLE_POLICY.state_of(role.name, item.inline_name, item.after)))
        if item.managed:
            removals.append(ROLE_ATTACHMENT.action(ROLE_ATTACHMENT.state_of(role.name, item.policy), None))
        elif item.after is None:
            removals.append(ROLE_POLICY.action(ROLE_POLICY.state_of(role.name, item.policy, item.before), None))
    actions = (*writes, *removals)
    ours = journal is not None and made_here(journal, place, role)
    if actions:
        check_inline_size(role.name, inline)
        check_changeable(role, actions, () if ours or adopt else ("--adopt",), ours=ours)
    notes = (*(() if ours else others(role)), *sizing.notes)
    return Plan(header=place.header, actions=actions, notes=tuple(notes))
