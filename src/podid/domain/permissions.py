"""What an operation needs to be allowed: IAM actions, and Kubernetes verbs on resources.

A gateway's method carries its own rights (`@needs(...)`); what a command needs is the sum over the operations that it
may call, so that `--show-permissions` cannot drift from the calls.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, order=True)
class KubePermission:
    """One verb on one resource, as RBAC names them: `KubePermission("apps", "deployments", "patch")`."""

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
class Permissions:
    """IAM actions and Kubernetes rights, each once, sorted."""

    iam: tuple[str, ...] = ()
    kubernetes: tuple[KubePermission, ...] = ()

    def __or__(self, other: "Permissions") -> "Permissions":
        return Permissions(tuple(sorted({*self.iam, *other.iam})), tuple(sorted({*self.kubernetes, *other.kubernetes})))

    def __bool__(self) -> bool:
        return bool(self.iam or self.kubernetes)


Need = str | KubePermission | Callable[..., Any]


def needs(*permissions: Need) -> Callable[[F], F]:
    """Mark a gateway's method with the permissions that it may need, whatever its arguments: `"eks:DescribeCluster"`,
    `KubePermission("", "pods", "list")`, or another method, for all that it needs. A call that everybody may make has
    none."""

    def mark(method: F) -> F:
        method.__permissions__ = permissions_of(permissions)  # type: ignore[attr-defined]
        return method

    return mark


def permissions_of(operations: Iterable[Need]) -> Permissions:
    """The sum over the operations; AttributeError for one that is not marked."""
    total = Permissions()
    for operation in operations:
        if isinstance(operation, str):
            total |= Permissions(iam=(operation,))
        elif isinstance(operation, KubePermission):
            total |= Permissions(kubernetes=(operation,))
        else:
            total |= operation.__permissions__  # type: ignore[attr-defined]
    return total


@dataclass(frozen=True, slots=True)
class OptionalPermission:
    """Rights that only one flag or one closer look needs, or that can be abused: never granted by default."""

    permissions: Permissions
    reason: str

    @classmethod
    def of(cls, reason: str, *operations: Need) -> "OptionalPermission":
        return cls(permissions_of(operations), reason)


@dataclass(frozen=True, slots=True)
class CommandPermissions:
    """What a command needs in every case, and what some of its ways need on top."""

    always: Permissions = Permissions()
    optional: tuple[OptionalPermission, ...] = ()

    @classmethod
    def of(cls, *operations: Need, optional: tuple[OptionalPermission, ...] = ()) -> "CommandPermissions":
        return cls(permissions_of(operations), optional)


@dataclass(frozen=True, slots=True)
class AccessReview:
    """What the API server says of a right of the caller's own; `allowed` is None where it could not tell."""

    allowed: bool | None
    reason: str = ""
