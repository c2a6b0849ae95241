"""What sections of a snapshot are read from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from podid.calls import pacing
from podid.domain.aws import Association, Cluster, described
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Missing, Section, known_or

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader
    from podid.ops.change.journal import Journal
    from podid.ops.clients import Clients


class InNamespace(Protocol):
    @property
    def namespace(self) -> str: ...


Placed = TypeVar("Placed", bound=InNamespace)


class Gap(Exception):
    """Ends the reading of a section that cannot do without another, which is missing."""

    def __init__(self, missing: Missing) -> None:
        self.missing = missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a section is read from. `namespaces` are the only ones that are asked about; none for all of them.

    `previous` is the section as it was in the snapshot that is read again, or NOT_READ.
    `before` gives a section that the row says it needs or uses, once that is there; one that nobody asked for is
    NOT_READ. `only` are the service accounts that were named, where any were; `planned` are associations that are not
    there yet, and `by_name` is whether none is to be described. `journal` is podid's own, where there is one;
    `all_pods` is whether a token of each pod is redeemed.
    """

    clients: Clients
    cluster: Cluster
    namespaces: tuple[str, ...]
    only: tuple[ServiceAccountRef, ...]
    now: datetime
    journal: Journal | None
    all_pods: bool
    previous: Section[Any]
    before: Callable[[str], Section[Any]]
    planned: tuple[Association, ...] = ()
    by_name: bool = False

    def value(self, name: str) -> Any:
        """What `before` gives, where it is known; else Gap, which makes it missing here too."""
        section = self.before(name)
        if isinstance(section, Missing):
            raise Gap(section)
        return section.value

    def of_namespaces(self, read: Callable[[str], tuple[Placed, ...]]) -> tuple[Placed, ...]:
        """What `read` gives of the namespaces, or of all for an empty name; of the cluster's own things once."""
        first, *more = self.namespaces or ("",)
        if not more:
            return read(first)
        items_of = dict(pacing.fan_out(read, (first, *more), reads=True))
        others = (item for place in more for item in items_of[place] if item.namespace)
        return (*items_of[first], *others)

    @property
    def kube(self) -> KubeReader:
        """Raises the reason why there is no way into Kubernetes, if there is none."""
        return self.clients.kube.reader

    @property
    def named(self) -> tuple[Association, ...]:
        """The associations of the service accounts that were named; all of them where none was."""
        return tuple(a for a in self.associations if not self.only or a.ref in self.only)

    def some(self, most: int) -> tuple[Association, ...]:
        """Those that were named, however many; else the first ones."""
        return self.named if self.only else self.named[:most]

    @property
    def associations(self) -> tuple[Association, ...]:
        """For rows that need them, the planned ones too; without those that could not be read."""
        return (*described(known_or(self.before("associations"), ())), *self.planned)
