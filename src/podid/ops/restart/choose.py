"""Which of the workloads that were found are restarted: those whose new pods get what running ones have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from podid.domain.plan import Place, Plan
from podid.ops.restart.journalled import restart_plan
from podid.ops.restart.refusal import Harm, obstacle, refusal
from podid.ops.restart.targets import Target

if TYPE_CHECKING:
    from podid.domain.findings import Subject
    from podid.domain.names import ServiceAccountRef
    from podid.ops.status.foresee import Forecast


def choose(
    place: Place,
    targets: tuple[Target, ...],
    forecast: Callable[[Plan, Sequence[ServiceAccountRef]], Forecast],
    find_missed: Callable[[Sequence[Target]], tuple[Collection[Subject], tuple[str, ...]]],
    *,
    force: bool,
) -> tuple[tuple[Target, ...], Plan]:
    """The targets, those of them with an obstacle that are left alone, and the plan with what comes of it.
    `find_missed` gives the workloads whose pods the webhook misses, and notes on it. Raises Conflict where all of them
    would be restarted to their harm, unless `force` insists."""
    free = [target for target in targets if target.obstacle is None]
    if not free:
        return targets, restart_plan(place, targets)
    ahead = forecast(restart_plan(place, free), sorted({ref for target in free for ref in target.refs}))
    outlook, harms = ahead.outlook()
    harmed = _by_workload(harms)
    left = [target for target in free if target.workload.subject not in harmed]
    missed, notes = find_missed(left)
    if missed:
        outlook, harms = ahead.outlook(missed)
        harmed = _by_workload(harms)
    if harmed and not force:
        if all(target.workload.subject in harmed for target in free):
            raise refusal(tuple(harmed.values()))
        targets = tuple(
            replace(target, obstacle=obstacle(harm)) if (harm := harmed.get(target.workload.subject)) else target
            for target in targets
        )
        # what is left alone is shown as it is
        ahead = replace(ahead, plan=restart_plan(place, [target for target in targets if target.obstacle is None]))
        outlook, _ = ahead.outlook(missed)
    return targets, replace(restart_plan(place, targets).noting(notes), outlook=outlook)


def _by_workload(harms: Sequence[Harm]) -> dict[object, Harm]:
    return {harm.workload: harm for harm in harms}
