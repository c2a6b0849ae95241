"""The plan that takes a recorded run back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from podid.aws import pacing
from podid.domain.errors import Conflict
from podid.domain.place import Place
from podid.domain.plan import Action, Plan, State, Status, matches
from podid.ops.change.kinds import kind_of
from podid.ops.change.records import Run
from podid.ops.change.settle import reachable
from podid.ops.clients import Clients


def undo_plan(clients: Clients, place: Place, run: Run) -> Plan:
    """What takes a run back, last action first. Raises Conflict when the run was made elsewhere, when a resource is no
    longer as the run left it, or when what became of a change is not known."""
    for step in run.open_steps:
        raise Conflict(
            f"What became of {kind_of(step.action.kind).subject(step.action)} in run {run.run_id} is not known yet; "
            "it was interrupted and could not be looked at from here",
            subject=run.run_id,
        )
    # where only the account is concerned no cluster is looked for, and the run's own heads the plan
    header = place.header if place.cluster is not None else replace(place.header, cluster=run.header.cluster)
    actions: list[Action] = []
    unchanged: list[Action] = []
    notes: list[str] = []
    steps = []
    for step in reversed(run.steps):
        if step.status is not Status.DONE:
            continue
        if note := kind_of(step.action.kind).not_undone(step.action):
            notes.append(note)
            continue
        _check_reachable(run, step.action, place)
        steps.append(step)
    # what a run changed more than once is, here, as it is when this plan has come so far
    so_far = _as_they_are(clients, place, [step.action for step in steps])
    for step in steps:
        action, kind = step.action, kind_of(step.action.kind)
        left = kind.reproducible(step.after if step.after is not None else action.after)
        wanted = kind.reproducible(action.before)
        current, so_far[_which(action)] = so_far[_which(action)], wanted
        if matches(wanted, current):
            unchanged.append(kind.action(left, wanted))
            continue
        if not matches(left, current):
            what = f"{kind.subject(action)} is no longer as run {run.run_id} left it; undo it by hand"
            raise Conflict(what, subject=action.target)
        if wanted is None:
            notes += kind.before_deleting(clients, action.keys, run.run_id, [step.action for step in run.steps])
        actions.append(kind.action(current, wanted))
    if not actions:
        notes.append(f"nothing of run {run.run_id} is left to undo")
    return Plan(header=header, actions=tuple(actions), unchanged=tuple(unchanged), notes=tuple(dict.fromkeys(notes)))


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
