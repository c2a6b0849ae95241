"""One round of `podid reconcile`: the difference between files and clusters, and the changes that it made."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from podid.domain.errors import ExitCode
from podid.domain.members import HIDDEN, OR_NULL, About, kind


class RoundState(StrEnum):
    """in-sync: nothing to change; drift: changes are pending; applied: they were made; partial: some of them were made,
    or something could not be read or is in conflict; failed: the round has no result; standby: another process holds
    the Lease."""

    IN_SYNC = "in-sync"
    DRIFT = "drift"
    APPLIED = "applied"
    PARTIAL = "partial"
    FAILED = "failed"
    STANDBY = "standby"


@kind("Reconciliation", "`podid reconcile`: one line for each round.")
@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """The counts are of all clusters together."""

    at: Annotated[datetime, About("Start of the round.")]
    state: RoundState
    clusters: Annotated[tuple[str, ...], About("The clusters of the files.")] = ()
    changes: Annotated[int, About("Number of pending changes, or of those that were made.")] = 0
    unchanged: Annotated[int, About("Number of declared resources without a change.")] = 0
    conflicts: Annotated[int, About("Number of resources that another file or tool owns.")] = 0
    not_read: Annotated[int, About("Number of resources that could not be read.")] = 0
    refused: Annotated[int, About("Number of service accounts whose annotations are ignored.")] = 0
    seconds: Annotated[float, About("Duration of the round.")] = 0.0
    error: Annotated[str, OR_NULL, About("The reason, if the round failed or is partial; the first of several.")] = ""
    # of the error
    code: Annotated[ExitCode, HIDDEN] = ExitCode.FAILURE

    @property
    def failed(self) -> bool:
        """Return whether to start the next round early, because a retry may succeed."""
        return self.state in (RoundState.FAILED, RoundState.PARTIAL)

    @property
    def exit_code(self) -> ExitCode:
        """Return the exit code of a single round: as that of a plan, or of the changes."""
        codes = {
            RoundState.DRIFT: ExitCode.ATTENTION,
            RoundState.PARTIAL: ExitCode.PARTIAL,
            RoundState.FAILED: self.code,
        }
        if self.conflicts:
            return ExitCode.CONFLICT
        if self.refused:
            return ExitCode.PARTIAL
        return ExitCode.UNDETERMINED if self.not_read else codes.get(self.state, ExitCode.OK)
