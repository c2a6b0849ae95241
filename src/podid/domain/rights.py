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


@dataclass(frozen=True, slots=True)
class Rights:
    """IAM actions and Kubernetes rights, each once, sorted."""

    iam: tuple[str, ...] = ()
    kubernetes: tuple[KubeRight, ...] = ()

    def __or__(self, other: "Rights") -> "Rights":
        return Rights(tuple(sorted({*self.iam, *other.iam})), tuple(sorted({*self.kubernetes, *other.kubernetes})))

    def __bool__(self) -> bool:
        return bool(self.iam or self.kubernetes)


def needs(*rights: str | KubeRight) -> Callable[[F], F]:
    """Marks a gateway's method with what it calls: `"eks:DescribeCluster"`, `KubeRight("", "pods", "list")`."""

    def mark(method: F) -> F:
        method.__rights__ = Rights(  # type: ignore[attr-defined]
            tuple(sorted(item for item in rights if isinstance(item, str))),
            tuple(sorted(item for item in rights if isinstance(item, KubeRight))),
        )
        return method

    return mark


def rights_of(operations: Iterable[Callable[..., Any]]) -> Rights:
    """The sum over the operations; AttributeError for one that is not marked."""
    total = Rights()
    for operation in operations:
        total |= operation.__rights__  # type: ignore[attr-defined]
    return total
