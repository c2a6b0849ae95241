"""Permissions policies: identity policies, permissions boundaries, session policies and policies of the organization.

A policy in IAM's grammar is parsed once and evaluated often. Sources: IAM User Guide, "IAM JSON policy elements:
Resource", "Action" and "Variables and tags".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from podid.domain.errors import InvalidInput
from podid.domain.members import OR_NULL, About
from podid.domain.section import Missing
from podid.domain.trust.conditions import Atom, Condition, Truth, Variable, all_of, any_of, negate, parse_text, resolve
from podid.domain.trust.policy import KNOWS_VARIABLES, conditions_of, kind_of, one_of, plain_json, texts_of
from podid.domain.trust.request import RequestContext
from podid.domain.wildcards import Pattern, Wild, matches, matches_arn, pattern

_MEMBERS = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"})
_OF_RESOURCES = _MEMBERS | {"Principal", "NotPrincipal"}
_ANY: Pattern = (Wild.MANY,)


@dataclass(frozen=True, slots=True)
class StatementRef:
    """A statement of a policy. `layer` is identity, boundary, session, organization or resource."""

    policy: Annotated[str, About("The policy's name or ARN.")]
    layer: Annotated[str, About("The kind of the policy: identity, boundary, session, organization or resource.")]
    index: Annotated[int, About("Index of the statement, from 0.")]
    sid: Annotated[str, OR_NULL, About("The statement's Sid.")] = ""

    def __str__(self) -> str:
        return f"{self.policy.rsplit('/', 1)[-1]}, {self.sid or f'Statement[{self.index}]'}"


@dataclass(frozen=True, slots=True)
class ResourcePattern:
    """A value of Resource or NotResource. `atoms` are None for a text that is not in IAM's grammar."""

    text: str
    atoms: tuple[Atom, ...] | None

    def resolved(self, context: RequestContext) -> Pattern | bool | None:
        """Return the pattern with the values of its variables: False without a value, None for an unknown one."""
        return None if self.atoms is None else resolve(self.atoms, context, "like")

    def widened(self) -> Pattern:
        """Return the pattern with any text in place of each variable."""
        atoms = _ANY if self.atoms is None else self.atoms
        return tuple(Wild.MANY if isinstance(atom, Variable) else atom for atom in atoms)

    def matches(self, resource: str, context: RequestContext) -> Truth:
        """Return whether it matches the ARN; False if a variable has no value."""
        known = self.resolved(context)
        if isinstance(known, tuple):
            return _matches_resource(known, resource)
        return False if known is False or _matches_resource(self.widened(), resource) is False else None


def _matches_resource(atoms: Pattern, resource: str) -> Truth:
    """Match as text. IAM documents wildcards within the parts of an ARN only, and completes an incomplete ARN, so a
    match that depends on either is unknown."""
    whole = matches(atoms, resource)
    if atoms == _ANY or not resource.startswith("arn:"):
        return whole
    if sum(atom.count(":") for atom in atoms if isinstance(atom, str)) >= 5:
        return True if whole and matches_arn(atoms, resource) else None if whole else False
    if atoms and atoms[-1] is Wild.MANY:
        return whole
    return None if whole or matches((*atoms, ":", Wild.MANY), resource) else False


