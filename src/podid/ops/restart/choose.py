"""Select the workloads to restart: those whose new pods get the credentials that running pods have, by the checks and
by dry-run pods."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from podid.calls import pacing
from podid.calls.patience import Patience
from podid.domain.cluster import Pod
from podid.domain.errors import PodidError
from podid.domain.findings import Subject
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Place, Plan
from podid.domain.workloads import is_injected
from podid.ops.clients import KubeAccess
from podid.ops.reading.trials import images_of
from podid.ops.restart.rollout import restart_plan
from podid.ops.restart.targets import Target
from podid.ops.status.foresee import Forecast, Harm, obstacle, refusal


def choose(
    place: Place,
    targets: tuple[Target, ...],
    forecast: Callable[[Plan, Sequence[ServiceAccountRef]], Forecast],
    find_missed: Callable[[Sequence[Target]], tuple[Collection[Subject], tuple[str, ...]]],
    *,
    force: bool,
) -> tuple[tuple[Target, ...], Plan]:
    """Return the targets, each skipped one with its obstacle, and the plan with its outlook. `find_missed` returns the
    workloads whose dry-run pods the webhook does not inject, and notes. Raise Conflict if every restart would break
    pods, unless `force`."""
    free = [target for target in targets if target.obstacle is None]
    if not free:
        return targets, restart_plan(place, targets)
    ahead = forecast(restart_plan(place, free), sorted({ref for target in free for ref in target.refs}))
    outlook, harms = ahead.outlook()
    harmed = _by_workload(harms)
    remaining = [target for target in free if target.workload not in harmed]
    missed, notes = find_missed(remaining)
    if missed:
        outlook, harms = ahead.outlook(missed)
        harmed = _by_workload(harms)
    if harmed and not force:
        if all(target.workload in harmed for target in free):
            raise refusal(tuple(harmed.values()))
        targets = tuple(
            replace(target, obstacle=obstacle(harm)) if (harm := harmed.get(target.workload)) else target
            for target in targets
        )
        # skipped workloads are shown unchanged
        ahead = replace(ahead, plan=restart_plan(place, [target for target in targets if target.obstacle is None]))
        outlook, _ = ahead.outlook(missed)
    return targets, replace(restart_plan(place, targets).noting(notes), outlook=outlook)


def _by_workload(harms: Sequence[Harm]) -> dict[object, Harm]:
    return {harm.workload: harm for harm in harms}


# API servers see a new association after some seconds
SECONDS_OF_DRY_RUNS = 15.0
SECONDS_BETWEEN = 2.0


def missed_by_webhook(
    kube: KubeAccess, targets: Sequence[Target], patience: Patience
) -> tuple[frozenset[Subject], tuple[str, ...]]:
    """Return the workloads whose new pods lack the injected fields, each tried with its own labels, and notes on dry
    runs that failed."""
    pending = [target for target in targets if target.obstacle is None and target.expect_injected]
    images = images_of(kube.reader, {target.workload.namespace for target in pending})
    notes: dict[str, None] = {}

    def tried(target: Target) -> Pod:
        image = images[target.workload.namespace]
        return kube.writer.dry_run_pod(target.refs[0], image=image, labels=target.labels)

    for _ in patience.within(SECONDS_OF_DRY_RUNS).rounds(SECONDS_BETWEEN):
        answers = dict(pacing.fan_out(pacing.attempt(tried), pending, reads=True))
        errors = {answer.message for answer in answers.values() if isinstance(answer, PodidError)}
        notes |= dict.fromkeys(f"the webhook was not checked in a dry run: {message}" for message in sorted(errors))
        pending = [target for target in pending if isinstance(pod := answers[target], Pod) and not is_injected(pod)]
        if not pending:
            break
        patience.say(f"new pods of {pending[0].refs[0]} would get no credentials yet")
    return frozenset(target.workload for target in pending), tuple(notes)
