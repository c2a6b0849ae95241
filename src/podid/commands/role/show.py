"""podid role show."""

from typing import Annotated

import typer

from podid.cli.command import Access, Shared, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.rights import CommandRights


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam

    return CommandRights.of(
        Iam.get_role,
        Iam.list_role_names,
        Iam.get_policies,
        Eks.list_associations,
    )


@command(shared=(*CLUSTER, *KUBERNETES), rights=rights)
def show(
    access: Access,
    terminal: Terminal,
    options: Shared,
    name: Annotated[str, typer.Argument(metavar="ROLE", help="Role, by name or ARN.", show_default=False)],
) -> None:
    """Show a role, its trust and who uses it.

    Who may assume it, what it may do, and which service accounts of the cluster are associated with it.

    Example: podid role show shop-orders
    """
    from podid.domain.errors import AccessDenied, Conflict, NotFound, UsageError
    from podid.ops.role.read import read_role, used_by
    from podid.render.roles import role_view

    access.check_account()
    found = read_role(access.aws.iam, name)
    try:
        users = used_by(access.aws.eks, access.place(), found.role)
    except (UsageError, NotFound, AccessDenied, Conflict) as error:
        if options.cluster is not None:
            raise
        terminal.explain(f"associations not looked at: {error.what}")
        users = None
    terminal.emit(role_view(found, users))
