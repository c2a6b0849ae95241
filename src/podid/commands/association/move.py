"""podid move."""

from typing import Annotated

import typer

from podid.cli.arguments import CreateServiceAccount, Replace, Scope, UpdateTrust
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.rights import CommandRights


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.cli import rights

    return rights.making(
        Eks.delete_association,
        Eks.list_association_summaries,
        optional=(rights.RESTARTING, rights.PROOF),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *CHANGE, "wait"), rights=rights)
def move(
    access: Access,
    terminal: Terminal,
    source: Annotated[str, typer.Argument(metavar="NS/SA", help="Who has the association now.")],
    target: Annotated[str, typer.Argument(metavar="NEW-NS/SA", help="Who gets it.")],
    scope: Scope = "service-account",
    replace: Replace = False,
    update_trust: UpdateTrust = False,
    create_service_account: CreateServiceAccount = False,
    remove_trust: Annotated[
        bool, typer.Option("--remove-trust", help="Take the old service account out of the role's trust policy too.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Restart the workloads of both whose pods the change did not reach.")
    ] = False,
) -> None:
    """Give an association to another service account. Deleting asks first, or needs --yes.

    EKS changes no association's service account: the new one is made first, and the old one is deleted only once new
    pods are seen to get credentials by the new one, where that can be looked at (--wait).

    Example: podid move shop/orders shop/orders-api --update-trust --yes
    """
    from podid.cli import typed
    from podid.cli.moving import MoveAsked, move_in
    from podid.domain.names import ServiceAccountRef

    asked = MoveAsked(
        source=ServiceAccountRef.parse(source),
        target=ServiceAccountRef.parse(target),
        scope=typed.scope(scope),
        replace=replace,
        update_trust=update_trust,
        remove_trust=remove_trust,
        restart=restart,
        create_service_account=create_service_account,
    )
    move_in(access, terminal, asked)
