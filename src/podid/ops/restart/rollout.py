"""Replacing the pods of service accounts, so that new ones are given credentials (or, after a removal, no longer are).

The webhook acts only when a pod is created, so a running pod keeps what it was born with. A restart is the patch of
`kubectl rollout restart`: the controller replaces the pods by its own strategy, disruption budgets and autoscalers stay
in charge, and nothing is deleted by podid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from podid.domain.errors import PodidError, Unavailable
from podid.domain.exit_codes import ExitCode
from podid.domain.plan import Status
from podid.ops.association.effect import missing_containers
from podid.ops.restart.targets import Commands, Target, find_targets, group

__all__ = ["Outcome", "RestartReport", "Target", "find_targets", "restart"]

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader
    from podid.kube.rollout import Rollout
    from podid.kube.writer import KubeWriter

MOST_RESTARTS = 3
PARALLEL = 10
SECONDS_BETWEEN_LOOKS = 2.0
# pods that a restart missed were created before every API server knew; the next try comes a little later
SECONDS_BEFORE_AGAIN = 5.0
MOST_TROUBLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a target. `restarts` counts the patches: 0 when a rollout that was under way did it. For a failed
    one `error_code` is the PodidError's (AccessDenied, TimedOut…), RolloutFailed or StillNotInjected."""

    target: Target
    status: Status
    message: str
    restarts: int = 0
    error_code: str = ""
    permission: str = ""


