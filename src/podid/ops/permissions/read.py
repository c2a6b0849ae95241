"""Read the policies of roles, each once, and parse them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from podid.domain.aws import Role
from podid.domain.errors import CredentialsError, PodidError
from podid.domain.iam import PolicyNames
from podid.domain.names import Arn, role_name
from podid.domain.policy.evaluate import Layer, LayerKind
from podid.domain.policy.statements import PermissionPolicy, parse_permissions
from podid.domain.section import Known, Missing, Section, missing, section_of
from podid.ops.role.resolve import resolve_role
from podid.ops.role.uses import Unread

if TYPE_CHECKING:
    from podid.aws.iam import Iam
    from podid.ops.role.read import RoleReading

K = TypeVar("K")
T = TypeVar("T")
Document = Mapping[str, object]
OTHER_ACCOUNT = "OtherAccount"
NONE_KNOWN: Mapping[str, Section[Role | None]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RoleGrants:
    """The policies of a role, as far as they could be read. `role` is Known(None) if the role does not exist."""

    arn: str
    role: Section[Role | None]
    policies: tuple[PermissionPolicy, ...] = ()
    boundary: PermissionPolicy | None = None

    @classmethod
    def unread(cls, arn: str, reason: Missing) -> RoleGrants:
        """Return the grants of a role of which nothing could be read."""
        return cls(arn, reason, (PermissionPolicy(f"policies of role {role_name(arn)}", unread=reason),))

    @classmethod
    def of_reading(cls, reading: RoleReading) -> RoleGrants:
        """Return the grants of a role whose policies were read for another purpose. Any unread part may allow or deny
        any action."""
        role = reading.role
        attached = [item.arn for item in reading.attached or () if item.arn in reading.documents]
        documents = {**(reading.inline or {}), **{arn: reading.documents[arn] for arn in attached}}
        policies = [parse_permissions(name, LayerKind.IDENTITY.value, item) for name, item in documents.items()]
        unread = (PermissionPolicy(item.what, unread=Missing(item.reason, item.permission)) for item in reading.unread)
        limit = role.permissions_boundary_arn
        boundary = _parsed(limit, LayerKind.BOUNDARY, Known(reading.documents.get(limit))) if limit else None
        return cls(role.arn, Known(role), (*policies, *unread), boundary)

    @property
    def known_role(self) -> Role | None:
        return self.role.value if isinstance(self.role, Known) else None

    @property
    def gone(self) -> bool:
        return isinstance(self.role, Known) and self.role.value is None

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Return the layers of the role: its policies, and its permissions boundary."""
        name = role_name(self.arn)
        layers = [Layer(LayerKind.IDENTITY, f"policy of role {name}", self.policies)]
        if isinstance(self.role, Missing):
            unknown = PermissionPolicy(f"permissions boundary of role {name}", unread=self.role)
            layers.append(
                Layer(LayerKind.BOUNDARY, f"statement of the permissions boundary of role {name}", (unknown,))
            )
        elif self.boundary is not None:
            words = f"statement of the permissions boundary {role_name(self.boundary.name)}"
            layers.append(Layer(LayerKind.BOUNDARY, words, (self.boundary,)))
        return tuple(layers)

    @property
    def missing(self) -> Iterator[Unread]:
        """Yield the parts that could not be read."""
        name = role_name(self.arn)
        if isinstance(self.role, Missing):
            yield Unread(f"role {name}", self.role.reason, self.role.permission)
        for policy in (*self.policies, *((self.boundary,) if self.boundary is not None else ())):
            if policy.unread is not None:
                yield Unread(policy.name, policy.unread.reason, policy.unread.permission)


def read_grants(
    iam: Iam, arns: Collection[str], known: Mapping[str, Section[Role | None]] = NONE_KNOWN
) -> dict[str, RoleGrants]:
    """Return the policies of these roles of the account of `iam`, by ARN. Read each role and each managed policy once;
    many are read at the same time. `known` are roles that were read before, by name. Raise CredentialsError."""
    role_names = dict.fromkeys(map(role_name, arns))
    roles = {**known, **_answers(iam.find_roles([name for name in role_names if name not in known]))}
    existing = [name for name, role in roles.items() if role != Known(None)]
    names = _answers(iam.get_names_of_policies(existing))
    listed = {name: section.value for name, section in names.items() if isinstance(section, Known)}
    inline = _answers(iam.get_inline_documents([(name, item) for name in listed for item in listed[name].inline]))
    boundaries = [role.permissions_boundary_arn for role in map(_value, roles.values()) if role is not None]
    attached = [arn for known in listed.values() for arn in known.attached]
    managed = _answers(iam.get_managed_documents(list(dict.fromkeys(filter(None, (*attached, *boundaries))))))
    return {
        arn: _grants(arn, roles[role_name(arn)], names.get(role_name(arn), Known(PolicyNames())), inline, managed)
        for arn in arns
    }


def _grants(
    arn: str,
    role: Section[Role | None],
    names: Section[PolicyNames],
    inline: Mapping[tuple[str, str], Section[Document | None]],
    managed: Mapping[str, Section[Document]],
) -> RoleGrants:
    name, known = role_name(arn), _value(role)
    if role == Known(None) or (known is not None and known.arn != arn):
        return RoleGrants(arn, Known(None))
    policies: list[PermissionPolicy] = []
    if isinstance(names, Missing):
        policies.append(PermissionPolicy(f"policies of role {name}", unread=names))
    else:
        own = ((item, inline[name, item]) for item in names.value.inline)
        policies += [_parsed(item, LayerKind.IDENTITY, section) for item, section in own if section != Known(None)]
        policies += [_parsed(item, LayerKind.IDENTITY, managed[item]) for item in names.value.attached]
    limit = known.permissions_boundary_arn if known is not None else ""
    boundary = _parsed(limit, LayerKind.BOUNDARY, managed[limit]) if limit else None
    return RoleGrants(arn, role, tuple(policies), boundary)


def _parsed(name: str, kind: LayerKind, section: Section[Document | None] | Section[Document]) -> PermissionPolicy:
    if isinstance(section, Missing):
        return PermissionPolicy(name, unread=section)
    return parse_permissions(name, kind.value, section.value or {})


def read_role_grants(iam: Iam, text: str, *, account: str, partition: str) -> RoleGrants:
    """Return the policies of a role by name or ARN. Raise NotFound with the nearest names, InvalidInput for a role of
    another account."""
    resolved = resolve_role(iam, text, account=account, partition=partition)
    role = missing(resolved.denied) if resolved.denied is not None else Known(resolved.role)
    return read_grants(iam, [resolved.arn], {role_name(resolved.arn): role})[resolved.arn]


def _answers(pairs: Iterable[tuple[K, T | PodidError]]) -> dict[K, Section[T]]:
    """Return each answer as known or missing. Without valid credentials nothing can be read."""
    answers: dict[K, Section[T]] = {}
    for key, answer in pairs:
        if isinstance(answer, CredentialsError):
            raise answer
        answers[key] = section_of(answer)
    return answers


def _value(section: Section[T]) -> T | None:
    return section.value if isinstance(section, Known) else None


def in_other_account(arn: str, account: str) -> Missing | None:
    """Return why a role of another account than the caller's cannot be read; None for the same account."""
    role_account = Arn.parse(arn).account
    if role_account == account:
        return None
    reason = f"role {arn} is in account {role_account}: reading its policies requires credentials of that account"
    return Missing(reason, f"iam:GetRole in account {role_account}", OTHER_ACCOUNT)
