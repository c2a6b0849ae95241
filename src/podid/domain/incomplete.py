"""The parts of files that a plan does not contain: those that could not be read, and annotations that podid ignores."""

from dataclasses import dataclass
from typing import Annotated

from podid.domain.errors import PodidError
from podid.domain.members import FLAT, HIDDEN, About, MissingPermission, members
from podid.domain.names import ServiceAccountRef


@members("target reason permission")
@dataclass(frozen=True, slots=True)
class NotRead:
    """A part of the state that could not be read, so that its declaration was not compared. `declared` is whether a
    file declares it, `decisive` whether the plan of other resources depends on it."""

    target: Annotated[str, About("The part that could not be read.")]
    error: Annotated[PodidError, HIDDEN]
    declared: Annotated[bool, HIDDEN] = True
    decisive: Annotated[bool, HIDDEN] = False
    # by default the message of the error
    reason: str = ""

    def __post_init__(self) -> None:
        if not self.reason:
            object.__setattr__(self, "reason", self.error.message)

    @property
    def permission(self) -> MissingPermission:
        return self.error.permission

    @property
    def sentence(self) -> str:
        return f"{self.target} could not be read: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAccount:
    """A service account whose annotations podid ignores."""

    ref: Annotated[ServiceAccountRef, FLAT]
    reason: str

    @property
    def sentence(self) -> str:
        return f"service account {self.ref}: its annotations are ignored: {self.reason}"
