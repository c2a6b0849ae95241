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
    """Return the permissions to undo any run."""
    from podid.cli.permissions import undoing
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import KINDS

    return undoing((kind, verb) for kind in KINDS for verb in kind.operations if verb is not Verb.NONE)


def permissions_for(run_id: str | None, access: Access, **_: object) -> CommandPermissions:
    """Return the permissions to undo the named run."""
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
    run_id: str | None = argument(
        "RUN", "Run: its id, at least six characters of its start or end, or 'last'.", default=None
    ),
    restart: bool = switch("Restart the workloads whose associations change."),
    force: bool = FORCE,
) -> None:
    """Undo one run. Asks for confirmation, or requires --yes.

    podid refuses if a resource has changed since, or if the run was made in another account, region or cluster. 'last'
    is the newest run that can be undone and is not an undo itself. Some runs require an answer at a terminal even with
    --yes: a run of another caller, and an undo that grants AdministratorAccess, allows another account in a trust
    policy or removes a permissions boundary. The undo of podid migrate apply always restarts the workloads. With
    --show-permissions, print the permissions to undo RUN.

    Example: podid undo last

    Example: podid undo last --dry-run

    Example: podid undo last --yes --restart
    """
    from itertools import pairwise

    from podid.cli import changing
    from podid.domain.errors import Conflict, Other, UsageError
    from podid.domain.plan import Consent
    from podid.ops.association.aftermath import after_change
    from podid.ops.association.plan import changed_associations
    from podid.ops.change.kinds import kind_of
    from podid.ops.change.undo import check_account, undo_plan
    from podid.ops.migrate.addons import listed
    from podid.ops.migrate.items import alone
    from podid.ops.migrate.rollback import undo_of_migration

    if run_id is None and access.runtime.interactive:
        from podid.cli.guide.run import guide_undo

        raise guide_undo(access)
    if run_id is None:
        raise UsageError("Specify the run: its id, or 'last'", hint=Other(("history",)))
    recorded = access.journal.get(run_id)
    if recorded.running:
        raise Conflict(f"Run {recorded.run_id} is still in progress", subject=recorded.run_id)
    # the run names its cluster; account and region are checked against the credentials
    access = access.at(f"run {recorded.run_id}", cluster=recorded.header.cluster, region=recorded.header.region)
    account_wide = all(kind_of(step.action.kind).account_wide for step in recorded.steps)
    place = access.account_place()
    check_account(recorded, place)
    place = place if account_wide else access.place(for_change=True)
    changing.settle_interrupted(access, place)
    recorded = access.journal.get(recorded.run_id)  # as settled
    with access.terminal.working("reading the changed resources"):
        undo = undo_plan(access.clients, place, recorded, access.journal)
    plan, taken = undo.plan, "--take-over" in recorded.command
    kept, deleted = changed_associations(plan)
    refs = (*kept, *deleted)
    consent = Consent(
        question=f"Undo run {recorded.run_id}?",
        needed_for="Undoing a run",
        word="undo" if undo.grave else "",
        grave=tuple(undo.grave),
    )
    migrated = ("migrate", "apply") in pairwise(recorded.command)
    if migrated:
        deleted += [ref for action in plan.actions for ref in listed(action)]
    if deleted and migrated:
        with alone(access.journal, place, access.patience(changing.CHANGE_SECONDS)):
            planned = undo_of_migration(plan, deleted)
            changing.roll_back(access, place, planned, consent=consent, undoes=recorded.run_id, taken_over=taken)
        return
    restarts = changing.restarting(access, refs, insist=force) if restart and refs else None
    if refs:
        plan = changing.with_outlook(access, place, plan, refs, restart=restart, force=force)

    def after(result: ChangeResult) -> ChangeResult:
        return changing.followed(access, place, result, restarts, kept, after_change) if refs else result

    changing.run(access, plan, after, consent=consent, undoes=recorded.run_id, restarts=restarts, taken_over=taken)
