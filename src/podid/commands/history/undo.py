"""podid undo."""

from typing import Annotated

import typer

from podid.cli.command import Access, Terminal, command
from podid.cli.options import AWS, CHANGE, KUBERNETES
from podid.domain.rights import CommandRights, OptionalRight


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.kube.reader import KubeReader
    from podid.kube.writer import KubeWriter

    return CommandRights.of(
        Eks.get_cluster,
        Eks.find_addon,
        Eks.delete_addon,
        Eks.find_association,
        Eks.get_association,
        Eks.create_association,
        Eks.update_association,
        Eks.delete_association,
        Iam.find_role,
        Iam.get_policies,
        Iam.update_trust,
        Iam.put_inline_policy,
        Iam.delete_inline_policy,
        Iam.attach_policy,
        Iam.detach_policy,
        Iam.delete_role,
        optional=(
            OptionalRight.of(
                "undoing --create-service-account",
                KubeReader.find_service_account,
                KubeWriter.delete_service_account,
            ),
        ),
    )


@command(shared=(*AWS, *KUBERNETES, *CHANGE), rights=rights)
def undo(
    access: Access,
    terminal: Terminal,
    run_id: Annotated[
        str, typer.Argument(metavar="RUN", help="The run's id or the start of it, or 'last'.", show_default=False)
    ],
) -> None:
    """Take back what one run changed. Asks first, or needs --yes.

    Refuses when something has changed since, or when the run was made in another account, region or cluster.

    Example: podid undo last
    """
    from podid.cli.changing import carry_out, report, settle_interrupted
    from podid.domain.errors import Conflict
    from podid.ops.change.kinds import kind_of
    from podid.ops.change.undo import undo_plan

    recorded = access.journal.get(run_id)
    if recorded.running:
        raise Conflict(f"Run {recorded.run_id} is still going on", subject=recorded.run_id)
    # the run knows its cluster; the account and the region are checked against the credentials
    access = access.at(f"run {recorded.run_id}", cluster=recorded.header.cluster, region=recorded.header.region)
    account_wide = all(kind_of(step.action.kind).account_wide for step in recorded.steps)
    place = access.account_place() if account_wide else access.place(for_change=True)
    settle_interrupted(access, terminal, place)
    recorded = access.journal.get(recorded.run_id)  # as settled
    with terminal.working("reading what the run left"):
        plan = undo_plan(access.clients, place, recorded)
    result = carry_out(
        access,
        terminal,
        plan,
        question=f"Take back run {recorded.run_id}?",
        needed_for="Undoing a run",
        undoes=recorded.run_id,
    )
    if result is not None:
        report(terminal, result)
