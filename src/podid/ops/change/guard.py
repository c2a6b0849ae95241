"""Check a plan against guards: rules for every change."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial

from podid.domain import trust
from podid.domain.declaration import Breach, Guard, Position
from podid.domain.errors import Conflict
from podid.domain.names import Arn
from podid.domain.plan import Action, Plan, State, Verb, document, text, texts
from podid.ops.change import kinds
from podid.ops.clients import Clients

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
    """Yield each statement that the action adds to a trust policy, and each one that a removed Deny limited."""
    if action.kind not in (kinds.ROLE.name, kinds.ROLE_TRUST.name):
        return
    policy = kinds.kind_of(action.kind).policy
    held = before.get(policy)
    old = trust.parse_policy(held).statements if isinstance(held, Mapping) else ()
    new = trust.parse_policy(document(after, policy)).statements
    kept = [trust.meaning(statement.raw) for statement in new]
    limited = any(not statement.allow and trust.meaning(statement.raw) not in kept for statement in old)
    known = [] if limited else [trust.meaning(statement.raw) for statement in old]
    yield from (item for item in new if trust.meaning(item.raw) not in known)
