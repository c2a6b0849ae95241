"""Refuse the actions of a plan that a guard forbids, and those on resources that another tool owns."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial

from podid.calls import pacing
from podid.domain import trust
from podid.domain.declaration import Breach, Guard, Position
from podid.domain.errors import AccessDenied, Again, Conflict, PodidError, Rejected, Unavailable, Undetermined
from podid.domain.names import Arn
from podid.domain.owners import Owner
from podid.domain.plan import Action, Plan, State, Verb, document, text, texts
from podid.ops.change import kinds
from podid.ops.clients import Clients, Site

# an action that a rule forbids: the place of the rule, its key, and the reason
Violation = tuple[Position, str, str]
_ROLES = ("roleArn", "targetRoleArn")


def check_guards(clients: Clients, plan: Plan) -> None:
    """Raise Conflict, with the lines of the rules, if a guard forbids an action of the plan, or cannot be read."""
    if not plan.actions:
        return
    lines = [
        f"{at.file}:{at.line}: guard.{key}: {reason}"
        for guard in clients.guards()
        for at, key, reason in violations(guard, plan, clients)
    ]
    if lines:
        first, *others = dict.fromkeys(lines)
        raise Conflict(first, lines=tuple(others), advice="The guard forbids it; nothing was changed.")


def violations(guard: Guard, plan: Plan, clients: Clients) -> Iterator[Violation]:
    """Yield the violations. Removing access is always allowed. Roles are read only for their ARNs."""
    arn_of = cache(partial(_arn_of, clients, plan))
    for action in plan.actions:
        if action.after is None or action.verb not in (Verb.CREATE, Verb.UPDATE):
            continue
        for key, reason in _forbidden(guard, action, action.after, arn_of):
            yield guard.place(key), key, f"{action.verb} {kinds.kind_of(action.kind).subject(action)}: {reason}"


def _arn_of(clients: Clients, plan: Plan, name: str) -> str:
    """Return the ARN of a role that the plan creates or changes. Its path may be a part of a rule."""
    new = (
        action.after for action in plan.actions if action.kind == kinds.ROLE.name and action.keys["roleName"] == name
    )
    path = next((text(state, "path") or "/" for state in new if state is not None), "")
    role = None if path else clients.iam.find_role(name)
    partition = Arn.parse(plan.header.caller_arn).partition
    return f"arn:{partition}:iam::{plan.header.account}:role{path or '/'}{name}" if role is None else role.arn


def _forbidden(guard: Guard, action: Action, after: State, arn_of: Callable[[str], str]) -> Iterator[Breach]:
    before = action.before or {}
    yield from guard.roles_breach(_roles(action, after, before, arn_of))
    if action.kind in (kinds.ROLE_POLICY.name, kinds.ROLE_ATTACHMENT.name):
        yield from guard.policies_breach(list(action.keys.values())[-1:])
    yield from guard.scopes_breach(_new_statements(action, after, before))
    whole = action.kind in (kinds.ROLE.name, kinds.ROLE_SETTINGS.name)
    if whole:
        yield from guard.boundary_breach(text(after, "permissionsBoundary"))
    tags = texts(after, "tags")
    if (whole or action.kind == kinds.ASSOCIATION.name) and (action.before is None or tags != texts(before, "tags")):
        yield from guard.tags_breach(tags)
    yield from guard.accounts_breach(_accounts(action, after, before))


def _roles(action: Action, after: State, before: State, arn_of: Callable[[str], str]) -> Iterator[str]:
    """Yield each role that the action gives to pods or changes."""
    if name := action.keys.get("roleName"):
        yield arn_of(name)
    elif arn := action.keys.get("targetRoleArn"):
        yield arn
    elif action.kind == kinds.ASSOCIATION.name:
        yield from filter(None, (text(after, k) for k in _ROLES if after.get(k) != before.get(k)))
    else:
        yield from _new_roles(after, before).values()


def _accounts(action: Action, after: State, before: State) -> tuple[str, ...]:
    """Return the names of the service accounts that get a role."""
    if action.kind == kinds.ASSOCIATION.name:
        return (action.keys["serviceAccount"],)
    return tuple(_new_roles(after, before))


def _new_roles(after: State, before: State) -> dict[str, str]:
    """Return the service accounts of an add-on that get a role, each with its ARN."""
    held = texts(before, "roles")
    return {account: arn for account, arn in texts(after, "roles").items() if held.get(account) != arn}


def _new_statements(action: Action, after: State, before: State) -> Iterator[trust.Statement]:
    """Yield each statement that the action adds to a trust policy, and each one that it completes: a removed Deny
    limited it, or an added statement allows the sts:TagSession that it lacks."""
    if action.kind not in (kinds.ROLE.name, kinds.ROLE_TRUST.name):
        return
    policy = kinds.kind_of(action.kind).policy
    held = before.get(policy)
    old = trust.parse_policy(held).statements if isinstance(held, Mapping) else ()
    new = trust.parse_policy(document(after, policy)).statements
    kept = [trust.meaning(statement.raw) for statement in new]
    limited = any(not statement.allow and trust.meaning(statement.raw) not in kept for statement in old)
    known = [] if limited else [trust.meaning(statement.raw) for statement in old]
    added = [item for item in new if trust.meaning(item.raw) not in known]
    yield from added
    if any(item.allow and item.about(trust.TAG_SESSION) for item in added):
        yield from (item for item in new if item not in added and not item.about(trust.TAG_SESSION))


@dataclass(frozen=True, slots=True)
class OwnedResources:
    """`owners` are the tools that own the resources of a plan, by resource; `unread` are sentences on those that could
    not be checked."""

    owners: Mapping[str, Owner]
    unread: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(f"{subject} {owner.sentence}" for subject, owner in self.owners.items())


def owner_notes(clients: Clients, plan: Plan, *, take_over: bool, custom: bool = False) -> tuple[str, ...]:
    """Return a note about each tool that owns a resource of the plan, and about its effect on the change. With
    `custom`, also read the custom resources of the cluster. Raise Conflict if there is one, unless `take_over`."""
    owned = read_owners(clients, plan, custom=custom)
    if not owned.owners or take_over:
        return (*owned.lines, *owned.unread)
    first, *more = owned.lines
    raise Conflict(
        first[0].upper() + first[1:],
        hint=Again(add=("--take-over",)),
        lines=tuple(more),
        advice="Change it with that tool. With --take-over podid changes it as well, and the tool still owns it.",
        subject=next(iter(owned.owners)),
    )


def without_owned(clients: Clients, plan: Plan, *, custom: bool = False) -> Plan:
    """Return the plan without the actions on resources of other tools, which its notes name. Raise
    Undetermined if an owner could not be read."""
    owned = read_owners(clients, plan, custom=custom)
    if owned.unread:
        raise Undetermined("It is not known which resources other tools own", lines=owned.unread)
    kept = tuple(action for action in plan.actions if _subject(action) not in owned.owners)
    notes = tuple(f"unchanged: {line}" for line in owned.lines)
    return replace(plan, actions=kept).noting(notes)


def read_owners(clients: Clients, plan: Plan, *, custom: bool = False) -> OwnedResources:
    """Read the owners of the resources that the plan changes or deletes: of each once, many at the same time."""
    site = Site(clients, plan.header)
    created = {
        action.target for action in plan.actions if action.kind == kinds.ROLE.name and action.verb is Verb.CREATE
    }
    resources: dict[str, Action] = {}
    for action in plan.actions:
        if action.verb in (Verb.CREATE, Verb.UPDATE, Verb.DELETE) and action.keys.get("roleName") not in created:
            resources.setdefault(_subject(action), action)
    owners: dict[str, Owner] = {}
    unread: list[str] = []

    def read(subject: str) -> Owner | PodidError | None:
        action = resources[subject]
        try:
            return kinds.kind_of(action.kind).owner(site, action)
        except (AccessDenied, Unavailable, Rejected) as error:
            return error

    for subject, owner in pacing.fan_out(read, resources):
        if isinstance(owner, PodidError):
            why = f"requires {owner.permission}" if owner.permission else owner.message
            unread.append(f"whether another tool owns {subject} was not checked: {why}")
        elif owner is not None:
            owners[subject] = owner
    if custom:
        # a custom resource may own an association that exists, or a role
        unowned = {
            name: action
            for name, action in resources.items()
            if name not in owners
            and ("roleName" in action.keys or (action.kind == kinds.ASSOCIATION.name and action.before is not None))
        }
        by_id, reason = custom_owners(clients) if unowned else ({}, "")
        owners |= _owners_among(by_id, plan, unowned)
        unread += [reason] if reason else []
    return OwnedResources({name: owners[name] for name in resources if name in owners}, tuple(unread))


def custom_owners(clients: Clients) -> tuple[Mapping[str, Owner], str]:
    """Return the custom resources by the ids of the resources that they own, and the reason if the caller may not list
    them. Without Kubernetes there is none: the plan says so."""
    try:
        return clients.kube.reader.list_custom_owners(), ""
    except AccessDenied as error:
        return {}, f"custom resources that own resources of the plan were not checked: {error.message}"
    except PodidError:
        return {}, ""


def _owners_among(by_id: Mapping[str, Owner], plan: Plan, resources: Mapping[str, Action]) -> dict[str, Owner]:
    own = f"iam::{plan.header.account}:role/"
    by_role = {arn.rpartition("/")[2]: owner for arn, owner in by_id.items() if own in arn}
    owners = {}
    for name, action in resources.items():
        role = action.keys.get("roleName")
        owner = by_role.get(role) if role else by_id.get(text(action.before, "associationId"))
        if owner is not None:
            owners[name] = owner
    return owners


def _subject(action: Action) -> str:
    """Return the resource: a role for all of its parts."""
    name = action.keys.get("roleName")
    return f"role {name}" if name else kinds.kind_of(action.kind).subject(action)
