"""podid role list."""

from podid.cli.command import Access, Terminal, command
from podid.cli.options import AWS
from podid.domain.rights import CommandRights


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam

    return CommandRights.of(Iam.list_roles, Iam.find_roles, Eks.list_clusters, Eks.list_associations)


@command(shared=AWS, rights=rights)
def list_roles(access: Access, terminal: Terminal) -> None:
    """List the roles that pods can assume, and which pods.

    With how many associations of the region's clusters name each, and when it was last used.

    Example: podid role list -o name
    """
    from podid.domain.words import short_list
    from podid.ops.role.read import list_pod_roles
    from podid.ops.role.uses import read_region_uses
    from podid.render.roles import role_list_view

    place = access.account_place()
    with terminal.working("reading the account's roles and associations"):
        uses = read_region_uses(access.aws, place.account)
        found = list_pod_roles(access.aws.iam, uses, place.region)
    terminal.emit(role_list_view(found, access.runtime.now()))
    if found.shut:
        names = short_list(item.role.name for item in found.shut)
        terminal.note(f"note: {len(found.shut)} more name pods and let none in: {names}; podid role show says why")
    for item in found.unread:
        terminal.note(f"note: not looked at: {item}")
