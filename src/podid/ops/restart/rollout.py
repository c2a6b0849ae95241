"""Replacing the pods of service accounts, so that new ones are given credentials (or, after a removal, no longer are).

The webhook acts only when a pod is created, so a running pod keeps what it was born with. A restart is the patch of
`kubectl rollout restart`: the controller replaces the pods by its own strategy, disruption budgets and autoscalers stay
in charge, and nothing is deleted by podid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from podid.domain.errors import Conflict, PodidError, TimedOut, Unavailable
from podid.domain.patience import Clock, Patience
from podid.domain.plan import Done, Status
from podid.ops.association.effect import missing_containers
from podid.ops.clients import KubeAccess
from podid.ops.restart.targets import Target, group

if TYPE_CHECKING:
    from podid.kube.rollout import Rollout

MOST_RESTARTS = 3
PARALLEL = 10
SECONDS_BETWEEN_LOOKS = 2.0
# pods that a restart missed were created before every API server knew; the next try comes a little later
SECONDS_BEFORE_AGAIN = 5.0
MOST_TROUBLES = 3


def restart(kube: KubeAccess, targets: Sequence[Target], patience: Patience) -> tuple[Done, ...]:
    """Restarts the targets, at most ten at a time, and waits for their rollouts. What became of each, in their order.

    A rollout that left pods without the injected fields they should have is repeated at most twice. A rollout that is
    under way already is waited for, not started again. Failures are told, not raised.
    """
    clock = patience.clock
    courses = [_Course(target) for target in targets]
    worker = _Worker(kube, clock)

    def active() -> list[_Course]:
        return [course for course in courses if course.done is None][:PARALLEL]

    for _ in patience.rounds(lambda: min(course.next_at for course in active()) - clock.monotonic()):
        for course in active():
            if course.next_at <= clock.monotonic():
                worker.step(course)
                patience.say(f"{course.target.workload}: {course.done.reason if course.done else course.state}")
        if not active():
            break
    for course in courses:
        if course.done is None:
            course.fail(TimedOut(f"not rolled out within {patience.seconds:g} s: {course.state}"))
    return tuple(course.done for course in courses if course.done is not None)


@dataclass(slots=True)
class _Course:
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
    done: Done | None = None

    def finish(self, reason: str) -> None:
        action = self.target.action
        self.done = Done(action, Status.DONE, action.after, reason)

    def fail(self, error: PodidError, status: Status = Status.FAILED) -> None:
        action = self.target.action
        self.done = Done(action, status, action.after, error.what, error)


class _Worker:
    def __init__(self, kube: KubeAccess, clock: Clock) -> None:
        self._kube = kube
        self._clock = clock

    def step(self, course: _Course) -> None:
        course.next_at = self._clock.monotonic() + SECONDS_BETWEEN_LOOKS
        try:
            if not course.begun:
                self._begin(course)
            elif course.patch_next:
                self._patch(course)
            else:
                self._look(course)
        except Unavailable as error:
            course.troubles += 1
            course.state = error.what
            if course.troubles >= MOST_TROUBLES:
                course.fail(error)
        except PodidError as error:
            course.fail(error)
        else:
            course.troubles = 0

    def _begin(self, course: _Course) -> None:
        target = course.target
        if target.obstacle:
            course.fail(target.obstacle, Status.BLOCKED)
            return
        rollout = self._rollout(course)
        if rollout.on_delete or rollout.paused:
            course.fail(_strategy_obstacle(target, rollout), Status.BLOCKED)
            return
        course.begun = True
        if _under_way(rollout, target):
            course.state = f"a restart is under way: {rollout.waiting}"
            return
        self._patch(course)

    def _patch(self, course: _Course) -> None:
        """When the answer is lost the same patch is sent again: it changes nothing where it had arrived."""
        workload = course.target.workload
        if course.stamp is None or not course.sent:
            at = self._clock.now()
            # whole seconds are what the annotation holds; an equal one would change nothing
            course.stamp = at if course.stamp is None else max(at, course.stamp + timedelta(seconds=1))
        course.patch_next = course.sent = True
        self._kube.writer.restart(workload.kind, workload.namespace, workload.name, at=course.stamp)
        course.patch_next = course.sent = False
        course.restarts += 1
        course.state = "rolling out" if course.restarts == 1 else f"rolling out again ({course.restarts})"

    def _look(self, course: _Course) -> None:
        rollout = self._rollout(course)
        if rollout.failed:
            course.fail(PodidError(f"the rollout failed: {rollout.failed}"))
        elif rollout.waiting:
            course.state = rollout.waiting
        elif rollout.paused:
            course.fail(Conflict("somebody paused it while it was rolling out"))
        else:
            self._settle(course, rollout)

    def _settle(self, course: _Course, rollout: Rollout) -> None:
        """The rollout is done: was every new pod given the fields?"""
        missed = self._missed(course.target) if course.target.expect_injected else ()
        if not missed:
            course.finish(f"{rollout.desired} of {rollout.desired} pods are new")
        elif len(missed) <= rollout.held_back:
            kept = f"its update strategy's partition keeps {len(missed)} old pods: {', '.join(missed)}"
            course.fail(Conflict(kept), Status.BLOCKED)
        elif course.restarts >= MOST_RESTARTS:
            still = f"still without credentials after {course.restarts} restarts: {', '.join(missed)}"
            course.fail(Unavailable(still, id="injection-missed-webhook"))
        else:
            course.state = f"{len(missed)} new pods were not given credentials; restarting again"
            course.patch_next = True
            course.next_at = self._clock.monotonic() + SECONDS_BEFORE_AGAIN

    def _missed(self, target: Target) -> tuple[str, ...]:
        pods = group(self._kube.reader, target.refs).get(target.workload, [])
        return tuple(pod.name for pod in pods if missing_containers(pod))

    def _rollout(self, course: _Course) -> Rollout:
        workload = course.target.workload
        return self._kube.reader.get_rollout(workload.kind, workload.namespace, workload.name)


def _under_way(rollout: Rollout, target: Target) -> bool:
    """Every pod to be replaced is older than a restart that has not come to its end: they are on their way out."""
    if not rollout.waiting or not rollout.restarted_at:
        return False
    try:
        return datetime.fromisoformat(rollout.restarted_at) >= target.newest
    except (ValueError, TypeError):
        return False


def _strategy_obstacle(target: Target, rollout: Rollout) -> Conflict:
    workload = target.workload
    here = ("-n", workload.namespace)
    what = "its update strategy is OnDelete: its pods are replaced only when they are deleted"
    hint: tuple[str, ...] = ("kubectl", "delete", "pod", *target.pods, *here)
    if rollout.paused:
        what = "it is paused, so a restart would replace nothing until it is resumed"
        hint = ("kubectl", "rollout", "resume", f"{workload.kind.lower()}/{workload.name}", *here)
    return Conflict(what, hint=hint, subject=str(workload))
