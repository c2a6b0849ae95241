"""What decides on which node a pod may run, as plain values; `podid.domain.placement` decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Taint:
    key: str
    value: str = ""
    effect: str = ""

    def __str__(self) -> str:
        return f"{self.key}{f'={self.value}' if self.value else ''}:{self.effect}"


@dataclass(frozen=True, slots=True)
class Toleration:
    """`operator` is Exists or Equal; an empty key with Exists tolerates every key, an empty effect every effect."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of a node affinity. `operator` is Kubernetes' word: In, NotIn, Exists, DoesNotExist, Gt, Lt; `of_name`
    for one that is about the node's name instead of a label."""

    key: str
    operator: str
    values: tuple[str, ...] = ()
    of_name: bool = False


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a pod may go: every pair of the selector, any of the affinity's `terms` with all of its requirements, and
    no taint that is not tolerated. `terms` None is no affinity."""

    selector: Mapping[str, str] = field(default_factory=dict)
    terms: tuple[tuple[Requirement, ...], ...] | None = None
    tolerations: tuple[Toleration, ...] = ()
