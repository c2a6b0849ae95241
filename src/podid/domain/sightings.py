"""What was seen of a failure mode while it happened, as against what settings make of it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSighting:
    """One failure mode in the log of one agent, or in what CloudTrail has of its node. `accounts` are the service
    accounts ("ns/name") whose pods asked, where their addresses tell; `running` is whether the agent does its work all
    the same."""

    id: str
    node: str
    count: int
    sample: str
    accounts: tuple[str, ...] = ()
    last: datetime | None = None
    running: bool = True
