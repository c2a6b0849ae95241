"""The caller's own rights for commands of podid, as `doctor --me` asks for them."""

from collections.abc import Sequence
from dataclasses import replace

from podid.cli.access import Access
from podid.domain.errors import AccessDenied, Again, UsageError
from podid.domain.own_rights import OwnRights
from podid.domain.rights import CommandRights
from podid.domain.words import did_you_mean, nearest
from podid.kube.reader import KubeReader
from podid.ops.doctor.own_rights import own_rights


def rights_for(names: Sequence[str]) -> tuple[tuple[str, ...], CommandRights]:
    """The commands' names, and what all of them need together. UsageError for what is no command."""
    from podid.cli.tree import COMMANDS

    known = {row.name: row for row in COMMANDS}
    wanted = tuple(dict.fromkeys(" ".join(name.split()).removeprefix("podid ") for name in names))
    total = CommandRights()
    for given, name in zip(names, wanted, strict=False):
        if name not in known:
            near = nearest(name, known, 1)
            raise UsageError(
                f"There is no command {name!r} to have rights for{did_you_mean(name, known, 1)}",
                hint=Again(swap=(given, near[0])) if near else (),
                subject=name,
            )
        found = known[name].load().all_rights()
        optional = dict.fromkeys((*total.optional, *found.optional))
        total = replace(total, always=total.always | found.always, optional=tuple(optional))
    return wanted, total


def look(access: Access, names: Sequence[str], namespace: str) -> OwnRights:
    """What is known of them at the place that the command line names. The cluster itself is read only on the way into
    it, so that a caller who may not do that has an answer too."""
    commands, needed = rights_for(names)

    def reader() -> KubeReader:
        try:
            return access.kube.reader
        except AccessDenied as error:
            error.what = f"there is no way into the cluster: {error.what}"
            raise

    return own_rights(
        access.clients.iam, reader, access.who_and_where(), needed, commands=commands, namespace=namespace
    )
