"""podid role show."""

from podid.cli.command import Access, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.option import switch
from podid.domain.rights import CommandRights
from podid.ops.role.request import ROLE


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam

    return CommandRights.of(
        Iam.get_role,
        Iam.list_role_names,
        Iam.get_policies,
        Iam.get_managed_document,
        Eks.list_associations,
        Eks.list_clusters,
    )


@command(shared=(*CLUSTER, *KUBERNETES), rights=rights)
def show(
    access: Access,
    terminal: Terminal,
    name: str = ROLE,
    all_clusters: bool = switch("Look for associations in every cluster of every region."),
) -> None:
    """Show a role, its trust and who uses it.

    Who may assume it, what it may do in words, what its trust says to each association that names it, what made it, and
    what is wrong with it.

    Example: podid role show shop-orders
    """
    from podid.domain.errors import AccessDenied, Conflict, NotFound, UsageError
    from podid.ops.role.read import read_role
    from podid.ops.role.uses import read_all_uses, read_uses
    from podid.render.roles import role_view

    access.check_account()
    found = read_role(access.aws.iam, name)
    with terminal.working("reading associations"):
        if all_clusters:
            found = found.with_uses(read_all_uses(access.aws, found.account), access.aws.region)
        else:
            try:
                cluster = access.place().cluster_name
            except (UsageError, NotFound, AccessDenied, Conflict) as error:
                if access.shared.cluster is not None:
                    raise
                terminal.explain(f"associations not looked at: {error.what}")
            else:
                found = found.with_uses(read_uses(access.aws, found.account, (cluster,)), access.aws.region)
    terminal.emit(role_view(found, access.runtime.now()))
