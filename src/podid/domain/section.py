"""One part of a snapshot: known, or missing with the missing permission or another reason. And the cost of reading it:
the services and actions that it requires.
"""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Flag, auto
from pathlib import Path
from typing import Annotated, Generic, TypeVar

from podid.domain.errors import AccessDenied, CredentialsError, PodidError, Unavailable
from podid.domain.members import HIDDEN, OR_NULL, About, MissingPermission, schema_name


class Cost(Flag):
    """AWS and KUBERNETES read lists and descriptions. DRY_RUN posts pods with dryRun=All, which creates none. TOKEN
    redeems tokens of pods, PROBE runs probe pods, and METADATA runs probe pods that use the metadata service of their
    node, all with consent. TRAIL reads CloudTrail, at two calls a second.
    LOGS reads the agents' logs, SECRETS the Secrets of the cluster."""

    AWS = auto()
    KUBERNETES = auto()
    DRY_RUN = auto()
    TOKEN = auto()
    PROBE = auto()
    TRAIL = auto()
    LOGS = auto()
    SECRETS = auto()
    METADATA = auto()


FREE = Cost(0)
READS = Cost.AWS | Cost.KUBERNETES
# read on request only
EVIDENCE = ~READS
# done for one service account after another
TRIALS = Cost.DRY_RUN | Cost.TOKEN | Cost.PROBE
K = TypeVar("K")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    value: T


@schema_name("NotLookedAtBody")
@dataclass(frozen=True, slots=True)
class Missing:
    """`permission` is the missing permission ("iam:GetRole", "list nodes"), empty for another reason. `error_code` is
    the PodidError's code: AccessDenied, Unavailable, NotFound… `advice` and `hint` are those of the error, if the hint
    is a command of another program."""

    reason: str
    permission: Annotated[str, OR_NULL, About("The permission that the caller lacks, if that is the reason.")] = ""
    error_code: Annotated[str, HIDDEN] = ""
    advice: Annotated[str, HIDDEN] = field(default="", compare=False)
    hint: Annotated[tuple[str, ...], HIDDEN] = field(default=(), compare=False)


Section = Known[T] | Missing

# the code of a section that was not requested
UNASKED = "NotRead"
NOT_READ = Missing("not read: no selected check requires it", error_code=UNASKED)

INTERNAL = "INTERNAL"


def missing(error: PodidError) -> Missing:
    hint = error.hint if isinstance(error.hint, tuple) else ()
    return Missing(error.message, error.permission, error.code, error.advice, hint)


def error_of(missing: Missing) -> PodidError:
    """Return the error for a result that requires the missing section."""
    kind = AccessDenied if missing.permission else Unavailable
    if missing.error_code == CredentialsError.code:
        kind = CredentialsError
    return kind(missing.reason, permission=missing.permission, advice=missing.advice, hint=missing.hint)


def section_of(answer: T | PodidError) -> Section[T]:
    return missing(answer) if isinstance(answer, PodidError) else Known(answer)


def attempt(read: Callable[[], T]) -> Section[T]:
    """Return the result of `read` as known, or its error as missing."""
    try:
        return Known(read())
    except PodidError as error:
        return missing(error)


def crashed(error: Exception) -> Missing:
    """Return the section for a bug in podid. It has only type and place: the message of an exception may quote data."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
    return Missing(f"{INTERNAL}: {where}; this is a bug in podid", error_code=INTERNAL)


def part(section: Section[Mapping[K, Section[T]]], key: K) -> Section[T]:
    """Return the value of a section under the key: NOT_READ without one, and the reason if the section is missing."""
    return section if isinstance(section, Missing) else section.value.get(key, NOT_READ)


def whole(section: Section[Mapping[K, Section[T]]]) -> Section[dict[K, T]]:
    """Return the values if all of them are known, otherwise the first reason."""
    if isinstance(section, Missing):
        return section
    missing = next((value for value in section.value.values() if isinstance(value, Missing)), None)
    if missing is not None:
        return missing
    return Known({key: value.value for key, value in section.value.items() if isinstance(value, Known)})


def required(section: Section[T]) -> T:
    """Return the value of a section that a result requires. Raise the error that prevented reading it."""
    if isinstance(section, Missing):
        raise error_of(section)
    return section.value


def known(section: Section[T]) -> T:
    """Return the value of a section that a check requires. Raise LookupError if it is missing."""
    if isinstance(section, Missing):
        raise LookupError(f"section was read without being declared: {section.reason}")
    return section.value


def known_or(section: Section[T], default: T) -> T:
    """Return the value, or `default` if the section is missing: for data that only adds detail to an answer."""
    return section.value if isinstance(section, Known) else default


@dataclass(frozen=True, slots=True)
class Unread:
    """A part that could not be read. `permission` is the missing permission, empty for another cause. `disabled` marks
    regions that the account has not enabled, or that its organization denies. A `detail` cannot make the answer
    wrong."""

    what: Annotated[str, About("The part that could not be read.")]
    reason: str
    permission: MissingPermission = ""
    disabled: Annotated[bool, HIDDEN] = False
    detail: Annotated[bool, HIDDEN] = False

    @classmethod
    def of(cls, part: str, error: PodidError | Missing, *, detail: bool = False) -> "Unread":
        reason = error.reason if isinstance(error, Missing) else error.message
        return cls(part, reason, error.permission, detail=detail)

    @property
    def decisive(self) -> bool:
        """Return whether the answer may be wrong without the part."""
        return not (self.disabled or self.detail)

    def __str__(self) -> str:
        return f"{self.what}: requires {self.permission}" if self.permission else f"{self.what}: {self.reason}"
