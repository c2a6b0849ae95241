"""podid role list."""

from podid.cli.command import Access, command
from podid.cli.options import AWS
from podid.domain.option import switch


@command(
    shared=AWS,
    needs="Iam.list_roles Iam.find_roles Eks.list_clusters Eks.list_associations",
    optional=(
        ("comparing policies with their presets", "Iam.get_inline_names Iam.get_inline_documents"),
        ("--owners: the stacks of roles", "CloudFormation.find_owner_of_role"),
    ),
)
def list_roles(
    access: Access,
    unused: bool = switch("Only roles that no association uses, in any cluster of any region."),
    all_clusters: bool = switch("Count the associations of every cluster of every region."),
    owners: bool = switch("Show the tool that owns each role, and find the CloudFormation stacks of roles."),
) -> None:
    """List the roles that pods can assume.

    For each role, podid shows how many associations of the region's clusters use it, when it was last used, and which
    of its policies now differ from their presets. Exit 9 if something could not be read.

    Example: podid role list

    Example: podid role list --unused

    Example: podid role list --all-clusters -o wide
    """
    from podid.ops.role.read import list_pod_roles, with_stacks
    from podid.ops.role.uses import read_all_uses
    from podid.render.roles import role_list_view

    place = access.account_place()
    with access.terminal.working("reading the account's roles and associations") as progress:
        regions = () if unused or all_clusters else (access.aws.region,)
        uses = read_all_uses(access.aws, place.account, regions)
        pod_roles = list_pod_roles(access.clients, uses, place.region, progress.glance)
        pod_roles = pod_roles.unused(uses) if unused else pod_roles
        pod_roles = with_stacks(access.clients, pod_roles) if owners else pod_roles
    access.terminal.emit(role_list_view(pod_roles, access.runtime.now(), unused=unused, owners=owners))
    access.terminal.leave(pod_roles.exit_code)
