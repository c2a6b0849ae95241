"""Relations between recorded runs, by the journal alone: the undo of a run, and its continuation."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from podid.domain.plan import Action, State, Status, matches
from podid.ops.change.kinds import kind_of
from podid.ops.change.records import Run, RunStatus, Step


def undone_by(runs: Sequence[Run]) -> Mapping[str, str]:
    """Return the newest undo of each undone run, by ids; `runs` are all runs, newest first. An interrupted
    undo counts if it, or the undo that continued it, restored all resources. An undo that was undone itself does not
    count."""
    undone: dict[str, str] = {}
    undos: dict[str, list[Run]] = {}
    for run in runs:  # the undo of an undo comes before it
        if run.run_id in undos and _is_whole(run, undos[run.run_id]):
            undone[run.run_id] = undos[run.run_id][0].run_id
        elif run.undoes:
            undos.setdefault(run.undoes, []).append(run)
    return undone


def _is_whole(run: Run, undos: Sequence[Run]) -> bool:
    """Return whether one of the undos ended and was whole, or all of them together restored each resource."""
    if any(undo.ended and undo.whole for undo in undos):
        return True
    worked = (Status.DONE, Status.UNCHANGED)
    restoring = [step.action for undo in undos for step in undo.steps if step.status in worked]
    # the state before the first change of each resource
    first = {which(step.action): step.action for step in undoable(run)}
    return bool(first) and all(any(_restores(action, change) for action in restoring) for change in first.values())


def _restores(action: Action, change: Action) -> bool:
    return which(action) == which(change) and matches(kind_of(change.kind).reproducible(change.before), action.after)


def undoable(run: Run) -> list[Step]:
    """Return the steps that an undo reverts, the last one first."""
    done = [step for step in reversed(run.steps) if step.changed]
    return lasting([step for step in done if not kind_of(step.action.kind).not_undone(step.action)])


def lasting(steps: Sequence[Step]) -> list[Step]:
    """Return the steps, the last one first, without those of resources that the run itself left as they had been."""
    by_resource: dict[tuple[str, str], list[Step]] = {}
    for step in steps:
        by_resource.setdefault(which(step.action), []).append(step)
    passing = {
        resource
        for resource, (last, *earlier) in by_resource.items()
        if earlier and matches(earlier[-1].action.before, last.action.after and (last.after or last.action.after))
    }
    return [step for step in steps if which(step.action) not in passing]


def which(action: Action) -> tuple[str, str]:
    """Return what identifies the resource within one place."""
    return action.kind, action.target


def is_halfway(change: Action, current: State | None) -> bool:
    """Return whether a change of several calls, such as settings and tags, explains the state: each member, and each
    tag, is as before the change or as after it."""
    before, after = change.before, change.after
    if before is None or after is None or current is None:
        return False
    return all(_is_between(before.get(key), after.get(key), current.get(key)) for key in before.keys() | after.keys())


def _is_between(before: object, after: object, current: object) -> bool:
    if any(matches({"": side}, {"": current}) for side in (before, after)):
        return True
    if not all(isinstance(side, Mapping | None) for side in (before, after, current)):
        return False
    sides = [dict(side) if isinstance(side, Mapping) else {} for side in (before, after)]
    now = dict(current) if isinstance(current, Mapping) else {}
    return all(any(side.get(key) == now.get(key) for side in sides) for key in {**now, **sides[0], **sides[1]})


def related(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Return the runs with the ids of those that undid and continued them; `runs` are all runs, newest first."""
    undone = undone_by(runs)
    return tuple(
        replace(
            run,
            undone_by=undone.get(run.run_id, ""),
            continued_by=_continued_by(run, runs[:place]) if run.status is RunStatus.INTERRUPTED else "",
        )
        for place, run in enumerate(runs)
    )


def _continued_by(run: Run, later: Iterable[Run]) -> str:
    """Return the first later run of the same undo, or of the same command line at the same place; empty if none."""
    first = ""
    for other in later:
        if other.undoes == run.undoes and (run.undoes or other.command == run.command) and _at_place(other, run):
            first = other.run_id
    return first


def _at_place(one: Run, other: Run) -> bool:
    return replace(one.header, caller_arn="") == replace(other.header, caller_arn="")
