"""The permissions of the caller, for `podid doctor --me`."""

from collections.abc import Sequence
from dataclasses import replace

from podid.cli.access import Access
from podid.cli.tree import COMMANDS
from podid.domain.errors import AccessDenied, Again, UsageError
from podid.domain.permissions import CommandPermissions
from podid.domain.text import did_you_mean, nearest
from podid.kube.reader import KubeReader
from podid.ops.doctor.own_permissions import own_permissions
from podid.render.permissions import own_permissions_view


def show_own_permissions(access: Access, names: Sequence[str]) -> None:
    """Show the caller's permissions for these commands. The cluster is read only if a command requires it, so that a
    caller without access to it gets a result too."""

    def reader() -> KubeReader:
        try:
            return access.kube.reader
        except AccessDenied as error:
            error.message = f"the cluster cannot be reached: {error.message}"
            raise

    with access.terminal.working("checking the caller's permissions"):
        commands, needed = permissions_of_commands(names)
        iam, where, namespace = access.clients.iam, access.who_and_where(), access.shared.namespace or ""
        permissions = own_permissions(iam, reader, where, needed, commands=commands, namespace=namespace)
    access.terminal.emit(own_permissions_view(permissions))
    access.terminal.leave(permissions.exit_code)


def permissions_of_commands(names: Sequence[str]) -> tuple[tuple[str, ...], CommandPermissions]:
    """Return the commands' names and their permissions together. Raise UsageError for an unknown command."""
    known = {row.name: row for row in COMMANDS}
    plain = tuple(dict.fromkeys(" ".join(name.split()).removeprefix("podid ") for name in names))
    total = CommandPermissions()
    for typed, name in zip(names, plain, strict=False):
        if name not in known:
            near = nearest(name, known, 1)
            raise UsageError(
                f"Unknown command {name!r}{did_you_mean(name, known, 1)}",
                hint=Again(swap=(typed, near[0])) if near else (),
                subject=name,
            )
        needed = known[name].load().all_permissions()
        optional = dict.fromkeys((*total.optional, *needed.optional))
        total = replace(total, always=total.always | needed.always, optional=tuple(optional))
    return plain, total
