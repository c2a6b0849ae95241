"""podid addon list."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER
from podid.domain.option import switch


@command(
    shared=CLUSTER,
    needs="Eks.list_addons Eks.get_addon_configuration Eks.list_association_summaries Eks.get_association",
    optional=(("--all", "Eks.list_addon_offers"),),
)
def list_addons(
    access: Access,
    all_: bool = switch("Include add-ons that EKS offers and that are not installed."),
) -> None:
    """List add-ons and their service accounts' roles.

    Each service account is shown with the policies that AWS recommends, its current role and the owner of its
    association. Exit 9 if something could not be read.

    Example: podid addon list --cluster demo

    Example: podid addon list --all -o json
    """
    from podid.ops.addon.read import read_matrix
    from podid.render.agent import addon_list_view

    place = access.place()
    with access.terminal.working(f"reading the add-ons of {place.cluster_name}"):
        addons = read_matrix(access.clients, place, offered=all_)
    access.terminal.emit(addon_list_view(addons))
    access.terminal.leave(addons.exit_code)
