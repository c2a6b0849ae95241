"""IAM for readings of many roles: each role and policy is read once, and many of them with one list of the account."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from threading import RLock
from typing import TypeVar

from podid.aws.api import Api
from podid.aws.decode import Detail
from podid.aws.iam import Iam
from podid.domain.aws import Role
from podid.domain.errors import PodidError
from podid.domain.iam import PolicyNames
from podid.domain.permissions import needs

K = TypeVar("K")
V = TypeVar("V")
Document = Mapping[str, object]
MANY_ROLES = 50


class ListingIam(Iam):
    """Keeps the roles and policies that it reads. When many roles are read, it reads the account's list. Without
    permission for the list, and for items that the list does not contain, it reads each by itself. It is for one
    reading: it does not notice later changes. The listed roles have no description and no session duration."""

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self._lock = RLock()
        self._answer: tuple[Detail, ...] | PodidError | None = None
        self._roles: dict[str, Role | None] = {}
        self._names: dict[str, PolicyNames] = {}
        self._inline: dict[tuple[str, str], Document | None] = {}
        self._managed: dict[str, Document] = {}

    def _list_details(self) -> tuple[Detail, ...]:
        with self._lock:
            if self._answer is None:
                try:
                    self._answer = super()._list_details()
                except PodidError as error:
                    self._answer = error
            if isinstance(self._answer, PodidError):
                raise self._answer
            return self._answer

    def _list_if_many(self, names: Sequence[str], known: Mapping[str, object]) -> None:
        with self._lock, suppress(PodidError):
            if sum(name not in known for name in names) >= MANY_ROLES:
                self._keep(self._list_details())

    def _keep(self, details: Sequence[Detail]) -> None:
        for item in details:
            if item.kind == "policy":
                self._managed[item.name] = item.inline[0].document
            elif item.role is not None:
                inline = {policy.name: policy.document for policy in item.inline}
                self._names[item.name] = PolicyNames(tuple(sorted(item.attached)), tuple(sorted(inline)))
                self._inline.update({(item.name, name): document for name, document in inline.items()})
                self._roles[item.name] = item.role

    @needs("iam:GetAccountAuthorizationDetails", Iam.find_roles)
    def find_roles(self, names: Sequence[str]) -> Iterator[tuple[str, Role | PodidError | None]]:
        self._list_if_many(names, self._roles)
        return _kept_first(names, self._roles, super().find_roles)

    @needs(Iam.list_roles)
    def list_roles(self) -> tuple[Role, ...]:
        if not isinstance(self._answer, tuple):
            return super().list_roles()
        return tuple(sorted((item.role for item in self._answer if item.role is not None), key=lambda role: role.name))

    @needs("iam:GetAccountAuthorizationDetails", Iam.get_names_of_policies)
    def get_names_of_policies(self, names: Sequence[str]) -> Iterator[tuple[str, PolicyNames | PodidError]]:
        self._list_if_many(names, self._names)
        return _kept_first(names, self._names, super().get_names_of_policies)

    @needs(Iam.get_inline_documents)
    def get_inline_documents(
        self, policies: Sequence[tuple[str, str]]
    ) -> Iterator[tuple[tuple[str, str], Document | PodidError | None]]:
        return _kept_first(policies, self._inline, super().get_inline_documents)

    @needs(Iam.get_managed_documents)
    def get_managed_documents(self, arns: Sequence[str]) -> Iterator[tuple[str, Document | PodidError]]:
        return _kept_first(arns, self._managed, super().get_managed_documents)


def _kept_first(
    keys: Sequence[K], kept: dict[K, V], read: Callable[[Sequence[K]], Iterator[tuple[K, V | PodidError]]]
) -> Iterator[tuple[K, V | PodidError]]:
    """Yield the kept values, then those that `read` returns. Values are kept, errors are not."""
    others = [key for key in keys if key not in kept]
    yield from ((key, kept[key]) for key in keys if key in kept)
    if not others:
        return
    for key, answer in read(others):
        if not isinstance(answer, PodidError):
            kept[key] = answer
        yield key, answer
