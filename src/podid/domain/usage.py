"""The use of permissions, as IAM reports it for a role: "last accessed information".

IAM reports attempts, denied ones included, of the last 400 days, about four hours late. A service's time covers all of
its actions. Single actions are reported only for tracked actions, which are management actions of some services.
IAM User Guide, "Refine permissions in AWS using last accessed information".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from podid.domain.iam import matches
from podid.domain.wildcards import overlap

TRACKING = timedelta(days=400)
LATE = timedelta(hours=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessedAction:
    """A tracked action, without its service. `last` is None if it was not used in the tracking period."""

    name: str
    last: datetime | None = None
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessedService:
    """A service that the role's policies allow, by its prefix in IAM actions."""

    name: str
    last: datetime | None = None
    region: str = ""
    actions: tuple[AccessedAction, ...] = ()

    def used(self, since: datetime) -> bool:
        return self.last is not None and self.last >= since

    def tracked(self, patterns: Iterable[str]) -> tuple[AccessedAction, ...]:
        """Return the tracked actions that any of the patterns (SERVICE:ACTION) covers."""
        texts = tuple(pattern.lower() for pattern in patterns)
        return tuple(
            item for item in self.actions if any(matches(text, f"{self.name}:{item.name}".lower()) for text in texts)
        )


Usage = Mapping[str, AccessedService]


def service_of(action: str) -> str:
    """Return the service of an action pattern in lower case; `*` for a pattern of several services."""
    service, colon, _ = action.lower().partition(":")
    return service if colon and "*" not in service and "?" not in service else "*"


def patterns_of(service: str, actions: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns that are about actions of this service only."""
    return tuple(action for action in actions if service_of(action) == service)


def of_several(service: str, actions: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns that cover actions of this service and of others."""
    return tuple(a for a in actions if service_of(a) == "*" and overlap(a.lower(), f"{service}:*"))
