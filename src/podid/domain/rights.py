"""What an operation needs to be allowed: IAM actions, and Kubernetes verbs on resources.

A gateway's method carries its own rights (`@needs(...)`); what a command needs is the sum over the operations that it
may call, so that `--show-permissions` cannot drift from the calls.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, order=True)
class KubeRight:
    """One verb on one resource, as RBAC names them: `KubeRight("apps", "deployments", "patch")`."""

    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"

    @property
    def namespaced(self) -> bool:
        """Whether it belongs in a Role rather than a ClusterRole: all that changes something, or mints a token."""
        return self.verb not in ("get", "list", "watch")


@dataclass(frozen=True, slots=True)
class Rights:
    """IAM actions and Kubernetes rights, each once, sorted."""

    iam: tuple[str, ...] = ()
    kubernetes: tuple[KubeRight, ...] = ()

    def __or__(self, other: "Rights") -> "Rights":
        return Rights(tuple(sorted({*self.iam, *other.iam})), tuple(sorted({*self.kubernetes, *other.kubernetes})))

    def __bool__(self) -> bool:
        return bool(self.iam or self.kubernetes)


Need = str | KubeRight | Callable[..., Any]


def needs(*rights: Need) -> Callable[[F], F]:
    """Marks a gateway's method with what it calls: `"eks:DescribeCluster"`, `KubeRight("", "pods", "list")`, or another
    method, for all that this one needs. It is the most that the method can need, whatever its arguments; nothing for
    a call that everybody may make."""

    def mark(method: F) -> F:
        method.__rights__ = rights_of(rights)  # type: ignore[attr-defined]
        return method

    return mark


def rights_of(operations: Iterable[Need]) -> Rights:
    """The sum over the operations; AttributeError for one that is not marked."""
    total = Rights()
    for operation in operations:
        if isinstance(operation, str):
            total |= Rights(iam=(operation,))
        elif isinstance(operation, KubeRight):
            total |= Rights(kubernetes=(operation,))
        else:
            total |= operation.__rights__  # type: ignore[attr-defined]
    return total


@dataclass(frozen=True, slots=True)
class OptionalRight:
    """Rights that only one flag or one closer look needs, or that can be abused: never granted by default."""

    rights: Rights
    reason: str

    @classmethod
    def of(cls, reason: str, *operations: Need) -> "OptionalRight":
        return cls(rights_of(operations), reason)


@dataclass(frozen=True, slots=True)
class CommandRights:
    """What a command needs in every case, and what some of its ways need on top."""

    always: Rights = Rights()
    optional: tuple[OptionalRight, ...] = ()

    @classmethod
    def of(cls, *operations: Need, optional: tuple[OptionalRight, ...] = ()) -> "CommandRights":
        return cls(rights_of(operations), optional)


@dataclass(frozen=True, slots=True)
class AccessReview:
    """What the API server says of a right of the caller's own; `allowed` is None where it could not tell."""

    allowed: bool | None
    reason: str = ""
