"""A resource policy beside the policies of a role of the same account.

Sources: IAM User Guide, "Policy evaluation for requests within a single account", "How AWS enforcement code logic
evaluates requests" and "AWS JSON policy elements: Principal"; AWS KMS Developer Guide, "Key policies in AWS KMS".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from podid.domain.policy.evaluate import AccessVerdict, LayerKind, RoleAccess, Ruling
from podid.domain.policy.session import RoleSession
from podid.domain.policy.statements import PermissionPolicy, PermissionStatement, parse_permissions
from podid.domain.trust.conditions import Truth, all_of, any_of
from podid.domain.trust.policy import decisive, names_role
from podid.domain.trust.request import RequestContext


@dataclass(frozen=True)
class ResourcePolicy:
    """`name` is "bucket policy of reports". `document` is None if the resource has none. With `required`, as of a KMS
    key, the policy must allow the role or its account."""

    name: str
    document: Mapping[str, object] | None
    required: bool = False

    @cached_property
    def parsed(self) -> PermissionPolicy:
        return parse_permissions(self.name, LayerKind.RESOURCE.value, self.document or {})


@dataclass(frozen=True, slots=True)
class _Match:
    """A statement about the action, whether it applies, and whether its principal is the role and not its account.
    `limited`: the principal is the role's ARN or ID, so the permissions boundary and the session policy must allow the
    action. They need not for the ARN of a session."""

    statement: PermissionStatement
    applies: Truth
    names_role: bool
    limited: bool

    @property
    def allow(self) -> bool:
        return self.statement.allow


def beside(ruling: Ruling, policy: ResourcePolicy, access: RoleAccess) -> Ruling:
    """Return the access to one resource by the ruling on the role's policies and by the policy of the resource."""
    if policy.document is None or (ruling.verdict is AccessVerdict.DENIED and ruling.statement is not None):
        return ruling
    parsed = policy.parsed
    if parsed.unread is not None:
        return replace(ruling, verdict=AccessVerdict.UNKNOWN, resources=(), reason=parsed.unread.reason)
    context = access.session.context(ruling.action.partition(":")[0], ruling.resource)
    matches = list(_matches(parsed.statements, ruling, access.session, context))
    denies, doubt, allows, may_allow = decisive((match, match.applies) for match in matches)
    if denies is not None:
        reason, layer = f"{denies.statement.ref} denies it", LayerKind.RESOURCE.value
        return _decided(ruling, AccessVerdict.DENIED, denies, reason, layer=layer, resources=())
    if ruling.verdict is AccessVerdict.ALLOWED:
        if doubt is not None:
            return _doubtful(ruling, doubt, context)
        if not policy.required or allows is not None:
            return ruling
        if may_allow is not None:
            return _doubtful(ruling, may_allow, context)
        reason = f"no statement of the {policy.name} allows it"
        denied = replace(ruling, verdict=AccessVerdict.DENIED, layer=LayerKind.RESOURCE.value, reason=reason)
        return replace(denied, resources=(), statement=None, keys=())
    own = [match for match in matches if match.allow and match.names_role]
    sure = next((match for match in own if match.applies), None)
    if ruling.verdict is AccessVerdict.UNKNOWN or not own:
        return ruling
    limit = access.limit(ruling.action, ruling.resource)
    if limit is not None and limit.verdict is AccessVerdict.DENIED and all(match.limited for match in own):
        return replace(
            limit, reason=f"{(sure or own[0]).statement.ref} {'allows' if sure else 'may allow'} it, but {limit.reason}"
        )
    if sure is None or doubt is not None:
        return _doubtful(ruling, doubt or own[0], context)
    reason = f"{sure.statement.ref} allows it"
    if limit is not None and limit.verdict is not AccessVerdict.ALLOWED:
        reason += f"; the permissions boundary or the session policy may not allow it: {limit.reason}"
        return _decided(ruling, AccessVerdict.UNKNOWN, sure, reason)
    return _decided(ruling, AccessVerdict.ALLOWED, sure, reason, layer="", resources=(ruling.resource,))


def _decided(ruling: Ruling, verdict: AccessVerdict, match: _Match, reason: str, **more: object) -> Ruling:
    ref = match.statement.ref
    return replace(ruling, verdict=verdict, statement=ref, reason=reason, keys=(), **more)  # type: ignore[arg-type]


def _doubtful(ruling: Ruling, match: _Match, context: RequestContext) -> Ruling:
    keys, effect = match.statement.unknown_keys(context), "allows" if match.statement.allow else "denies"
    on = ", ".join(keys) or "its principal"
    reason = f"whether {match.statement.ref} {effect} it depends on {on}"
    doubtful = replace(ruling, verdict=AccessVerdict.UNKNOWN, statement=match.statement.ref, reason=reason, keys=keys)
    return replace(doubtful, resources=())


def _matches(
    statements: Iterable[PermissionStatement], ruling: Ruling, session: RoleSession, context: RequestContext
) -> Iterator[_Match]:
    for statement in statements:
        if not statement.covers(ruling.action.lower()):
            continue
        principals = [(value, *_principal(kind, value, session)) for kind, value in _principals(statement.principal)]
        principal = any_of(truth for _, truth, _ in principals)
        applies = all_of((principal, statement.truth(ruling.resource, context)))
        if applies is not False:
            own = {value for value, truth, named in principals if named and truth is not False}
            yield _Match(statement, applies, bool(own), own <= {session.role_arn, session.role_id})


def _principals(principal: object) -> Iterator[tuple[str, str]]:
    """Yield the principals by kind; of NotPrincipal and of an unknown form one of an unknown kind."""
    if principal == "*":
        yield "AWS", "*"
    elif isinstance(principal, Mapping):
        for kind, values in principal.items():
            for value in values if isinstance(values, list | tuple) else (values,):
                yield str(kind), str(value)
    else:
        yield "", "*"


def _principal(kind: str, value: str, session: RoleSession) -> tuple[Truth, bool]:
    """Return whether the session is the principal, and whether that is the role and not its whole account."""
    if kind in ("Service", "Federated"):
        return False, False
    if kind != "AWS":
        # a canonical user is an account; an Allow with NotPrincipal may be for the role
        return None, not kind
    if value in ("*", session.role_arn, session.role_id):
        return bool(value), True
    truth = names_role(value, session.role_arn)
    return truth, truth is None
