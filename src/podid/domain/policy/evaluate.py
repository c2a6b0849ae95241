"""Evaluate the policies of one session for a request: allowed, denied, or unknown, with the deciding statement.

An explicit Deny in any layer decides first. Otherwise every layer must allow the request: the policies of the role, its
permissions boundary, the session policy, and the policies of the organization as far as they are known. Resource
policies are not part of it. Source: IAM User Guide, "Policy evaluation logic".

For an action without a resource the answer is the resources that are allowed: the patterns of the statements that
allow, narrowed by each layer. Each pattern is then evaluated for an example resource, so no pattern is listed that the
first evaluation denies.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated

from podid.domain.members import OR_NULL, About, Names
from podid.domain.policy.cases import decided
from podid.domain.policy.session import RoleSession
from podid.domain.policy.statements import PermissionPolicy, PermissionStatement, StatementRef
from podid.domain.section import Missing
from podid.domain.text import short_list
from podid.domain.trust.evaluate import STRANGER
from podid.domain.trust.policy import decisive
from podid.domain.trust.request import RequestContext, Sent
from podid.domain.wildcards import ANY, covers_arn, meet, overlap_arn, text_of

# more combinations of patterns than any role needs; beyond them the answer is unknown
_MOST = 500
# more patterns are listed without comparing each with the others
_MOST_COMPARED = 60
# its resource is `arn:aws:s3:::*`: Amazon S3 User Guide, "Controlling access to a bucket with user policies"
_OF_ALL_BUCKETS = "s3:listallmybuckets"


class AccessVerdict(StrEnum):
    ALLOWED = "allowed"
    DENIED = "denied"
    UNKNOWN = "unknown"


class LayerKind(StrEnum):
    IDENTITY = "identity"
    BOUNDARY = "boundary"
    SESSION = "session"
    ORGANIZATION = "organization"
    RESOURCE = "resource"


@dataclass(frozen=True, slots=True)
class Layer:
    """Policies that together allow a request or do not. `words` names them in a sentence: "policy of role orders"."""

    kind: LayerKind
    words: str
    policies: tuple[PermissionPolicy, ...]

    @property
    def unread(self) -> Missing | None:
        return next((policy.unread for policy in self.policies if policy.unread is not None), None)

    def statements(self, action: str) -> Iterator[PermissionStatement]:
        """Yield the statements about the action, which is in lower case."""
        for policy in self.policies:
            yield from (statement for statement in policy.statements if statement.covers(action))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The access to an action on `resource`, or on any resource: then `resources` are the allowed patterns, without
    those in `except_`, and `unclear` those that may be allowed."""

    action: str
    verdict: AccessVerdict
    resource: Annotated[str, OR_NULL, About("The requested resource; null if none was specified.")] = ""
    resources: Annotated[Names, About("The patterns of the allowed resources.")] = ()
    except_: Annotated[
        Names, About("Patterns of resources in `resources` to which the access is or may be denied.")
    ] = ()
    unclear: Annotated[Names, About("Patterns of further resources for which the access is unknown.")] = ()
    layer: Annotated[str, OR_NULL, About("The kind of the policies that deny it: as that of a statement.")] = ""
    statement: Annotated[StatementRef | None, About("The deciding statement; null if none allows the action.")] = None
    reason: str = ""
    keys: Annotated[Names, About("The condition keys and variables whose values are not known.")] = ()
    missing_permission: Annotated[str, OR_NULL, About("The permission that podid lacks to decide it.")] = ""


