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


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What redeeming tokens of a service account's pods came to, or a pod of podid's own that runs as it. `id` is the
    failure mode, where it has one, and `problem` says what failed; empty where nothing did. `evidence` is what speaks
    for that failure mode. `unknown` is why it could not be told, and `idle` whether
    that is for want of pods, or of pods that are older than some seconds."""

    id: str = ""
    problem: str = ""
    evidence: tuple[str, ...] = ()
    unknown: str = ""
    idle: bool = False
    permission: str = ""
    said: str = ""