@dataclass(frozen=True, slots=True)
class PermissionStatement:
    """One compiled statement. `services` are the prefixes of its actions; None for any. `strange` are members that a
    permissions policy cannot have. `principal` is that of a resource policy as it is written; None without one, and for
    NotPrincipal."""

    ref: StatementRef
    allow: bool
    actions: tuple[Pattern, ...]
    not_action: bool
    resources: tuple[ResourcePattern, ...]
    not_resource: bool
    conditions: tuple[Condition, ...]
    strange: tuple[str, ...]
    principal: object = field(default=None, hash=False)
    services: frozenset[str] | None = None

    def covers(self, action: str) -> bool:
        """Return whether the statement is about the action, which is in lower case."""
        if self.services is not None and action.partition(":")[0] not in self.services:
            return False
        return any(matches(item, action) for item in self.actions) is not self.not_action

    def uses(self, beginning: str) -> bool:
        """Return whether a condition key or a variable of it begins so, in lower case."""
        conditions = (
            item.name.startswith(beginning) or _in_variable(beginning, item.values) for item in self.conditions
        )
        return any(conditions) or _in_variable(beginning, (item.text for item in self.resources))

    def resource_truth(self, resource: str, context: RequestContext) -> Truth:
        truth = any_of(self._matches(item, resource, context) for item in self.resources)
        return negate(truth) if self.not_resource else truth

    def _matches(self, item: ResourcePattern, resource: str, context: RequestContext) -> Truth:
        if item.resolved(context) is False and self.not_resource:
            # AWS documents both that such a value matches no resource, and that the statement is invalid: IAM User
            # Guide, "IAM policy elements: Variables and tags". They differ for NotResource.
            return None if _matches_resource(item.widened(), resource) is not False else False
        return item.matches(resource, context)

    def condition_truth(self, context: RequestContext) -> Truth:
        return all_of((*(item.holds(context) for item in self.conditions), None if self.strange else True))

    def truth(self, resource: str, context: RequestContext) -> Truth:
        """Return whether it applies to a request for the resource; the action is known to be covered."""
        target = self.resource_truth(resource, context)
        return False if target is False else all_of((target, self.condition_truth(context)))

    def unknown_keys(self, context: RequestContext) -> tuple[str, ...]:
        """Return the condition keys and variables whose values are not known."""
        keys = [item.key for item in self.conditions if item.holds(context) is None]
        for item in self.resources:
            if item.atoms is not None and item.resolved(context) is None:
                keys += [atom.key for atom in item.atoms if isinstance(atom, Variable)]
        return tuple(dict.fromkeys(keys))


def _in_variable(beginning: str, texts: Iterable[str]) -> bool:
    return any("${" in text and beginning in text.lower() for text in texts)


@dataclass(frozen=True, slots=True)
class PermissionPolicy:
    """A parsed policy. `unread` is the reason if the document could not be read or parsed: then any statement may be in
    it."""

    name: str
    statements: tuple[PermissionStatement, ...] = field(default=(), repr=False)
    unread: Missing | None = None


def parse_permissions(name: str, layer: str, document: Mapping[str, object] | Missing) -> PermissionPolicy:
    """Return the compiled policy. A document that IAM would reject is unread."""
    if isinstance(document, Missing):
        return PermissionPolicy(name, unread=document)
    try:
        plain = plain_json(document, "")
        assert isinstance(plain, dict)
        version = str(plain.get("Version", "2008-10-17"))
        listed = plain.get("Statement", [])
        raws = listed if isinstance(listed, list) else [listed]
        statements = (_statement(raw, StatementRef(name, layer, n), version) for n, raw in enumerate(raws))
        return PermissionPolicy(name, tuple(statements))
    except InvalidInput as error:
        return PermissionPolicy(name, unread=Missing(f"policy {name} cannot be parsed: {error.message}"))


def _services(names: Iterable[str]) -> frozenset[str] | None:
    services = frozenset(name.partition(":")[0] for name in names)
    return None if any(set("*?") & set(name) for name in services) else services


def _statement(raw: object, ref: StatementRef, version: str) -> PermissionStatement:
    place = f"Statement[{ref.index}]"
    if not isinstance(raw, dict):
        raise InvalidInput(f"{place} must be an object, not {kind_of(raw)}")
    effect = raw.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise InvalidInput(f"{place}.Effect must be Allow or Deny")
    action = one_of(raw, place, "Action", "NotAction")
    resource = one_of(raw, place, "Resource", "NotResource")
    variables = KNOWS_VARIABLES.get(version)
    members = _OF_RESOURCES if ref.layer == "resource" else _MEMBERS
    names = [text.lower() for text in texts_of(raw[action], f"{place}.{action}")]
    return PermissionStatement(
        ref=StatementRef(ref.policy, ref.layer, ref.index, str(raw.get("Sid", ""))),
        allow=effect == "Allow",
        actions=tuple(map(pattern, names)),
        services=_services(names) if action == "Action" else None,
        not_action=action == "NotAction",
        resources=tuple(
            ResourcePattern(text, parse_text(text, wildcards=True, variables=variables))
            for text in texts_of(raw[resource], f"{place}.{resource}")
        ),
        not_resource=resource == "NotResource",
        conditions=conditions_of(raw.get("Condition", {}), f"{place}.Condition", version),
        strange=tuple(member for member in raw if member not in members),
        principal=raw.get("Principal"),
    )
