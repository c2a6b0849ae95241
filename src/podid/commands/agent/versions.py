"""podid agent versions."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER


@command(shared=CLUSTER, needs="Eks.find_addon Eks.list_addon_versions")
def versions(access: Access) -> None:
    """List the add-on's versions that EKS offers for this cluster.

    The newest is first. The installed version and EKS's default are marked. For a version that is not compatible with
    the cluster, podid shows the reason.

    Example: podid agent versions --cluster demo

    Example: podid agent versions -o name
    """
    from podid.ops.agent.versions import read_versions
    from podid.render.agent import version_list_view

    place = access.place()
    with access.terminal.working("reading the add-on's versions"):
        versions = read_versions(access.clients, place)
    access.terminal.emit(version_list_view(versions))
