"""Check a plan against guards: rules that every change must keep to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from podid.domain import trust
from podid.domain.declaration import DEFAULT_ACCOUNT, Guard, Position
from podid.domain.errors import Conflict
from podid.domain.names import PODS_PRINCIPAL, Arn
from podid.domain.plan import Action, Plan, State, Verb, text, texts
from podid.domain.trust import NAMESPACE_TAG, SERVICE_ACCOUNT_TAG, ScopeKind
from podid.ops.change.kinds import (
    ADDON,
    ADDON_ASSOCIATIONS,
    ASSOCIATION,
    ROLE,
    ROLE_ATTACHMENT,
    ROLE_POLICY,
    ROLE_SETTINGS,
    ROLE_TRUST,
    kind_of,
)
from podid.ops.clients import Clients

# an action that a rule forbids: the place of the rule, its key, and the reason
Violation = tuple[Position, str, str]


def check_guards(clients: Clients, plan: Plan) -> None:
    """Raise Conflict, with the lines of the rules, if a guard forbids an action of the plan, or cannot be read."""
    if not plan.actions:
        return
    lines = [
        f"{at.file}:{at.line}: guard.{key}: {reason}"
        for guard in clients.guards()
        for at, key, reason in violations(guard, plan)
    ]
    if lines:
        first, *others = dict.fromkeys(lines)
        raise Conflict(first, lines=tuple(others), advice="The guard forbids it; nothing was changed.")


def violations(guard: Guard, plan: Plan) -> Iterator[Violation]:
    """Yield what the guard forbids. Removing access is always allowed."""
    for action in plan.actions:
        if action.after is None or action.verb not in (Verb.CREATE, Verb.UPDATE):
            continue
        for key, reason in _forbidden(guard, plan, action, action.after):
            yield guard.place(key), key, f"{action.verb} {kind_of(action.kind).subject(action)}: {reason}"


def _forbidden(guard: Guard, plan: Plan, action: Action, after: State) -> Iterator[tuple[str, str]]:
    before = action.before or {}
    if guard.allowed_roles is not None:
        for role in _roles(plan, action, after, before):
            if not any(fnmatchcase(name, pattern) for name in role for pattern in guard.allowed_roles):
                yield "allowedRoles", f"role {role[-1]} is not allowed"
    if guard.allowed_policies is not None and action.kind in (ROLE_POLICY.name, ROLE_ATTACHMENT.name):
        policy = list(action.keys.values())[-1]
        names = (policy, policy.rpartition("/")[2])
        if not any(fnmatchcase(name, pattern) for name in names for pattern in guard.allowed_policies):
            yield "allowedPolicies", f"policy {names[1]} is not allowed"
    if guard.allowed_scopes is not None:
        for scope in _scopes(action, after, before):
            if scope not in guard.allowed_scopes:
                yield "allowedScopes", f"the trust policy would have scope {scope}"
    whole = action.kind in (ROLE.name, ROLE_SETTINGS.name)
    if guard.required_boundary and whole:
        boundary, required = text(after, "permissionsBoundary"), guard.required_boundary
        if boundary != required and boundary.rpartition("/")[2] != required:
            yield "requiredBoundary", f"the permissions boundary {required} is required"
    if whole or action.kind == ASSOCIATION.name:
        tags = texts(after, "tags")
        if action.before is None or tags != texts(before, "tags"):
            for key, pattern in guard.required_tags.items():
                if not fnmatchcase(tags.get(key, ""), pattern) or key not in tags:
                    yield "requiredTags", f"the tag {key}={pattern} is required"
    if not guard.default_accounts and DEFAULT_ACCOUNT in _accounts(action, after, before):
        yield "defaultAccounts", "associations of the default service account are not allowed"


def _roles(plan: Plan, action: Action, after: State, before: State) -> Iterator[tuple[str, ...]]:
    """Yield each role that the action gives to pods or changes, by its names."""
    account, partition = plan.header.account, Arn.parse(plan.header.caller_arn).partition
    if name := action.keys.get("roleName"):
        path = text(after, "path") or "/"
        yield f"arn:{partition}:iam::{account}:role{path}{name}", name
    elif action.kind == ASSOCIATION.name:
        arns = (text(after, key) for key in ("roleArn", "targetRoleArn") if after.get(key) != before.get(key))
        yield from ((arn, arn.rpartition("/")[2]) for arn in arns if arn)
    elif action.kind in (ADDON.name, ADDON_ASSOCIATIONS.name):
        held = texts(before, "roles")
        new = (arn for account, arn in texts(after, "roles").items() if held.get(account) != arn)
        yield from ((arn, arn.rpartition("/")[2]) for arn in new)


def _accounts(action: Action, after: State, before: State) -> tuple[str, ...]:
    """Return the names of the service accounts that get a role."""
    if action.kind == ASSOCIATION.name:
        return (action.keys["serviceAccount"],)
    if action.kind in (ADDON.name, ADDON_ASSOCIATIONS.name):
        return tuple(name for name in texts(after, "roles") if name not in texts(before, "roles"))
    return ()


def _scopes(action: Action, after: State, before: State) -> Iterator[ScopeKind]:
    """Yield the scope of each statement that the action adds to a trust policy for pods."""
    if action.kind not in (ROLE.name, ROLE_TRUST.name):
        return
    key = "trustPolicy" if action.kind == ROLE.name else "policyDocument"
    document, held = after.get(key), before.get(key)
    assert isinstance(document, Mapping)
    old = trust.parse_policy(held).statements if isinstance(held, Mapping) else ()
    known = [trust.meaning(statement.raw) for statement in old]
    for statement in trust.parse_policy(document).statements:
        pods = any(value in (PODS_PRINCIPAL, "*") for _, value in statement.principals)
        if statement.allow and pods and trust.meaning(statement.raw) not in known:
            yield _scope(statement)


def _scope(statement: trust.Statement) -> ScopeKind:
    """Return the scope by the keys for which the statement requires one value without wildcards."""
    names = [
        condition.name
        for condition in statement.conditions
        if not condition.negated and len(set(condition.values)) == 1 and not set("*?") & set(condition.values[0])
    ]
    cluster = any(key in names for key in ("aws:sourcearn", "aws:requesttag/eks-cluster-arn"))
    namespace = NAMESPACE_TAG.lower() in names
    if cluster and namespace:
        return ScopeKind.SERVICE_ACCOUNT if SERVICE_ACCOUNT_TAG.lower() in names else ScopeKind.NAMESPACE
    if cluster:
        return ScopeKind.CLUSTER
    return ScopeKind.ACCOUNT if "aws:sourceaccount" in names else ScopeKind.ANY
