"""IAM for readings of many roles: one list of the account instead of several calls for each role."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

from podid.aws.api import Api
from podid.aws.iam import Iam
from podid.aws.principals import Detail
from podid.domain.aws import Role
from podid.domain.errors import PodidError
from podid.domain.iam import PolicyNames
from podid.domain.permissions import needs

K = TypeVar("K")
T = TypeVar("T")
V = TypeVar("V")
Document = Mapping[str, object]
MANY_ROLES = 50


@dataclass(frozen=True, slots=True)
class _Listed:
    """The roles and policies of the account, as the bulk reads of `Iam` return them."""

    roles: Mapping[str, Role] = field(default_factory=dict)
    names: Mapping[str, PolicyNames] = field(default_factory=dict)
    inline: Mapping[tuple[str, str], Document] = field(default_factory=dict)
    managed: Mapping[str, Document] = field(default_factory=dict)

    @classmethod
    def of(cls, details: Sequence[Detail]) -> "_Listed":
        roles = [item for item in details if item.kind == "role"]
        return cls(
            {item.name: item.role for item in roles if item.role is not None},
            {item.name: _policy_names(item) for item in roles},
            {(item.name, policy.name): policy.document for item in roles for policy in item.inline},
            {item.name: item.inline[0].document for item in details if item.kind == "policy"},
        )


def _policy_names(item: Detail) -> PolicyNames:
    return PolicyNames(tuple(sorted(item.attached)), tuple(sorted(policy.name for policy in item.inline)))


class ListingIam(Iam):
    """Reads the account's list once when many roles are read. Without permission for the list, and for items that it
    does not contain, it reads each by itself. It is for one reading: it does not notice later changes. The listed roles
    have no description and no session duration."""

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self._lock = Lock()
        self._answer: tuple[Detail, ...] | PodidError | None = None
        self._listed = _Listed()

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

    def _of_many(self, names: Sequence[str]) -> _Listed:
        """Return the account's items if so many roles are read now, or were before."""
        if len(names) >= MANY_ROLES and not self._listed.roles:
            with suppress(PodidError):
                self._listed = _Listed.of(self._list_details())
        return self._listed

    @needs("iam:GetAccountAuthorizationDetails", Iam.find_roles)
    def find_roles(self, names: Sequence[str]) -> Iterator[tuple[str, Role | PodidError | None]]:
        return _listed_first(names, self._of_many(names).roles, super().find_roles)

    @needs("iam:GetAccountAuthorizationDetails", Iam.get_names_of_policies)
    def get_names_of_policies(self, names: Sequence[str]) -> Iterator[tuple[str, PolicyNames | PodidError]]:
        return _listed_first(names, self._of_many(names).names, super().get_names_of_policies)

    @needs(Iam.get_inline_documents)
    def get_inline_documents(
        self, policies: Sequence[tuple[str, str]]
    ) -> Iterator[tuple[tuple[str, str], Document | PodidError | None]]:
        return _listed_first(policies, self._listed.inline, super().get_inline_documents)

    @needs(Iam.get_managed_documents)
    def get_managed_documents(self, arns: Sequence[str]) -> Iterator[tuple[str, Document | PodidError]]:
        return _listed_first(arns, self._listed.managed, super().get_managed_documents)


def _listed_first(
    keys: Sequence[K], listed: Mapping[K, V], read: Callable[[Sequence[K]], Iterator[tuple[K, T]]]
) -> Iterator[tuple[K, V | T]]:
    yield from ((key, listed[key]) for key in keys if key in listed)
    others = [key for key in keys if key not in listed]
    if others:
        yield from read(others)
