"""podid undo."""

from typing import Annotated

import typer

from podid.cli.command import Access, Terminal, command
from podid.cli.options import AWS, CHANGE, KUBERNETES
from podid.domain.rights import CommandRights, OptionalRight


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.cli import rights
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import (
        ADDON,
        ASSOCIATION,
        ROLE,
        ROLE_ATTACHMENT,
        ROLE_POLICY,
        ROLE_SETTINGS,
        ROLE_TRUST,
        SERVICE_ACCOUNT,
    )

    return CommandRights.of(
        Eks.get_cluster,
        Eks.untag_association,
        Eks.list_clusters,
        Eks.list_associations,
        *ADDON.calls(Verb.CREATE, Verb.UPDATE, Verb.DELETE),
        *ASSOCIATION.calls(Verb.CREATE, Verb.UPDATE, Verb.DELETE),
        *ROLE.calls(Verb.CREATE, Verb.DELETE),
        *ROLE_TRUST.calls(Verb.UPDATE),
        *ROLE_SETTINGS.calls(Verb.UPDATE),
        Iam.untag_role,
        Iam.delete_boundary,
        *ROLE_POLICY.calls(Verb.CREATE, Verb.UPDATE, Verb.DELETE),
        *ROLE_ATTACHMENT.calls(Verb.CREATE, Verb.DELETE),
        optional=(
            rights.RUNNING_PODS,
            rights.EFFECT,
            rights.RESTARTING,
            rights.PROOF,
            OptionalRight.of("undoing --create-service-account", *SERVICE_ACCOUNT.calls(Verb.CREATE, Verb.DELETE)),
        ),
    )


@command(shared=(*AWS, *KUBERNETES, *CHANGE, "wait"), rights=rights)
def undo(
    access: Access,
    terminal: Terminal,
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, the start or end of it, or 'last'.")],
    restart: Annotated[
        bool, typer.Option("--restart", help="Restart the workloads whose associations change.")
    ] = False,
) -> None:
    """Take back what one run changed. Asks first, or needs --yes.

    Refuses when something has changed since, or when the run was made in another account, region or cluster.

    Example: podid undo last
    """
    from podid.cli.changing import carry_out, looking, report, restarting, settle_interrupted, tell_left_behind
    from podid.domain.errors import Conflict
    from podid.ops.association.aftermath import after_change
    from podid.ops.association.plan import changed_associations
    from podid.ops.change.kinds import kind_of
    from podid.ops.change.undo import check_account, undo_plan

    recorded = access.journal.get(run_id)
    if recorded.running:
        raise Conflict(f"Run {recorded.run_id} is still going on", subject=recorded.run_id)
    # the run knows its cluster; the account and the region are checked against the credentials
    access = access.at(f"run {recorded.run_id}", cluster=recorded.header.cluster, region=recorded.header.region)
    account_wide = all(kind_of(step.action.kind).account_wide for step in recorded.steps)
    place = access.account_place()
    check_account(recorded, place)
    place = place if account_wide else access.place(for_change=True)
    settle_interrupted(access, terminal, place)
    recorded = access.journal.get(recorded.run_id)  # as settled
    with terminal.working("reading what the run left"):
        plan = undo_plan(access.clients, place, recorded)
    kept, deleted = changed_associations(plan)
    restarts = restarting(access, terminal, (*kept, *deleted)) if restart else None
    result = carry_out(
        access,
        terminal,
        plan,
        question=f"Take back run {recorded.run_id}?",
        needed_for="Undoing a run",
        undoes=recorded.run_id,
        restarts=restart and bool(kept or deleted),
    )
    if result is not None and (kept or deleted):
        result = after_change(looking(access, place, result, restarts), result)
        result = result if restart else tell_left_behind(access, terminal, place, result, kept)
    if result is not None:
        report(terminal, result)
