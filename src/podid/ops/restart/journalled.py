"""Restarts as part of a change: written to the journal like every other, intents first, outcomes after."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from podid.domain.names import ServiceAccountRef
from podid.domain.patience import Patience
from podid.domain.place import Place
from podid.domain.plan import ChangeResult, Plan
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
    plan that nobody has seen yet just before it is carried out. `part_of` is the run that planned the restarts;
    `evict` is whether pods that only a deletion replaces are evicted."""

    patience: Patience
    journal: Journal
    command: tuple[str, ...]
    announce: Callable[[Plan], None]
    part_of: str = ""
    evict: bool = False

    def of(self, run_id: str) -> Restarting:
        return replace(self, part_of=run_id)


def restart_journalled(clients: Clients, place: Place, targets: Sequence[Target], how: Restarting) -> ChangeResult:
    """Carries out what `restart_plan` says. Nothing is written to the journal when there are no targets."""
    plan = restart_plan(place, targets)
    if not targets:
        return ChangeResult(plan=plan)
    with how.journal.begin(
        how.command, plan.header, how.patience.clock.now(), part_of=how.part_of, planned=len(targets)
    ) as recorder:
        for number, action in enumerate(plan.actions):
            recorder.intent(number, action)
        done = restart(clients.kube, targets, how.patience, evict=how.evict)
        for number, item in enumerate(done):
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
) -> ChangeResult:
    """Restarts the workloads that `find_targets` finds."""
    reader = clients.kube.reader
    targets = with_obstacles(
        reader, find_targets(reader, refs, stale=stale, expect_injected=expect_injected), evict=how.evict
    )
    if how.part_of:
        how.journal.restarts_begun(how.part_of)
    if targets:
        how.announce(restart_plan(place, targets))
    return restart_journalled(clients, place, targets, how)
