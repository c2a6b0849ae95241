"""podid version."""

from podid.cli.command import Access, command
from podid.version import VERSION


@command()
def version(access: Access) -> None:
    """Print the versions of podid, its libraries and its data.

    The command calls neither AWS nor Kubernetes. podid --version prints only the version of podid.

    Example: podid version

    Example: podid version -o json
    """
    from podid.ops.versions import read_versions
    from podid.render.settings import versions_view

    access.terminal.emit(versions_view(read_versions(VERSION)))
