"""podid role list."""

from podid.cli.command import Access, Terminal, command
from podid.cli.options import AWS
from podid.domain.rights import CommandRights


def rights() -> CommandRights:
    from podid.aws.iam import Iam

    return CommandRights.of(
        Iam.list_roles,
    )


@command(shared=AWS, rights=rights)
def list_roles(access: Access, terminal: Terminal) -> None:
    """List the roles that pods can assume, and which pods.

    Example: podid role list -o name
    """
    from podid.ops.role.read import list_pod_roles
    from podid.render.roles import role_list_view

    access.check_account()
    with terminal.working("reading the account's roles"):
        found = list_pod_roles(access.aws.iam)
    terminal.emit(role_list_view(found))