@dataclass(frozen=True, slots=True)
class RestartReport:
    """One outcome per target, in the order of the targets. Empty: nothing was stale."""

    outcomes: tuple[Outcome, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        bad = [o for o in self.outcomes if o.status in (Status.FAILED, Status.BLOCKED)]
        if not bad:
            return ExitCode.OK
        if len(bad) < len(self.outcomes):
            return ExitCode.PARTIAL
        codes = {_EXIT_CODES.get(o.error_code, ExitCode.FAILURE) for o in bad if o.status is Status.FAILED}
        return max(codes, default=ExitCode.CONFLICT)


_EXIT_CODES: Mapping[str, ExitCode] = {
    "AccessDenied": ExitCode.DENIED,
    "Credentials": ExitCode.DENIED,
    "NotFound": ExitCode.NOT_FOUND,
    "Conflict": ExitCode.CONFLICT,
    "Unavailable": ExitCode.UNAVAILABLE,
    "Throttled": ExitCode.UNAVAILABLE,
    "TimedOut": ExitCode.UNAVAILABLE,
    "StillNotInjected": ExitCode.UNAVAILABLE,
}


def restart(
    reader: KubeReader,
    writer: KubeWriter,
    targets: Iterable[Target],
    *,
    expect_injected: bool = True,
    timeout: float,
    now: Callable[[], datetime],
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
    progress: Callable[[str], None],
) -> RestartReport:
    """Restarts the targets, at most ten at a time, and waits for their rollouts, at most `timeout` seconds in all.

    With `expect_injected` a rollout that left pods without the injected fields is repeated at most twice. A rollout
    that is under way already is waited for, not started again. Failures are in the report, not raised.
    """
    runs = [_Run(target) for target in targets]
    deadline = monotonic() + timeout
    clock = _Clock(now, monotonic, deadline)
    worker = _Worker(reader, writer, clock, expect_injected=expect_injected)
    while open_runs := [run for run in runs if run.outcome is None]:
        for run in open_runs[:PARALLEL]:
            if run.next_at <= monotonic():
                worker.step(run)
                progress(f"{run.target.workload}: {run.outcome.message if run.outcome else run.state}")
        active = [run for run in open_runs if run.outcome is None][:PARALLEL]
        if not active:
            continue
        if monotonic() >= deadline:
            for run in runs:
                if run.outcome is None:
                    run.fail("TimedOut", f"not rolled out within {timeout:g} s: {run.state}")
            break
        wake = min(run.next_at for run in active)
        sleep(max(min(wake, deadline) - monotonic(), 0.05))
    return RestartReport(tuple(run.outcome for run in runs if run.outcome is not None))


@dataclass(slots=True)
class _Clock:
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    deadline: float


@dataclass(slots=True)
class _Run:
    """One target on its way."""

    target: Target
    state: str = "not started"
    begun: bool = False
    patch_next: bool = False
    sent: bool = False
    restarts: int = 0
    stamp: datetime | None = None
    next_at: float = 0.0
    troubles: int = 0
    outcome: Outcome | None = field(default=None)

    def finish(self, status: Status, message: str) -> None:
        self.outcome = Outcome(target=self.target, status=status, message=message, restarts=self.restarts)

    def fail(self, code: str, message: str, permission: str = "") -> None:
        self.outcome = Outcome(
            target=self.target,
            status=Status.FAILED,
            message=message,
            restarts=self.restarts,
            error_code=code,
            permission=permission,
        )


class _Worker:
    def __init__(self, reader: KubeReader, writer: KubeWriter, clock: _Clock, *, expect_injected: bool) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._expect_injected = expect_injected

    def step(self, run: _Run) -> None:
        run.next_at = self._clock.monotonic() + SECONDS_BETWEEN_LOOKS
        try:
            if not run.begun:
                self._begin(run)
            elif run.patch_next:
                self._patch(run)
            else:
                self._look(run)
        except Unavailable as error:
            run.troubles += 1
            run.state = error.what
            if run.troubles >= MOST_TROUBLES:
                run.fail(error.code, error.what)
        except PodidError as error:
            run.fail(error.code, error.what, error.permission)
        else:
            run.troubles = 0

    def _begin(self, run: _Run) -> None:
        target = run.target
        if target.obstacle:
            run.finish(Status.BLOCKED, target.obstacle)
            return
        rollout = self._rollout(run)
        if rollout.on_delete or rollout.paused:
            obstacle, commands = _strategy_obstacle(target, rollout)
            run.target = replace(target, obstacle=obstacle, commands=commands)
            run.finish(Status.BLOCKED, obstacle)
            return
        run.begun = True
        if _under_way(rollout, target):
            run.state = f"a restart is under way: {rollout.waiting}"
            return
        self._patch(run)

    def _patch(self, run: _Run) -> None:
        """When the answer is lost the same patch is sent again: it changes nothing where it had arrived."""
        workload = run.target.workload
        if run.stamp is None or not run.sent:
            at = self._clock.now()
            # whole seconds are what the annotation holds; an equal one would change nothing
            run.stamp = at if run.stamp is None else max(at, run.stamp + timedelta(seconds=1))
        run.patch_next = run.sent = True
        self._writer.restart(workload.kind, workload.namespace, workload.name, at=run.stamp)
        run.patch_next = run.sent = False
        run.restarts += 1
        run.state = "restarted" if run.restarts == 1 else f"restarted again ({run.restarts})"

    def _look(self, run: _Run) -> None:
        rollout = self._rollout(run)
        if rollout.failed:
            run.fail("RolloutFailed", f"the rollout failed: {rollout.failed}")
        elif rollout.waiting:
            run.state = rollout.waiting
        elif rollout.paused:
            run.fail("Conflict", "somebody paused it while it was rolling out")
        else:
            self._settle(run, rollout)

    def _settle(self, run: _Run, rollout: Rollout) -> None:
        """The rollout is done: was every new pod given the fields?"""
        missed = self._missed(run.target) if self._expect_injected else ()
        if not missed:
            run.finish(Status.DONE, f"{rollout.desired} of {rollout.desired} pods are new")
        elif len(missed) <= rollout.held_back:
            run.finish(
                Status.BLOCKED, f"its update strategy's partition keeps {len(missed)} old pods: {', '.join(missed)}"
            )
        elif run.restarts >= MOST_RESTARTS:
            run.fail(
                "StillNotInjected", f"still without credentials after {run.restarts} restarts: {', '.join(missed)}"
            )
        else:
            run.state = f"{len(missed)} new pods were not given credentials; restarting again"
            run.patch_next = True
            run.next_at = self._clock.monotonic() + SECONDS_BEFORE_AGAIN

    def _missed(self, target: Target) -> tuple[str, ...]:
        pods = group(self._reader, target.refs).get(target.workload, [])
        return tuple(pod.name for pod in pods if missing_containers(pod))

    def _rollout(self, run: _Run) -> Rollout:
        workload = run.target.workload
        return self._reader.get_rollout(workload.kind, workload.namespace, workload.name)


def _under_way(rollout: Rollout, target: Target) -> bool:
    """Every pod to be replaced is older than a restart that has not come to its end: they are on their way out."""
    if not rollout.waiting or not rollout.restarted_at:
        return False
    try:
        return datetime.fromisoformat(rollout.restarted_at) >= target.newest
    except (ValueError, TypeError):
        return False


def _strategy_obstacle(target: Target, rollout: Rollout) -> tuple[str, Commands]:
    workload = target.workload
    here = ("-n", workload.namespace)
    if rollout.paused:
        resume = ("kubectl", "rollout", "resume", f"{workload.kind.lower()}/{workload.name}", *here)
        return "it is paused, so a restart would replace nothing until it is resumed", (resume,)
    delete = tuple(("kubectl", "delete", "pod", name, *here) for name in target.pods)
    return "its update strategy is OnDelete: its pods are replaced only when they are deleted", delete
