"""Repeat the comparison of files with clusters: drift only, or with changes. Of several processes, a Lease elects the
one that acts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from podid.domain.cluster import Lease
from podid.domain.declaration import Declaration, PolicyReference
from podid.domain.errors import AlreadyExists, Conflict, ExitCode, NotFound, PodidError
from podid.domain.fileplan import DriftedResource, FileChange, FilePlan
from podid.domain.members import HIDDEN, OR_NULL, About, kind
from podid.kube.reader import KubeReader
from podid.kube.writer import KubeWriter
from podid.local.servers import Metric, exposition
from podid.ops.change.kinds import kind_of
from podid.ops.declare.request import Ownership


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
    drift: Annotated[
        tuple[DriftedResource, ...],
        About(
            "The resources that differ from the files, with the values of their fields; those that were changed, too."
        ),
    ] = ()
    notes: Annotated[tuple[str, ...], About("Notes of the plans, conflicts, unread parts and refusals.")] = ()
    seconds: Annotated[float, About("Duration of the round.")] = 0.0
    error: Annotated[str, OR_NULL, About("The reason, if the round failed or is partial; the first of several.")] = ""
    # all of them, for the line
    reasons: Annotated[tuple[str, ...], HIDDEN] = ()
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


@dataclass(slots=True, kw_only=True)
class Election:
    """The candidacy of one process, with the name `holder`, for a Lease of `seconds`. `monotonic` measures how long a
    Lease of another process did not change, and `now` is written to it."""

    reader: KubeReader
    writer: KubeWriter
    namespace: str
    name: str
    holder: str
    seconds: int
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    _held: Lease | None = None
    _seen: Lease | None = None
    _since: float = field(default=0.0)

    def leads(self) -> bool:
        """Return whether this process holds the Lease now; take or renew it if possible. Raise PodidError if the Lease
        could not be read or written."""
        lease = self.reader.find_lease(self.namespace, self.name)
        if lease is not None and lease.holder not in ("", self.holder) and not self._expired(lease):
            self._held = None
            return False
        try:
            self._held = self._write(self.holder, lease)
        except (AlreadyExists, Conflict, NotFound):
            self._held = None
            return False
        return True

    def release(self) -> None:
        """Release the Lease if this process holds it. After a failure the Lease expires later."""
        if self._held is None:
            return
        held, self._held = self._held, None
        try:
            self._write("", held)
        except PodidError:
            return

    def _write(self, holder: str, before: Lease | None) -> Lease:
        return self.writer.hold_lease(
            self.namespace, self.name, holder, seconds=self.seconds, at=self.now(), before=before
        )

    def _expired(self, lease: Lease) -> bool:
        if lease != self._seen:
            self._seen, self._since = lease, self.monotonic()
            return False
        return self.monotonic() - self._since >= lease.seconds


# the first retry after a failed round; each further one waits twice as long, up to the interval
FIRST_RETRY_SECONDS = 10.0
# a Lease that its holder does not renew is free after this time: longer than a round, during which it is not renewed
LEASE_SECONDS = 900
RENEW_SECONDS = 10.0


@dataclass(slots=True, kw_only=True)
class Reconciler:
    """`compare` carries out a round. Without an `election` this process is the only one."""

    compare: Callable[[], Reconciliation]
    interval: float
    election: Election | None
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], object]
    _failures: int = 0
    # rounds without a result, in succession: a conflict is no failure of this process
    _broken: int = 0
    _last: Reconciliation | None = None
    _succeeded_at: datetime | None = None
    _counts: Counter[str] = field(default_factory=Counter)
    _leading: bool = False

    def rounds(self) -> Iterator[Reconciliation]:
        """Yield each round, without an end; as a standby only one line until that changes."""
        standby = False
        while True:
            failure = self._elect()
            if self._leading:
                standby = False
                yield self._round()
            elif failure is not None:
                yield self._noted(_failed(self.now(), failure))
            elif not standby:
                standby = True
                yield self._noted(Reconciliation(at=self.now(), state=RoundState.STANDBY))
            self._wait(self.pause if self._leading or failure is not None else RENEW_SECONDS)

    @property
    def pause(self) -> float:
        if not self._failures:
            return self.interval
        return min(FIRST_RETRY_SECONDS * 2.0 ** (self._failures - 1), self.interval)

    def _round(self) -> Reconciliation:
        started, at = self.monotonic(), self.now()
        try:
            return self._noted(self.compare())
        except PodidError as error:
            return self._noted(_failed(at, error, self.monotonic() - started))

    def _noted(self, done: Reconciliation) -> Reconciliation:
        self._last = done
        self._counts[done.state] += 1
        self._failures = self._failures + 1 if done.failed else 0
        self._broken = self._broken + 1 if done.state is RoundState.FAILED else 0
        if not done.failed and done.state is not RoundState.STANDBY:
            self._succeeded_at = done.at
        return done

    def _elect(self) -> PodidError | None:
        """Take or renew the Lease; return the error if that failed."""
        try:
            self._leading = self.election is None or self.election.leads()
        except PodidError as error:
            self._leading = False
            return error
        return None

    def _wait(self, seconds: float) -> None:
        """Sleep, and renew the Lease meanwhile; return early if it is lost."""
        until, leads = self.monotonic() + seconds, self._leading
        while (remaining := until - self.monotonic()) > 0:
            self.sleep(min(remaining, RENEW_SECONDS) if self.election is not None else remaining)
            if leads and self.election is not None and self.monotonic() < until:
                self._elect()
                if not self._leading:
                    return

    # --- telemetry ----------------------------------------------------------------------------------------------------

    @property
    def healthy(self) -> bool:
        """Return whether fewer than three rounds in succession have failed."""
        return self._broken < 3

    def metrics(self) -> str:
        """Return the metrics of the last round, and the number of rounds so far."""
        last = self._last or Reconciliation(at=self.now(), state=RoundState.STANDBY)
        succeeded = self._succeeded_at.timestamp() if self._succeeded_at else 0.0
        gauges = {
            "leader": ("1 if this process holds the Lease.", float(self._leading)),
            "changes": ("Changes of the last round.", float(last.changes)),
            "conflicts": ("Conflicts of the last round.", float(last.conflicts)),
            "not_read": ("Resources that the last round could not read.", float(last.not_read)),
            "refused": ("Service accounts whose annotations are ignored.", float(last.refused)),
            "duration_seconds": ("Duration of the last round.", last.seconds),
            "last_success_timestamp_seconds": ("Start of the last successful round.", succeeded),
        }
        rounds = {state.value: float(self._counts[state]) for state in RoundState}
        return exposition(
            (
                Metric("podid_reconcile_rounds_total", "counter", "Rounds by state.", rounds, "state"),
                *(Metric(f"podid_reconcile_{name}", "gauge", words, {"": n}) for name, (words, n) in gauges.items()),
            )
        )


# the changes were made, whether or not the identities work yet: podid doctor and podid status report that
_MADE = {ExitCode.OK, ExitCode.ATTENTION, ExitCode.UNAVAILABLE, ExitCode.UNDETERMINED}


def can_apply(plans: Sequence[FilePlan]) -> bool:
    """Return whether the plans have changes, and neither a conflict nor an unread resource prevents them."""
    prevented = any(plan.conflicts or any(item.decisive for item in plan.unread) for plan in plans)
    return not prevented and any(plan.plan.actions for plan in plans)


def reconciled(plans: Sequence[FilePlan], codes: Collection[ExitCode], at: datetime, seconds: float) -> Reconciliation:
    """Return the round of these plans. `codes` are the exit codes of its changes; none without changes."""
    conflicts = sum(len(plan.conflicts) for plan in plans)
    not_read = sum(len(plan.unread) for plan in plans)
    changes = sum(len(plan.plan.actions) for plan in plans)
    if codes:
        state = RoundState.APPLIED if _MADE.issuperset(codes) else RoundState.PARTIAL
    elif conflicts or not_read:
        state = RoundState.PARTIAL
    else:
        state = RoundState.DRIFT if changes else RoundState.IN_SYNC
    refused = [account.sentence for plan in plans for account in plan.refused]
    reasons = [*(sentence for plan in plans for sentence in plan.obstacles), *refused]
    return Reconciliation(
        at=at,
        state=state,
        clusters=tuple(plan.header.cluster for plan in plans),
        drift=tuple(drifted for plan in plans for drifted in _drift(plan)),
        notes=tuple(dict.fromkeys((*(note for plan in plans for note in plan.notes), *reasons))),
        changes=changes,
        unchanged=sum(plan.unchanged for plan in plans),
        conflicts=conflicts,
        not_read=not_read,
        refused=len(refused),
        error=reasons[0] if reasons else "",
        reasons=tuple(dict.fromkeys(reasons)),
        seconds=round(seconds, 3),
    )


def _drift(plan: FilePlan) -> Iterator[DriftedResource]:
    for action in plan.plan.actions:
        subject, change = kind_of(action.kind).subject(action), FileChange.of(action)
        yield DriftedResource(cluster=plan.header.cluster, subject=subject, change=change)


def _failed(at: datetime, error: PodidError, seconds: float = 0.0) -> Reconciliation:
    return Reconciliation(
        at=at, state=RoundState.FAILED, error=error.message, code=error.exit_code, seconds=round(seconds, 3)
    )


def requires(declarations: Sequence[Declaration], ownership: Ownership, reason: str) -> bool:
    """Return whether the files and options need the optional permissions of this reason. Names that podid only suggests
    need none."""
    policies = (policy for item in declarations for role in item.roles for policy in role.policies)
    associations = [item for declaration in declarations for item in declaration.associations]
    creates = any(item.create_service_account for item in associations)
    needed = {
        "--prune": ownership.prune,
        "naming roles": False,
        "validating policies": not all(isinstance(policy, PolicyReference) for policy in policies),
        # service accounts are listed
        "patterns, selectors": creates or ownership.from_annotations or any(item.ref is None for item in associations),
        "createServiceAccount": creates,
        "agent": any(item.agent is not None for item in declarations),
        "clusters by tags": any(choice.tags for item in declarations for choice in item.clusters),
        "removing statements": any(item.roles for item in declarations),
        "--target-role": ownership.update_trust and any(item.target_role for item in associations),
    }
    return next((value for words, value in needed.items() if reason.startswith(words)), True)
