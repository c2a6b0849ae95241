"""What every changing command does the same way: settle, show the plan, ask, carry out, say what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.domain.plan import ChangeResult, Plan
from podid.ops.change.apply import Ahead, apply, check_deletions
from podid.ops.change.settle import settle
from podid.render.changes import plan_lines, plan_view, result_view

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from podid.cli.access import Access
    from podid.cli.terminal import Terminal
    from podid.domain.names import ServiceAccountRef
    from podid.domain.place import Place
    from podid.ops.association.aftermath import Waiting
    from podid.ops.reading.probes import Probe, Probing
    from podid.ops.restart.journalled import Restarting

# for calls that are made again; what waits for other things has its own limit
CHANGE_SECONDS = 300.0
# of thousands of steps each, as a throttled service lets them go
_STEP_SECONDS = 2.0


def settle_interrupted(access: Access, terminal: Terminal, place: Place) -> None:
    """Finds out what became of changes that were cut short, and says so. A dry run touches nothing, the journal
    included."""
    if not access.shared.dry_run:
        found, runtime = settle(access.clients, place, access.journal), access.runtime
        runtime.settled = found if runtime.settled is None else runtime.settled.joined(found)
        for sentence in found.sentences:
            terminal.note(sentence)


def announce(terminal: Terminal, plan: Plan) -> None:
    terminal.note(*plan_lines(plan, brief=not terminal.verbose))


def agree(
    access: Access,
    terminal: Terminal,
    plan: Plan,
    question: str = "",
    *,
    needed_for: str = "",
    word: str = "",
    grave: Sequence[str] = (),
) -> None:
    """Shows the plan, and asks `question` if there is one. Raises Declined on a no, and Conflict where what is to be
    deleted is no longer what the plan says."""
    announce(terminal, plan)
    if access.runtime.guard is not None:
        access.runtime.guard(terminal)
    elif question:
        terminal.consent(question, needed_for=needed_for, word=word, why=grave)
    check_deletions(access.clients, plan)


def carry_out(
    access: Access,
    terminal: Terminal,
    plan: Plan,
    *,
    question: str = "",
    needed_for: str = "",
    word: str = "",
    grave: Sequence[str] = (),
    undoes: str = "",
    restarts: Restarting | None = None,
    ahead: Ahead = lambda action: None,
) -> ChangeResult | None:
    """Shows the plan, asks `question` if there is one, and applies. None after --dry-run: the plan is on stdout."""
    if access.shared.dry_run:
        terminal.emit(plan_view(plan))
        return None
    if plan.actions:
        agree(access, terminal, plan, question, needed_for=needed_for, word=word, grave=grave)
    else:
        for note in plan.notes:
            terminal.note(f"note: {note}")
    access.runtime.changing = True
    patience = access.patience(max(CHANGE_SECONDS, len(plan.actions) * _STEP_SECONDS))
    try:
        return apply(
            plan,
            access.clients,
            access.journal,
            patience,
            command=access.runtime.argv,
            undoes=undoes,
            restarts=restarts.planned if restarts is not None else (),
            ahead=ahead,
        )
    finally:
        terminal.progress.done()


def restarting(
    access: Access, terminal: Terminal, refs: Collection[ServiceAccountRef] = (), *, insist: bool = False
) -> Restarting:
    """What --restart of a change asks for. Raises what would stand in its way, before anything is changed."""
    from podid.ops.restart.journalled import RESTART_SECONDS, Restarting
    from podid.ops.restart.targets import find_targets

    return Restarting(
        patience=access.patience(RESTART_SECONDS),
        journal=access.journal,
        command=access.runtime.argv,
        announce=lambda plan: announce(terminal, plan),
        ahead=find_targets(access.kube.reader, refs, stale=False) if refs else (),
        insist=insist,
    )


def waiting(
    access: Access, place: Place, result: ChangeResult | None = None, restarts: Restarting | None = None
) -> Waiting:
    """How far, and how long, a change of associations is waited for; `restarts` are part of `result`."""
    from podid.ops.association.aftermath import ASSOCIATION_SECONDS, Waiting

    return Waiting(
        clients=access.clients,
        place=place,
        patience=access.patience(ASSOCIATION_SECONDS),
        wait=access.shared.wait,
        journal=access.journal,
        restarting=restarts.of(result.run_id) if restarts is not None and result is not None else None,
    )


def probing(access: Access, planned: tuple[Probe, ...] = ()) -> Probing:
    """How podid's own pods are run, and where they are written down."""
    from podid.ops.reading.probes import PROBE_SECONDS, Probing

    access.runtime.changing = True
    return Probing(
        patience=access.patience(PROBE_SECONDS),
        journal=access.journal,
        command=access.runtime.argv,
        planned=planned,
    )


def tell_left_behind(
    access: Access, terminal: Terminal, place: Place, result: ChangeResult, refs: Collection[ServiceAccountRef]
) -> ChangeResult:
    """The result with a note on running pods that the change did not reach, where they can be listed."""
    from dataclasses import replace

    from podid.ops.association.plan import late_changes
    from podid.ops.restart.targets import left_behind

    if result.error is not None:
        return result
    if access.kube.failure is not None:
        terminal.explain(f"not looked at: the running pods ({access.kube.failure.what})")
        return result
    restart = ("--cluster", place.cluster_name)
    changed = late_changes(result.plan)
    notes = left_behind(access.kube.reader, refs, changed, lambda command: access.at_place((*command, *restart)))
    return replace(result, notes=(*result.notes, *notes))


def report(terminal: Terminal, result: ChangeResult, *, nothing: str = "nothing to change") -> None:
    """Puts the result on stdout and leaves with its code; `nothing` is said of one without actions. Raises its error
    where nothing was done: there is no result then."""
    if result.error is not None and not result.worked:
        raise result.error
    terminal.emit(result_view(result, settled=terminal.take_settled(), nothing=nothing))
    for note in result.notes:
        terminal.note(f"note: {note}")
    if result.error is not None:
        terminal.tell_failure(result.error)
    terminal.leave(result.exit_code)
