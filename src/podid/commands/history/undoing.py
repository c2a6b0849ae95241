"""Undo one run: the part that podid undo does in each cluster of a command."""

from collections.abc import Sequence

from podid.cli.access import Access
from podid.cli.changing import Change
from podid.domain.errors import Conflict
from podid.domain.names import AGENT_ADDON
from podid.domain.plan import ChangeResult, Consent
from podid.domain.text import short_list
from podid.ops.agent.preflight import CHECKS
from podid.ops.agent.uninstall import wait_for_addon
from podid.ops.agent.waiting import INSTALL_SECONDS
from podid.ops.association.aftermath import after_change
from podid.ops.association.plan import changed_associations
from podid.ops.change.kinds import ADDON, kind_of
from podid.ops.change.records import Run
from podid.ops.change.undo import check_account, undo_plan
from podid.ops.migrate.undo import undo_of_migration


def tell_others(access: Access, recorded: Run, runs: Sequence[Run]) -> None:
    """Name the other runs of the same command line, such as the installation of the agent for a migration."""
    changed = [(f"cluster {run.header.cluster}", run) for run in runs if run is not recorded]
    for run in access.journal.beside(recorded):
        subjects = (kind_of(step.action.kind).subject(step.action) for step in run.changed)
        changed.append((short_list(dict.fromkeys(subjects)), run))
    for words, run in changed:
        access.terminal.note(f"note: the same command changed {words} in run {run.run_id}, which is not undone")


def at_run(access: Access, recorded: Run) -> Access:
    """Return access to the place of the run. Account and region are checked against the credentials."""
    return access.at(f"run {recorded.run_id}", cluster=recorded.header.cluster, region=recorded.header.region)


def undo_run(access: Access, recorded: Run, *, restart: bool, force: bool, together: Sequence[Run] = ()) -> None:
    """Undo one run at its place. `together` are the runs in other clusters that the same command undoes."""
    if recorded.running:
        raise Conflict(f"Run {recorded.run_id} is still in progress", subject=recorded.run_id)
    access = at_run(access, recorded)
    account_wide = all(kind_of(step.action.kind).account_wide for step in recorded.steps)
    place = access.account_place()
    check_account(recorded, place)
    change = Change(
        access,
        place if account_wide else access.place(for_change=True),
        restart=restart,
        force=force,
        undoes=recorded.run_id,
        taken_over="--take-over" in recorded.command,
    )
    change.settle()
    recorded = access.journal.get(recorded.run_id)  # as settled
    with access.terminal.working("reading the changed resources"):
        undo = undo_plan(access.clients, change.place, recorded, access.journal, together)
    plan = undo.plan
    kept, deleted = changed_associations(plan.actions)
    refs = (*kept, *deleted)
    consent = Consent(
        question=f"Undo run {recorded.run_id}?",
        needed_for="Undoing a run",
        word="undo" if undo.grave else "",
        grave=tuple(undo.grave),
    )
    planned = undo_of_migration(access.clients, change.place, recorded, plan, now=access.runtime.now())
    if planned is not None:
        with change.alone():
            change.roll_back(planned, consent)
        return
    if restart and refs:
        change.plan_restarts(refs)
    addons = [action for action in plan.actions if action.kind == ADDON.name]
    if refs:
        plan = change.with_outlook(plan, refs)
    elif any(action.target == AGENT_ADDON for action in addons):
        plan = change.with_outlook(plan, checks=CHECKS, by_name=True)
    waits = {action.target: wait_for_addon(access.clients, action) for action in addons}

    def after(result: ChangeResult) -> ChangeResult:
        result = change.followed(result, kept, after_change) if refs else result
        for name, wait in waits.items():
            with access.terminal.working(f"waiting for add-on {name}"):
                result = wait(change.waiting(seconds=INSTALL_SECONDS), result)
        return result

    change.run(plan, after, consent=consent)