@dataclass(frozen=True, slots=True)
class _Reach:
    """A pattern of resources that `statement` may allow, without the patterns in `excepted`."""

    pattern: str
    statement: PermissionStatement | None
    excepted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleAccess:
    """The layers of policies of one session. Answers are cached by the statements that are about an action."""

    session: RoleSession
    layers: tuple[Layer, ...]
    _cache: dict[tuple[object, ...], Ruling] = field(default_factory=dict, compare=False, repr=False)
    _covering: dict[str, list[list[PermissionStatement]]] = field(default_factory=dict, compare=False, repr=False)
    _passing: dict[str, "RoleAccess"] = field(default_factory=dict, compare=False, repr=False)
    _own: dict[str, Sent] = field(default_factory=dict, compare=False, repr=False)
    _contexts: dict[tuple[str, str], RequestContext] = field(default_factory=dict, compare=False, repr=False)

    def ruling(self, action: str, resource: str = "") -> Ruling:
        """Return the access to the action on the resource, or on any resource if it is empty. A resource with wildcards
        is allowed if all of its resources are."""
        service, _, _ = action.partition(":")
        covering = self.about(action.lower())
        requested = resource
        if resource == ANY and action.lower() == _OF_ALL_BUCKETS:
            requested = f"arn:{self.session.partition}:s3:::*"
        # the statements decide, not the action; services differ in the region of their requests
        key = (requested, service, *(tuple(map(id, statements)) for statements in covering))
        if key not in self._cache:
            if not resource:
                answer = self._of_any(covering, service)
            elif resource != ANY and set("*?") & set(resource):
                answer = self._of_pattern(self.ruling(action), resource, covering, service)
            else:
                answer = self._of_one(covering, requested, self._context(service, resource))
            self._cache[key] = answer
        return replace(self._cache[key], action=action, resource=resource)

    def about(self, action: str) -> list[list[PermissionStatement]]:
        """Return the statements of each layer about the action, which is in lower case."""
        if action not in self._covering:
            self._covering[action] = [list(layer.statements(action)) for layer in self.layers]
        return self._covering[action]

    def _context(self, service: str, resource: str = "") -> RequestContext:
        key = (service, resource)
        if key not in self._contexts:
            if not self._own:
                self._own.update(self.session.keys())
            self._contexts[key] = self.session.context(service, resource, self._own)
        return self._contexts[key]

    def limit(self, action: str, resource: str) -> Ruling | None:
        """Return the access by the permissions boundary and the session policy alone; None without them. A resource
        policy that allows the role's ARN does not override them."""
        return RoleAccess(self.session, self.layers[1:]).ruling(action, resource) if self.layers[1:] else None

    def passing_to(self, principal: str) -> "RoleAccess":
        """Return the access of requests that pass a role to the service with this principal."""
        if principal not in self._passing:
            session = replace(self.session, specified={"iam:passedtoservice": (principal,), **self.session.specified})
            self._passing[principal] = RoleAccess(session, self.layers)
        return self._passing[principal]

    def _of_one(self, covering: list[list[PermissionStatement]], resource: str, context: RequestContext) -> Ruling:
        doubt: PermissionStatement | None = None
        allows: PermissionStatement | None = None
        silent: Layer | None = None
        unread: Missing | None = None
        for layer, statements in zip(self.layers, covering, strict=True):
            judged = ((statement, statement.truth(resource, context)) for statement in statements)
            denies, may_deny, certain, possible = decisive(judged)
            if denies is not None:
                return _ruling(AccessVerdict.DENIED, denies, f"{denies.ref} denies it", resource)
            doubt = doubt or may_deny
            unread = unread or layer.unread
            if (certain or possible or layer.unread) is None:
                silent = silent or layer
            elif certain is None:
                doubt = doubt or possible
            allows = allows or certain
        if silent is not None:
            return _silent(silent, resource)
        if unread is not None:
            return replace(
                _ruling(AccessVerdict.UNKNOWN, None, unread.reason, resource), missing_permission=unread.permission
            )
        if doubt is not None:
            return self._together(covering, resource, context) or _unknown(doubt, context, resource)
        assert allows is not None, "a layer of the role's policies"
        return _ruling(AccessVerdict.ALLOWED, allows, f"{allows.ref} allows it", resource)

    def _together(
        self, covering: list[list[PermissionStatement]], resource: str, context: RequestContext
    ) -> Ruling | None:
        """Return the ruling if the statements decide it together, whatever the values of unknown keys are."""
        answer = decided(covering, resource, context)
        if answer is None:
            return None
        allowed, statements = answer
        names = short_list(str(item.ref) for item in statements)
        deciding = next((item for item in statements if item.allow is allowed), None)
        if allowed:
            return _ruling(AccessVerdict.ALLOWED, deciding, f"{names} allow it together", resource)
        reason = f"{names} allow no request together" if deciding is None else f"{names} deny it together"
        return _ruling(AccessVerdict.DENIED, deciding, reason, resource)

    def _of_any(self, covering: list[list[PermissionStatement]], service: str) -> Ruling:
        context = self._context(service)
        current: list[_Reach] | None = None
        for layer, statements in zip(self.layers, covering, strict=True):
            mine = list(_allowed(statements, context))
            if layer.unread is not None:
                mine.append(_Reach(ANY, None))
            if not mine:
                return _silent(layer)
            current = mine if current is None else list(_met(current, mine))
            if not current:
                return _silent(layer, more=" on these resources")
            if len(current) > _MOST:
                return _ruling(AccessVerdict.UNKNOWN, None, "its policies combine too many patterns of resources")
        denied: PermissionStatement | None = None
        for statement in (item for layer in covering for item in layer if not item.allow):
            before, current = current or [], list(_without(current or [], statement, context))
            denied = denied or (statement if len(current) < len(before) else None)
        if not current:
            reason = f"{denied.ref} denies it" if denied is not None else "no policy allows it"
            return _ruling(AccessVerdict.DENIED, denied, reason)
        return self._examples(current, covering, service)

    def _examples(self, reaches: list[_Reach], covering: list[list[PermissionStatement]], service: str) -> Ruling:
        """Return the patterns for which an example resource is allowed, else why they are unknown."""
        allowed: dict[_Reach, Ruling] = {}
        doubtful: dict[_Reach, Ruling] = {}
        for reach in _distinct(reaches):
            answer = self._of_example(covering, reach.pattern, service)
            (allowed if answer.verdict is AccessVerdict.ALLOWED else doubtful)[reach] = answer
        unclear = tuple(reach.pattern for reach in doubtful)
        if allowed:
            return replace(
                next(iter(allowed.values())),
                resources=tuple(reach.pattern for reach in allowed),
                except_=tuple(dict.fromkeys(text for reach in allowed for text in reach.excepted)),
                unclear=unclear,
            )
        known = next((answer for answer in doubtful.values() if answer.verdict is AccessVerdict.UNKNOWN), None)
        if known is not None:
            return replace(known, unclear=unclear)
        reason = f"the allowed part of {short_list(unclear)} could not be derived: specify --resource"
        return replace(_ruling(AccessVerdict.UNKNOWN, None, reason), unclear=unclear)

    def _of_example(self, covering: list[list[PermissionStatement]], pattern: str, service: str) -> Ruling:
        """Return the access to an example resource of the pattern; a denied one only if a second is denied, too."""
        for letters in (STRANGER, ""):
            example = self.session.example(pattern, letters)
            answer = self._of_one(covering, example, self._context(service, example))
            if answer.verdict is not AccessVerdict.DENIED:
                break
        return answer

    def _of_pattern(
        self, of_any: Ruling, resource: str, covering: list[list[PermissionStatement]], service: str
    ) -> Ruling:
        if of_any.verdict is AccessVerdict.UNKNOWN and not of_any.resources and not of_any.unclear:
            # the patterns were not derived
            return of_any
        within = tuple(item for item in of_any.resources if overlap_arn(item, resource))
        unclear = tuple(item for item in of_any.unclear if overlap_arn(item, resource))
        parts = tuple(item for item in of_any.except_ if overlap_arn(item, resource))
        if within and any(covers_arn(item, resource) for item in parts):
            # a pattern with this exception allows none of these resources
            answers = {item: self._of_example(covering, meet(item, resource) or resource, service) for item in within}
            within = tuple(item for item in within if answers[item].verdict is AccessVerdict.ALLOWED)
            doubtful = [item for item in answers if answers[item].verdict is AccessVerdict.UNKNOWN]
            if not within and (doubtful or not unclear):
                return replace(answers[doubtful[0]] if doubtful else next(iter(answers.values())), unclear=())
        if not within and not unclear:
            reason = (
                of_any.reason if of_any.verdict is AccessVerdict.DENIED else "no policy allows it on these resources"
            )
            return replace(of_any, verdict=AccessVerdict.DENIED, resources=(), except_=(), unclear=(), reason=reason)
        if not parts and any(covers_arn(item, resource) for item in within):
            return replace(of_any, resources=(resource,), except_=(), unclear=())
        answer = replace(of_any, verdict=AccessVerdict.UNKNOWN, resources=within, except_=parts, unclear=unclear)
        if not within:
            known = self._of_example(covering, meet(unclear[0], resource) or resource, service)
            return replace(known, unclear=unclear) if known.verdict is AccessVerdict.UNKNOWN else answer
        without = f" without {short_list(parts)}" if parts else ""
        return replace(answer, reason=f"allowed on {short_list(within)}{without}, a part of these resources")


