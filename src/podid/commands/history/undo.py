"""podid undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import AWS, CHANGE, KUBERNETES
from podid.domain.option import argument, switch
from podid.domain.permissions import CommandPermissions
from podid.ops.options import FORCE

if TYPE_CHECKING:
    from podid.domain.plan import ChangeResult


def permissions() -> CommandPermissions:
    """Of every run that there may be."""
    from podid.cli.permissions import undoing
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import KINDS

    return undoing((kind, verb) for kind in KINDS for verb in kind.operations if verb is not Verb.NONE)


def permissions_for(run_id: str | None, access: Access, **_: object) -> CommandPermissions:
    """Of the run that is named."""
    from podid.cli.permissions import undoing
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import kind_of

    if run_id is None:
        return permissions()
    actions = [step.action for step in access.journal.peek(run_id).changed]
    back = {Verb.CREATE: Verb.DELETE, Verb.DELETE: Verb.CREATE}
    return undoing((kind_of(action.kind), back.get(action.verb, action.verb)) for action in actions)


@command(shared=(*AWS, *KUBERNETES, *CHANGE, "wait"), permissions=permissions, permissions_for=permissions_for)
def undo(
    access: Access,
    run_id: str | None = argument("RUN", "The run's id, six characters of its start or end, or 'last'.", default=None),
    restart: bool = switch("Restart the workloads whose associations change."),
    force: bool = FORCE,
) -> None:
    """Take back what one run changed. Asks first, or needs --yes.

    Refuses when something has changed since, or when the run was made in another account, region or cluster. 'last' is
    the newest run that can be undone and is no undo itself. With --show-permissions it prints what undoing RUN takes.
    Some runs need an answer at a terminal even with --yes: a run of another caller, and one whose undoing grants
    AdministratorAccess, lets in another account or removes a permissions boundary.

    Example: podid undo last
    """
    from podid.cli import changing
    from podid.domain.errors import Conflict, Other, UsageError
    from podid.domain.plan import Consent
    from podid.ops.association.aftermath import after_change
    from podid.ops.association.plan import changed_associations
    from podid.ops.change.kinds import kind_of
    from podid.ops.change.undo import check_account, undo_plan

    if run_id is None:
        raise UsageError("Specify the run: its id, or 'last'", hint=Other(("history",)))
    recorded = access.journal.get(run_id)
    if recorded.running:
        raise Conflict(f"Run {recorded.run_id} is still going on", subject=recorded.run_id)
    # the run knows its cluster; the account and the region are checked against the credentials
    access = access.at(f"run {recorded.run_id}", cluster=recorded.header.cluster, region=recorded.header.region)
    account_wide = all(kind_of(step.action.kind).account_wide for step in recorded.steps)
    place = access.account_place()
    check_account(recorded, place)
    place = place if account_wide else access.place(for_change=True)
    changing.settle_interrupted(access, place)
    recorded = access.journal.get(recorded.run_id)  # as settled
    with access.terminal.working("reading what the run left"):
        undo = undo_plan(access.clients, place, recorded, access.journal)
    plan = undo.plan
    kept, deleted = changed_associations(plan)
    refs = (*kept, *deleted)
    restarts = changing.restarting(access, refs, insist=force) if restart and refs else None
    if refs:
        plan = changing.with_outlook(access, place, plan, refs, restart=restart, force=force)

    def after(result: ChangeResult) -> ChangeResult:
        return changing.followed(access, place, result, restarts, kept, after_change) if refs else result

    consent = Consent(
        question=f"Take back run {recorded.run_id}?",
        needed_for="Undoing a run",
        word="undo" if undo.grave else "",
        grave=tuple(undo.grave),
    )
    changing.run(access, plan, after, consent=consent, undoes=recorded.run_id, restarts=restarts)
