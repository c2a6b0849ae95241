"""The plan that takes a recorded run back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from podid.calls import pacing
from podid.domain.errors import Conflict
from podid.domain.plan import Action, Place, Plan, State, Status, matches
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import kind_of
from podid.ops.change.records import Run, Step
from podid.ops.change.restoring import check_restored
from podid.ops.change.settle import reachable
from podid.ops.clients import Clients


@dataclass(frozen=True, slots=True)
class Undo:
    """`plan` takes a run back. `grave` are sentences on what of it a journal is not believed without an answer."""

    plan: Plan
    grave: tuple[str, ...] = ()


def undo_plan(clients: Clients, place: Place, run: Run, journal: Journal) -> Undo:
    """What takes a run back, last action first, each as the ones before it leave things. Raises Conflict when the run
    was made elsewhere, when a resource is no longer as the run left it, when what became of a change is not known, and
    for what is not put back whatever a journal says."""
    for step in run.open_steps:
        raise Conflict(
            f"What became of {kind_of(step.action.kind).subject(step.action)} in run {run.run_id} is not known yet; "
            "it was interrupted and could not be looked at from here",
            subject=run.run_id,
        )
    # where only the account is concerned no cluster is looked for, and the run's own heads the plan
    header = place.header if place.cluster is not None else replace(place.header, cluster=run.header.cluster)
    done = [step for step in reversed(run.steps) if step.status is Status.DONE]
    why_not = {step.number: kind_of(step.action.kind).not_undone(step.action) for step in done}
    steps = [step for step in done if not why_not[step.number]]
    for step in steps:
        _check_reachable(run, step.action, place)
    actions: list[Action] = []
    unchanged: list[Action] = []
    # why nothing is undone; beside what is undone it is nobody's matter
    notes = [] if steps else [note for note in why_not.values() if note]
    # each as it is when this plan has come so far
    so_far = _as_they_are(clients, place, [step.action for step in steps])
    for step in steps:
        kind, current = kind_of(step.action.kind), so_far[_which(step.action)]
        action = _taken_back(run, step, current, journal)
        so_far[_which(step.action)] = action.after
        if matches(action.after, current):
            unchanged.append(action)
            continue
        if action.after is None:
            notes += kind.before_deleting(clients, header, action, actions)
        actions.append(action)
    if not actions:
        notes.append(f"nothing of run {run.run_id} is left to undo")
    plan = Plan(header=header, actions=tuple(actions), unchanged=tuple(unchanged), notes=tuple(dict.fromkeys(notes)))
    grave = check_restored(clients, run.header, plan)
    return Undo(plan.noting(grave), grave)


def _taken_back(run: Run, step: Step, current: State | None, journal: Journal) -> Action:
    """The change from what is there now to what was there before the step. Raises Conflict where somebody has changed
    it since."""
    action, kind = step.action, kind_of(step.action.kind)
    left = kind.reproducible(step.after if step.after is not None else action.after)
    wanted = kind.reproducible(action.before)
    if wanted is not None and current is not None:  # what the service assigned stays as it is
        wanted = {**{key: current[key] for key in kind.assigned if key in current}, **wanted}
    if matches(wanted, current):
        return kind.action(left if current is None else current, wanted)
    if not matches(left, current):
        what = f"{kind.subject(action)} is no longer as run {run.run_id} left it; undo it by hand"
        raise Conflict(what, subject=action.target)
    if wanted is None and current is not None:
        kind.check_same(current, journal.last_made(run.header.account, kind.name, action.keys))
    return kind.action(current, wanted)


def _as_they_are(clients: Clients, place: Place, actions: Sequence[Action]) -> dict[tuple[str, str], State | None]:
    """The state of each resource, by `_which`."""
    first = {_which(action): action for action in reversed(actions)}

    def read(which: tuple[str, str]) -> State | None:
        kind, action = kind_of(first[which].kind), first[which]
        return kind.read(clients, place.cluster_name, kind.reading(action))

    return dict(pacing.fan_out(read, first, reads=True))


def _which(action: Action) -> tuple[str, str]:
    return action.kind, action.target


def check_account(run: Run, place: Place) -> None:
    """Raises Conflict for a run of another account, in which its cluster would only be said not to exist."""
    if run.header.account != place.account:
        raise _elsewhere(run, place)


def _check_reachable(run: Run, action: Action, place: Place) -> None:
    if not reachable(run.header, action, place.header):
        raise _elsewhere(run, place)


def _elsewhere(run: Run, place: Place) -> Conflict:
    return Conflict(
        f"Run {run.run_id} was made in account {run.header.account}, {run.header.region}, cluster "
        f"{run.header.cluster or '-'}; this is account {place.account}, {place.region}, cluster "
        f"{place.cluster_name or '-'}",
        subject=run.run_id,
    )