def _ruling(verdict: AccessVerdict, statement: PermissionStatement | None, reason: str, resource: str = "") -> Ruling:
    resources = (resource,) if verdict is AccessVerdict.ALLOWED and resource else ()
    ref = statement.ref if statement is not None else None
    layer = ref.layer if ref is not None and verdict is AccessVerdict.DENIED else ""
    return Ruling(action="", verdict=verdict, resources=resources, layer=layer, statement=ref, reason=reason)


def _silent(layer: Layer, resource: str = "", more: str = "") -> Ruling:
    """Return the denial by a layer without a statement that allows it."""
    reason = f"no {layer.words} allows it{more}"
    return replace(_ruling(AccessVerdict.DENIED, None, reason, resource), layer=layer.kind.value)


def _unknown(statement: PermissionStatement, context: RequestContext, resource: str) -> Ruling:
    keys = statement.unknown_keys(context)
    effect = "allows" if statement.allow else "denies"
    reason = f"whether {statement.ref} {effect} it depends on {', '.join(keys)}"
    if not keys:
        reason = f"{statement.ref} cannot be evaluated"
    return replace(_ruling(AccessVerdict.UNKNOWN, statement, reason, resource), keys=keys)


def _patterns(statement: PermissionStatement, context: RequestContext, *, certain: bool) -> Iterator[str]:
    """Yield the values of Resource or NotResource. Those with an unknown variable match any text there; with `certain`
    they are omitted."""
    for item in statement.resources:
        known = item.resolved(context)
        if isinstance(known, tuple) and not any(set("*?") & set(atom) for atom in known if isinstance(atom, str)):
            yield text_of(known)
        elif known is not False and not certain:
            yield text_of(item.widened())


