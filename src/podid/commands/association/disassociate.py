"""podid disassociate."""

from typing import Annotated

import typer

from podid.cli.arguments import ServiceAccounts
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.rights import CommandRights, OptionalRight


def rights() -> CommandRights:
    from podid.domain.plan import Verb
    from podid.kube.reader import KubeReader
    from podid.kube.writer import KubeWriter
    from podid.ops.change.kinds import ASSOCIATION, RESTART

    return CommandRights.of(
        *ASSOCIATION.calls(Verb.DELETE),
        optional=(
            OptionalRight.of("seeing what running pods carry", KubeReader.list_pods),
            OptionalRight.of(
                "the dry runs that show the effect; nothing is created, but the right could", KubeWriter.dry_run_pod
            ),
            OptionalRight.of("--restart", *RESTART.calls(Verb.RESTART)),
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *CHANGE, "wait"), rights=rights)
def disassociate(
    access: Access,
    terminal: Terminal,
    targets: ServiceAccounts,
    restart: Annotated[
        bool, typer.Option("--restart", help="Restart the workloads, so that their pods start without the role.")
    ] = False,
    ignore_not_found: Annotated[
        bool, typer.Option("--ignore-not-found", help="No failure where there is no association.")
    ] = False,
) -> None:
    """Take the role away again. Deleting asks first, or needs --yes.

    Pods that run keep their credentials until they expire; new pods get none.

    Example: podid disassociate shop/orders --yes
    """
    from podid.cli import typed
    from podid.cli.changing import carry_out, report, restarting, settle_interrupted
    from podid.domain.errors import Again, UsageError
    from podid.domain.plan import Wait
    from podid.ops.association.aftermath import ASSOCIATION_SECONDS, after_disassociate
    from podid.ops.association.plan import check_associated, current_associations, plan_disassociate

    refs = typed.service_accounts(targets)
    if access.options.wait is Wait.PROOF:
        what = "--wait proof is for what gives credentials; that new pods get none any more is --wait effect"
        raise UsageError(what, hint=Again(swap=("proof", "effect")))
    place = access.place(for_change=True)
    restarts = restarting(access, terminal, refs) if restart else None
    settle_interrupted(access, terminal, place)
    current = current_associations(access.clients, place, refs)
    if not ignore_not_found:
        check_associated(access.clients, place, current)
    plan = plan_disassociate(refs, place.header, current)
    question = f"Delete the association of {', '.join(map(str, refs))}?"
    result = carry_out(
        access,
        terminal,
        plan,
        question=question,
        needed_for="Deleting an association",
        word="delete" if len(plan.actions) > 1 else "",
        restarts=restart,
    )
    if result is not None:
        result = after_disassociate(
            access.clients,
            place,
            access.patience(ASSOCIATION_SECONDS),
            result,
            wait=access.options.wait,
            restarting=restarts and restarts.of(result.run_id),
        )
        report(terminal, result)
