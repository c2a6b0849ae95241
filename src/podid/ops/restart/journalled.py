"""Restarts as part of a change: written to the journal like every other, intents first, outcomes after."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from podid.calls.patience import Patience
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, ChangeResult, Done, Place, Plan, Status
from podid.ops.change.journal import Journal
from podid.ops.clients import Clients
from podid.ops.restart.rollout import restart, with_obstacles
from podid.ops.restart.targets import Target, find_targets

RESTART_SECONDS = 900.0


def restart_plan(place: Place, targets: Sequence[Target]) -> Plan:
    return Plan(header=place.header, actions=tuple(target.action for target in targets))


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarting:
    """How long restarts may take, where they are written down and as part of which command. `announce` is told each
    plan that nobody has seen yet just before it is carried out. `part_of` is the run that they are part of, and
    `ahead` what it may have to restart; `evict` is whether pods that only a deletion replaces are evicted, `insist`
    whether pods are replaced by broken ones too."""

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
        """Writes down which of the restarts that were planned for `refs` it does not take, since they are not among the
        `targets`."""
        recorder = self.journal.going_on(self.part_of)
        if recorder is None:
            return
        about, chosen = set(refs), {target.workload for target in targets}
        for target in self.ahead:
            if target.workload not in chosen and about & set(target.refs):
                done = Done(target.action, Status.UNCHANGED, reason="its pods need no restart")
                recorder.outcome(recorder.number(target.action), done, self.patience.clock.now())


def restart_journalled(clients: Clients, place: Place, targets: Sequence[Target], how: Restarting) -> ChangeResult:
    """Carries out what `restart_plan` says. Nothing is written to the journal when there are no targets."""
    plan = restart_plan(place, targets)
    if not targets:
        return ChangeResult(plan=plan)
    now = how.patience.clock.now()
    going_on = how.journal.going_on(how.part_of)
    with going_on or how.journal.begin(how.command, plan.header, now, plan.actions) as recorder:
        numbers = [recorder.number(action) for action in plan.actions]
        for number, action in zip(numbers, plan.actions, strict=True):
            recorder.intent(number, action)
        done = restart(clients.kube, targets, how.patience, evict=how.evict)
        for number, item in zip(numbers, done, strict=True):
            recorder.outcome(number, item, how.patience.clock.now())
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
    """Restart the workloads that `find_targets` finds."""
    reader = clients.kube.reader
    targets = find_targets(reader, refs, stale=stale, expect_injected=expect_injected, late=late)
    targets = with_obstacles(reader, targets, evict=how.evict)
    how.leave_out(refs, targets)
    if targets:
        how.announce(restart_plan(place, targets))
    return restart_journalled(clients, place, targets, how)
