"""Restart the workloads of service accounts, so that new pods get credentials (or no longer do), and record it in the
journal.

The webhook acts only when a pod is created, so a running pod keeps its fields. A restart is the patch of `kubectl
rollout restart`: the controller replaces the pods with its own strategy, within disruption budgets, and podid deletes
nothing. Pods of a workload with strategy OnDelete are evicted, one at a time and within disruption budgets, only if
`evict` is set.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from podid.calls import pacing
from podid.calls.patience import Clock, Patience
from podid.domain.errors import BudgetHolds, Conflict, NotFound, PodidError, TimedOut, Unavailable
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, ChangeResult, Done, Place, Plan, Status
from podid.domain.workloads import injected
from podid.facts.injection import missed_by_webhook
from podid.facts.restarts import on_delete, partitioned, paused, without_account
from podid.kube.reader import KubeReader
from podid.kube.rollout import Rollout
from podid.ops.change.journal import Journal
from podid.ops.change.kinds.workloads import not_finished
from podid.ops.clients import Clients, KubeAccess
from podid.ops.restart.targets import Target, conflict, find_targets, group, restart_plan

MOST_RESTARTS = 3
PARALLEL = 10
SECONDS_BETWEEN_LOOKS = 2.0
# pods without the fields were created before every API server had the association: wait before the next restart
SECONDS_BEFORE_AGAIN = 5.0
# an API server that restarts, or a VPN that reconnects, is back in this time
SECONDS_WITHOUT_ANSWER = 60.0


def with_obstacles(reader: KubeReader, targets: Sequence[Target], *, evict: bool) -> tuple[Target, ...]:
    """Set the obstacle of targets that are paused, that are OnDelete without `evict`, or whose service account does not
    exist. A target that cannot be read now is read when its turn comes."""
    free = [target for target in targets if target.obstacle is None]
    answers = pacing.fan_out(pacing.attempt(partial(_rollout_of, reader)), free)
    rollouts = {target: answer for target, answer in answers if not isinstance(answer, PodidError)}
    refs = {_account(rollout) for rollout in rollouts.values()}
    accounts = pacing.fan_out(pacing.attempt(reader.find_service_account), refs)
    absent = {ref for ref, account in accounts if not account}

    def obstacle(target: Target) -> Conflict | None:
        if target not in rollouts:
            return target.obstacle
        rollout = rollouts[target]
        if _account(rollout) in absent:
            return conflict(target.workload, without_account(rollout.namespace, rollout.service_account))
        return _strategy_obstacle(target, rollout, evict=evict)

    return tuple(replace(target, obstacle=obstacle(target)) for target in targets)


def _rollout_of(reader: KubeReader, target: Target) -> Rollout:
    workload = target.workload
    return reader.get_rollout(workload.kind, workload.namespace, workload.name)


def _account(rollout: Rollout) -> ServiceAccountRef:
    return ServiceAccountRef(rollout.namespace, rollout.service_account)


def restart(
    kube: KubeAccess,
    targets: Sequence[Target],
    patience: Patience,
    *,
    evict: bool = False,
    begin: Callable[[Action], object] = lambda action: None,
) -> tuple[Done, ...]:
    """Restart the targets, at most ten at a time, and wait for their rollouts. Return the outcomes in the order of the
    targets.

    A rollout that left pods without the expected fields is repeated at most twice. A rollout in progress is awaited,
    not started again. Failures are returned, not raised. `begin` is called before the first change of a target.
    """
    clock = patience.clock
    began = clock.now()
    courses = [_Course(target, kube, clock, evict, begin) for target in targets]

    def active() -> list[_Course]:
        return [course for course in courses if course.done is None][:PARALLEL]

    for _ in patience.rounds(lambda: min(course.next_at for course in active()) - clock.monotonic()):
        for course in active():
            if course.next_at <= clock.monotonic():
                course.step()
                patience.say(f"{course.target.workload}: {course.done.reason if course.done else course.state}")
        if not active():
            break
    for course in courses:
        if course.done is None:
            waiting = not_finished(kube.reader, course.target.workload, course.state, course.stamp or began)
            course.fail(TimedOut(f"the rollout did not finish within {patience.seconds:g} s: {waiting}"))
    return tuple(course.done for course in courses if course.done is not None)


@dataclass(slots=True)
class _Course:
    """The progress of one target."""

    target: Target
    kube: KubeAccess
    clock: Clock
    evict: bool
    begin: Callable[[Action], object]
    state: str = "not started"
    begun: bool = False
    patch_next: bool = False
    sent: bool = False
    restarts: int = 0
    to_evict: list[tuple[str, str]] | None = None  # name and uid of the pods that are still to be evicted
    stamp: datetime | None = None
    next_at: float = 0.0
    unanswered_since: float | None = None
    done: Done | None = None

    def fail(self, error: PodidError, status: Status = Status.FAILED) -> None:
        action = self.target.action
        unanswered = self.sent and isinstance(error, Unavailable)
        after = action.after if self.restarts or unanswered else None
        self.done = Done(action, status, after, error.message, error)

    def step(self) -> None:
        self.next_at = self.clock.monotonic() + SECONDS_BETWEEN_LOOKS
        try:
            if not self.begun:
                self._begin()
            elif self.to_evict is not None:
                self._replace_one(self.to_evict)
            elif self.patch_next:
                self._patch()
            else:
                self._poll()
        except BudgetHolds as error:
            self.state = error.message
        except Unavailable as error:
            now = self.clock.monotonic()
            if self.unanswered_since is None:
                self.unanswered_since = now
            self.state = error.message
            if now - self.unanswered_since >= SECONDS_WITHOUT_ANSWER:
                unseen = "it was started, but its end was not observed: " if self.restarts else ""
                self.fail(Unavailable(unseen + error.message, subject=error.subject, hint=error.hint))
        except PodidError as error:
            self.fail(error)
        else:
            self.unanswered_since = None

    def _begin(self) -> None:
        target = self.target
        if target.obstacle:
            self.fail(target.obstacle, Status.BLOCKED)
            return
        rollout = _rollout_of(self.kube.reader, self.target)
        if obstacle := _strategy_obstacle(target, rollout, evict=self.evict):
            self.fail(obstacle, Status.BLOCKED)
            return
        self.begin(target.action)
        self.begun = True
        if rollout.on_delete:
            self.to_evict = list(zip(target.pods, target.uids, strict=True))
        elif _under_way(rollout, target):
            self.state = f"a restart is in progress: {rollout.waiting}"
        else:
            self._patch()

    def _replace_one(self, pods: list[tuple[str, str]]) -> None:
        """Evict the next pod once all others are ready again."""
        workload, count = self.target.workload, len(self.target.pods)
        current = {pod.uid for pod in self.kube.reader.list_pods(workload.namespace)}
        old = [(name, uid) for name, uid in pods if uid in current]
        rollout = _rollout_of(self.kube.reader, self.target)
        self.state = f"{count - len(old)} of {count} pods evicted; {rollout.waiting or 'all are available'}"
        if rollout.waiting or len(old) < len(pods):
            self.to_evict = old
        elif not old:
            self.to_evict = None
            self._settle(rollout)
        else:
            name, uid = old[0]
            with suppress(NotFound):  # gone by itself
                self.kube.writer.evict(workload.namespace, name, uid=uid)
            self.restarts = 1
            self.state = f"pod {name} evicted, {len(old) - 1} of {count} to go"

    def _patch(self) -> None:
        """Send the patch. After a lost answer, send the same patch again: it changes nothing if the first one
        arrived."""
        workload = self.target.workload
        if self.stamp is None or not self.sent:
            at = self.clock.now()
            # the annotation has whole seconds; an equal value would change nothing
            self.stamp = at if self.stamp is None else max(at, self.stamp + timedelta(seconds=1))
        self.patch_next = self.sent = True
        self.kube.writer.restart(workload.kind, workload.namespace, workload.name, at=self.stamp)
        self.patch_next = self.sent = False
        self.restarts += 1
        self.state = "rolling out" if self.restarts == 1 else f"rolling out again ({self.restarts})"

    def _poll(self) -> None:
        rollout = _rollout_of(self.kube.reader, self.target)
        if rollout.failed:
            self.fail(PodidError(f"the rollout failed: {rollout.failed}"))
        elif rollout.waiting:
            self.state = rollout.waiting
        elif rollout.paused:
            self.fail(Conflict("it was paused during the rollout"))
        else:
            self._settle(rollout)

    def _settle(self, rollout: Rollout) -> None:
        """Check whether every new pod has the injected fields."""
        target = self.target
        pods = group(self.kube.reader, target.refs).get(target.workload, [])
        bare = tuple(pod.name for pod in pods if missed_by_webhook(pod)) if target.expect_injected else ()
        if not bare:
            carrying = sum(map(injected, pods))
            after = {**(target.action.after or {}), "pods": len(pods), "injected": carrying}
            reason = _outcome(rollout.desired, len(pods), carrying, expected=target.expect_injected)
            self.done = Done(target.action, Status.DONE, after, reason)
        elif len(bare) <= rollout.held_back:
            kept = f"the partition of its update strategy keeps {len(bare)} old pods: {', '.join(bare)}"
            self.fail(Conflict(kept), Status.BLOCKED)
        elif self.restarts >= MOST_RESTARTS or rollout.on_delete:
            again = f" after {self.restarts} restarts" if self.restarts > 1 else ""
            still = f"{len(bare)} of {len(pods)} pods still have no credentials{again}: {', '.join(bare)}"
            self.fail(Unavailable(still, id="injection-missed-webhook"))
        else:
            self.state = f"{len(bare)} new pods have no credentials; restarting again"
            self.patch_next = True
            self.next_at = self.clock.monotonic() + SECONDS_BEFORE_AGAIN


def _outcome(new: int, count: int, carrying: int, *, expected: bool) -> str:
    """Return how many pods are new, and how many of the running ones have the injected fields."""
    updated = f"{new} of {new} pods are updated"
    if not expected and not carrying:
        return f"{updated} and have no injected fields"
    return f"{updated}; {carrying} of {count} {'' if expected else 'still '}have the injected fields"


def _under_way(rollout: Rollout, target: Target) -> bool:
    """Return whether a restart in progress will replace all pods: each is older than that restart."""
    if not rollout.waiting or not rollout.restarted_at:
        return False
    try:
        return datetime.fromisoformat(rollout.restarted_at) >= target.newest
    except (ValueError, TypeError):
        return False


def _strategy_obstacle(target: Target, rollout: Rollout, *, evict: bool) -> Conflict | None:
    workload = target.workload
    if rollout.paused:
        return conflict(workload, paused(workload.kind, workload.namespace, workload.name))
    if rollout.on_delete and not evict:
        return conflict(workload, on_delete(workload.namespace, target.pods))
    kept = partitioned(workload, rollout.kept_below, target.pods)
    return None if kept is None else conflict(workload, kept)


RESTART_SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarting:
    """The settings of restarts, and the recording of them. `announce` is called with each plan that was not shown yet.
    `part_of` is the id of the run that they belong to, `ahead` its planned restarts; `evict` evicts pods of OnDelete
    workloads, `insist` also replaces pods by broken ones."""

    patience: Patience
    journal: Journal
    command: tuple[str, ...]
    announce: Callable[[Plan], None]
    part_of: str = ""
    ahead: tuple[Target, ...] = ()
    evict: bool = False
    insist: bool = False

    @property
    def planned(self) -> tuple[Action, ...]:
        return tuple(target.action for target in self.ahead)

    def of(self, run_id: str) -> Restarting:
        return replace(self, part_of=run_id)

    def leave_out(self, refs: Iterable[ServiceAccountRef], targets: Sequence[Target] = ()) -> None:
        """Record the planned restarts for `refs` that are not among the `targets` as unnecessary."""
        recorder = self.journal.going_on(self.part_of)
        if recorder is None:
            return
        about, chosen = set(refs), {target.workload for target in targets}
        for target in self.ahead:
            if target.workload not in chosen and about & set(target.refs):
                done = Done(target.action, Status.UNCHANGED, reason="its pods need no restart")
                recorder.outcome(recorder.number(target.action), done, self.patience.clock.now())


def restart_journalled(clients: Clients, place: Place, targets: Sequence[Target], how: Restarting) -> ChangeResult:
    """Restart the targets, and record each, also one with an obstacle. Without targets nothing is recorded."""
    plan = Plan(header=place.header, actions=tuple(target.action for target in targets))
    if not targets:
        return ChangeResult(plan=plan)
    now = how.patience.clock.now()
    going_on = how.journal.going_on(how.part_of)
    with going_on or how.journal.begin(how.command, plan.header, now, plan.actions) as recorder:

        def begin(action: Action) -> None:
            recorder.intent(recorder.number(action), action)

        done = restart(clients.kube, targets, how.patience, evict=how.evict, begin=begin)
        for item in done:
            if item.status is not Status.DONE:  # it may not have begun
                begin(item.action)
            recorder.outcome(recorder.number(item.action), item, how.patience.clock.now())
        return ChangeResult(plan=plan, done=done, run_id=recorder.run_id)


def replace_pods(
    clients: Clients,
    place: Place,
    refs: Collection[ServiceAccountRef],
    how: Restarting,
    *,
    stale: bool,
    expect_injected: bool,
    late: Collection[str] = (),
) -> ChangeResult:
    """Restart the workloads that `find_targets` returns."""
    reader = clients.kube.reader
    targets = find_targets(reader, refs, stale=stale, expect_injected=expect_injected, late=late)
    targets = with_obstacles(reader, targets, evict=how.evict)
    how.leave_out(refs, targets)
    if targets:
        how.announce(restart_plan(place, targets))
    return restart_journalled(clients, place, targets, how)