def _allowed(statements: Iterable[PermissionStatement], context: RequestContext) -> Iterator[_Reach]:
    for statement in statements:
        if not statement.allow or statement.condition_truth(context) is False:
            continue
        if statement.not_resource:
            yield _Reach(ANY, statement, tuple(_patterns(statement, context, certain=True)))
        else:
            yield from (_Reach(text, statement) for text in _patterns(statement, context, certain=False))


def _met(current: list[_Reach], layer: list[_Reach]) -> Iterator[_Reach]:
    for one in current:
        for other in layer:
            pattern = meet(one.pattern, other.pattern)
            excepted = [text for text in (*one.excepted, *other.excepted) if pattern and overlap_arn(text, pattern)]
            if pattern and not any(covers_arn(text, pattern) for text in excepted):
                yield _Reach(pattern, one.statement or other.statement, tuple(dict.fromkeys(excepted)))


def _without(current: list[_Reach], statement: PermissionStatement, context: RequestContext) -> Iterator[_Reach]:
    """Yield the resources that the Deny statement leaves."""
    certain = statement.condition_truth(context)
    if certain is False:
        yield from current
        return
    if statement.not_resource:
        kept = tuple(_patterns(statement, context, certain=False))
        for reach in current:
            if certain is None or any(covers_arn(text, reach.pattern) for text in kept):
                yield reach
            else:
                yield from (replace(reach, pattern=met) for text in kept if (met := meet(reach.pattern, text)))
        return
    sure = tuple(_patterns(statement, context, certain=True))
    for reach in current:
        if certain and any(covers_arn(text, reach.pattern) for text in sure):
            continue
        parts = tuple(t for t in _patterns(statement, context, certain=False) if overlap_arn(t, reach.pattern))
        yield replace(reach, excepted=tuple(dict.fromkeys((*reach.excepted, *parts))))


def _distinct(reaches: list[_Reach]) -> Iterator[_Reach]:
    """Yield each pattern once, without those that another one covers with fewer exceptions."""
    reaches = list({(reach.pattern, reach.excepted): reach for reach in reaches}.values())
    for number, reach in enumerate(reaches):
        wider = (
            other
            for place, other in enumerate(reaches)
            if place != number
            and len(reaches) <= _MOST_COMPARED
            and covers_arn(other.pattern, reach.pattern)
            and set(other.excepted) <= set(reach.excepted)
            and (place < number or not covers_arn(reach.pattern, other.pattern))
        )
        if next(wider, None) is None:
            yield reach
