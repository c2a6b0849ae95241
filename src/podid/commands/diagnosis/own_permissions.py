"""`podid doctor --me`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podid.cli.access import Access
    from podid.kube.reader import KubeReader


def show_own_permissions(access: Access, names: Sequence[str]) -> None:
    """Shows the caller's rights for the commands of these names. The cluster itself is read only on the way into it,
    so that a caller who may not do that has an answer too."""
    from podid.cli.tree import permissions_of_commands
    from podid.domain.errors import AccessDenied
    from podid.ops.doctor.own_permissions import own_permissions
    from podid.render.permissions import own_permissions_view

    def reader() -> KubeReader:
        try:
            return access.kube.reader
        except AccessDenied as error:
            error.message = f"there is no way into the cluster: {error.message}"
            raise

    with access.terminal.working("asking for the caller's rights"):
        commands, needed = permissions_of_commands(names)
        iam, where, namespace = access.clients.iam, access.who_and_where(), access.shared.namespace or ""
        permissions = own_permissions(iam, reader, where, needed, commands=commands, namespace=namespace)
    access.terminal.emit(own_permissions_view(permissions))
    access.terminal.leave(permissions.exit_code)
