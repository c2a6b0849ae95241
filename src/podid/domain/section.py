"""One part of a snapshot: known, or missing with the permission (or the reason) that stood in the way. And what reading
it may cost: whom is asked, and what is done for it.
"""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Flag, auto
from pathlib import Path
from typing import Annotated, Generic, TypeVar

from podid.domain.errors import AccessDenied, PodidError, Unavailable
from podid.domain.members import HIDDEN, OR_NULL, About, schema_name


class Cost(Flag):
    """AWS and KUBERNETES are lists and descriptions. DRY_RUN posts pods with dryRun=All, of which none is made. TOKEN
    redeems tokens of pods and PROBE runs pods of podid's own, both with consent. TRAIL is CloudTrail, two calls a
    second; LOGS are those of the agents."""

    AWS = auto()
    KUBERNETES = auto()
    DRY_RUN = auto()
    TOKEN = auto()
    PROBE = auto()
    TRAIL = auto()
    LOGS = auto()


FREE = Cost(0)
READS = Cost.AWS | Cost.KUBERNETES
# read only where it is asked for by name
EVIDENCE = ~READS
# made of one service account after another
TRIALS = Cost.DRY_RUN | Cost.TOKEN | Cost.PROBE
K = TypeVar("K")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    value: T


@schema_name("NotLookedAtBody")
@dataclass(frozen=True, slots=True)
class Missing:
    """`permission` is what the caller lacks ("iam:GetRole", "list nodes"), empty when it was not a matter of rights.
    `error_code` is the PodidError's code: AccessDenied, Unavailable, NotFound…"""

    reason: str
    permission: Annotated[str, OR_NULL, About("What the caller lacks, where it is a matter of rights.")] = ""
    error_code: Annotated[str, HIDDEN] = ""


Section = Known[T] | Missing

# the code of what nobody asked for, so that it was not read
UNASKED = "NotRead"
NOT_READ = Missing("not read: no selected check needs it", error_code=UNASKED)

INTERNAL = "INTERNAL"


def missing(error: PodidError) -> Missing:
    return Missing(error.message, error.permission, error.code)


def error_of(missing: Missing) -> PodidError:
    """What stood in the way, where there is no result without it."""
    kind = AccessDenied if missing.permission else Unavailable
    return kind(missing.reason, permission=missing.permission)


def section_of(answer: T | PodidError) -> Section[T]:
    """What was found, or the error in its place."""
    return missing(answer) if isinstance(answer, PodidError) else Known(answer)


def attempt(read: Callable[[], T]) -> Section[T]:
    """What `read` returns, or why it could not."""
    try:
        return Known(read())
    except PodidError as error:
        return missing(error)


def crashed(error: Exception) -> Missing:
    """A bug in podid stood in the way. Type and place only: the message of an exception may quote what was read."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
    return Missing(f"{INTERNAL}: {where}; this is a bug in podid", error_code=INTERNAL)


def part(section: Section[Mapping[K, Section[T]]], key: K) -> Section[T]:
    """What a section has under the key: NOT_READ where it has nothing, what stood in the way where it is missing."""
    return section if isinstance(section, Missing) else section.value.get(key, NOT_READ)


def known(section: Section[T]) -> T:
    """The value of a section that a check declared among its needs; LookupError when it is missing after all."""
    if isinstance(section, Missing):
        raise LookupError(f"section was read without being declared: {section.reason}")
    return section.value


def known_or(section: Section[T], default: T) -> T:
    """The value, or `default` where a missing section changes nothing in the answer but its detail."""
    return section.value if isinstance(section, Known) else default
