"""podid move."""

from typing import Annotated

import typer

from podid.cli.arguments import CreateServiceAccount, Replace, Scope, UpdateTrust
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.rights import CommandRights


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.cli.associating import making

    return making(Eks.delete_association, Eks.list_association_summaries)


@command(shared=(*CLUSTER, *KUBERNETES, *CHANGE, "wait"), rights=rights)
def move(
    access: Access,
    terminal: Terminal,
    source: Annotated[str, typer.Argument(metavar="NS/SA", help="Whose association it is now.", show_default=False)],
    target: Annotated[str, typer.Argument(metavar="NS/SA", help="Whose it is to be.", show_default=False)],
    scope: Scope = "service-account",
    replace: Replace = False,
    update_trust: UpdateTrust = False,
    create_service_account: CreateServiceAccount = False,
) -> None:
    """Give an association to another service account. Deleting asks first, or needs --yes.

    EKS changes no association's service account: the new one is made first, and only then the old one is deleted.

    Example: podid move shop/orders shop/orders-api --update-trust --yes
    """
    from podid.cli import typed
    from podid.cli.moving import move_in
    from podid.domain.names import ServiceAccountRef

    move_in(
        access,
        terminal,
        ServiceAccountRef.parse(source),
        ServiceAccountRef.parse(target),
        scope=typed.scope(scope),
        replace=replace,
        update_trust=update_trust,
        create_service_account=create_service_account,
    )
