"""podid list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from podid.cli.command import Access, Shared, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.rights import CommandRights, OptionalRight

if TYPE_CHECKING:
    from podid.ops.association.read import Listed


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.kube.reader import KubeReader

    return CommandRights.of(
        Eks.iter_readable,
        optional=(OptionalRight.of("--pods: the running pods", KubeReader.list_pods),),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES), rights=rights)
def list_associations(
    access: Access,
    terminal: Terminal,
    options: Shared,
    role: Annotated[
        str | None,
        typer.Option("--role", metavar="ROLE", help="Only associations of this role, name or ARN.", show_default=False),
    ] = None,
    pods: Annotated[
        bool, typer.Option("--pods", help="Count the running pods of each, and those that are stale.")
    ] = False,
) -> None:
    """List associations with their roles.

    The API's own list leaves the roles out. A pod is stale that lacks the injected fields, or that is older than a
    change of its association whose credentials from before can still be in use.

    Example: podid list -o json --query 'items[].roleArn'
    """
    from podid.ops.association.counts import count_pods
    from podid.ops.association.read import RoleFilter, iter_associations
    from podid.render.associations import association_list_view, listed_body
    from podid.render.formats import Format

    wanted = RoleFilter.parse(role)
    place = access.place()
    found = iter_associations(access.aws.eks, place, namespace=options.namespace, role=wanted)
    if options.output is Format.JSONL and options.query is None and not pods:
        seen: list[Listed] = []
        terminal.stream(listed_body(item) for item in _kept(found, seen))
        _leave(terminal, seen)
        return
    with terminal.working(f"reading the associations of {place.cluster_name}"):
        associations, now = sorted(found, key=lambda item: (item.ref, item.association_id)), access.runtime.now()
        counts = None
        if pods:
            access.kube.needed()
            counts = count_pods(access.clients.kube.reader, associations, now, namespace=options.namespace)
    terminal.emit(association_list_view(associations, place.cluster_name, now, counts, short=terminal.for_person))
    _leave(terminal, associations)


def _kept(found: Iterable[Listed], seen: list[Listed]) -> Iterator[Listed]:
    for item in found:
        seen.append(item)
        yield item


def _leave(terminal: Terminal, found: Sequence[Listed]) -> None:
    """Exit 8 where some could not be read, which are named."""
    from podid.ops.association.read import unread_error

    if error := unread_error(found):
        terminal.tell_failure(error)
        terminal.leave(error.exit_code)
