"""Corrects readings of roles, policies and OIDC providers that do not show podid's changes yet."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from podid.aws.decode import Detail
from podid.calls.written import Key, KnownChanges
from podid.domain.aws import AttachedPolicy, OidcProvider, Role
from podid.domain.errors import NotFound
from podid.domain.iam import PolicyDocument

T = TypeVar("T")
Document = Mapping[str, object]

# the members of a role that a change can show late; lists omit tags and boundary
LISTED = ("trust", "description", "max_session_seconds")
MEMBERS = (*LISTED, "tags", "permissions_boundary_arn")
_DETAILS = "GetAccountAuthorizationDetails"


class WrittenRoles:
    """`key_of` returns the key of a resource in `written`. `operation` is the operation that has read the argument."""

    def __init__(self, key_of: Callable[..., Key], written: KnownChanges) -> None:
        self._key_of = key_of
        self._written = written

    def role(self, operation: str, name: str, read: Role | None, members: Iterable[str] = MEMBERS) -> Role | None:
        """Return the role with the changes that IAM does not show yet; None if it was deleted."""
        key = self._key("role", name)
        current = self._written.current(operation, key, None if read is None else read.role_id)
        if current is None:
            return None
        if read is None or read.role_id != current:
            known: Role | None = self._written.read(key)
            return known
        role = self._written.members(operation, key, read, members)
        if members is MEMBERS:  # lists omit some
            self._written.note(key, role)
        return role

    def roles(self, operation: str, listed: Iterable[Role]) -> Iterator[Role]:
        """Yield the roles of a list, and those that it does not have yet."""
        listed_keys: set[tuple[str, ...]] = set()
        for read in listed:
            listed_keys.add(self._key("role", read.name))
            if (role := self.role(operation, read.name, read, LISTED)) is not None:
                yield role
        yield from (role for _, role in self._unlisted(operation, "role", listed_keys, self.role))

    def _unlisted(
        self, operation: str, kind: str, listed_keys: set[tuple[str, ...]], find: Callable[[str, str, None], T | None]
    ) -> Iterator[tuple[str, T]]:
        for key, _ in self._written.parts(self._key(kind)):
            if key not in listed_keys and (unlisted := find(operation, key[-1], None)) is not None:
                yield key[-1], unlisted

    def created(self, role: Role) -> None:
        key = self._key("role", role.name)
        old = self._written.read(key)
        self._written.forget(key)
        for kind in ("inline", "attached"):
            self._written.forget(self._key(kind, role.name))
        self._written.keep(key, None if old is None or old.role_id == role.role_id else old.role_id, role.role_id, role)

    def deleted(self, name: str) -> None:
        key = self._key("role", name)
        if (old := self._written.read(key)) is not None:
            self._written.keep(key, old.role_id, None, old)

    def changed(self, name: str, **members: object) -> None:
        self._written.keep_members(self._key("role", name), **members)

    def tagged(self, name: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        if (old := self._written.read(self._key("role", name))) is not None:
            self.changed(name, tags=change(old.tags))

    def late_roles(self) -> frozenset[str]:
        return frozenset(role for role, *member in self._late("GetRole", "role") if member)

    def late_policies(self) -> frozenset[tuple[str, str]]:
        return frozenset((role, name) for role, name in self._late("GetRolePolicy", "document"))

    def _late(self, operation: str, kind: str) -> Iterator[Key]:
        """Yield the names below `kind` whose last change the operation has not shown yet."""
        kind_key = self._key(kind)
        return (key[len(kind_key) :] for key in self._written.late_keys(operation, kind_key))

    # policies: `kind` is inline or attached; a name is that of an inline policy, or an ARN

    def policies(self, operation: str, kind: str, role: str, listed: Iterable[str]) -> Iterator[str]:
        """Yield the policies of a list, and those that it does not have yet."""
        key, listed_names = self._key(kind, role), set[str]()
        try:
            for name in listed:
                listed_names.add(name)
                if self._written.current(operation, (*key, name), read=True):
                    yield name
        except NotFound:
            if self._written.current(operation, self._key("role", role), None) is None:
                raise  # else IAM does not know the new role yet
        for own, _ in self._written.parts(key):
            if own[-1] not in listed_names and self._written.current(operation, own, read=False):
                yield own[-1]

    def document(self, operation: str, role: str, name: str, read: Document | None) -> Document | None:
        """Return the document of an inline policy as it was written."""
        key = self._key("document", role, name)
        current = self._written.current(operation, key, read)
        self._written.note(key, current)
        return current

    def put(self, kind: str, role: str, name: str, *, exists: bool, document: Document | None = None) -> None:
        """Remember that a policy was added or removed."""
        self._written.keep((*self._key(kind, role), name), before=not exists, after=exists)
        if kind == "inline":
            key = self._key("document", role, name)
            self._written.keep(key, self._written.read(key), document)
            self._written.note(key, document)

    def attached(self, operation: str, role: str, listed: Iterable[AttachedPolicy]) -> Iterator[AttachedPolicy]:
        known: dict[str, AttachedPolicy] = {}

        def arns() -> Iterator[str]:
            for policy in listed:
                known[policy.arn] = policy
                yield policy.arn

        for arn in self.policies(operation, "attached", role, arns()):
            yield known.get(arn) or AttachedPolicy(name=arn.rpartition("/")[2], arn=arn)

    def details(self, listed: Sequence[Detail]) -> Iterator[Detail]:
        """Yield the account's details with the roles and their policies as they were written."""
        listed_keys = set[tuple[str, ...]]()
        for item in listed:
            if item.kind != "role" or item.role is None:
                yield item
                continue
            listed_keys.add(self._key("role", item.name))
            if (role := self.role(_DETAILS, item.name, item.role, (*LISTED[:1], "tags"))) is not None:
                yield self._detail(replace(item, role=role))
        for name, role in self._unlisted(_DETAILS, "role", listed_keys, self.role):
            yield self._detail(Detail("role", name, role.arn, (), (), (), role.permissions_boundary_arn, role))

    def _detail(self, item: Detail) -> Detail:
        own = {policy.name: policy.document for policy in item.inline}
        names = self.policies(_DETAILS, "inline", item.name, own)
        documents = ((name, self.document(_DETAILS, item.name, name, own.get(name))) for name in names)
        inline = tuple(PolicyDocument(name, document) for name, document in documents if document is not None)
        attached = tuple(self.policies(_DETAILS, "attached", item.name, item.attached))
        return replace(item, inline=inline, attached=attached)

    # OIDC providers

    def provider(self, operation: str, arn: str, read: OidcProvider | None) -> OidcProvider | None:
        key = self._key("provider", arn)
        if not self._written.current(operation, key, read is not None):
            return None
        provider: OidcProvider | None = read or self._written.read(key)
        return provider

    def providers(self, operation: str, listed: Sequence[str]) -> Iterator[str]:
        key = self._key("provider")
        for arn in listed:
            if self._written.current(operation, (*key, arn), read=True):
                yield arn
        for own, _ in self._written.parts(key):
            if own[-1] not in listed and self._written.current(operation, own, read=False):
                yield own[-1]

    def keep_provider(self, arn: str, provider: OidcProvider | None) -> None:
        exists = provider is not None
        self._written.keep(self._key("provider", arn), before=not exists, after=exists, value=provider)

    def _key(self, kind: str, *names: str) -> tuple[str, ...]:
        # IAM does not distinguish names of roles by case
        return self._key_of(kind, *((names[0].lower(), *names[1:]) if names and kind != "provider" else names))
