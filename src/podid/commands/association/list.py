"""podid list."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES, SEVERAL
from podid.domain.errors import ExitCode, PodidError
from podid.ops.association.request import ListOptions
from podid.render.formats import Format, to_json

if TYPE_CHECKING:
    from podid.domain.aws import Listed
    from podid.ops.association.details import Details

_PAUSE_SECONDS = 10.0


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES),
    needs="Eks.iter_associations",
    optional=(
        "SEVERAL_CLUSTERS DETAILS_OF_LIST",
        ("--selector: the labels of service accounts", "KubeReader.list_service_accounts"),
        "EMPTY_NAMESPACE",
    ),
    several=SEVERAL,
)
def list_associations(access: Access, options: ListOptions) -> None:
    """List associations with their roles.

    EKS's list omits the roles, so podid reads each association. It reads pods, service accounts, roles and statuses
    only if a column or a filter requires them. For owners, it also reads custom resources of ACK and Crossplane.

    A pod is stale if it lacks the injected fields, or if it started before its association last changed and may still
    hold the old credentials.

    You can repeat --cluster, --region and --profile.

    Example: podid list

    Example: podid list --namespace shop --pods

    Example: podid list -o json --query 'items[].roleArn'

    Example: podid list --all-regions --assume-role podid-read --accounts 111122223333,444455556666 -o jsonl
    """
    if options.watch:
        _watch(access, options)
    else:
        access.terminal.leave(_list(access, options))


def _watch(access: Access, options: ListOptions) -> None:
    """Emit the list, and again whenever it differs, until --timeout; on a terminal it is redrawn each time."""
    access.take_time()
    terminal, patience, shown = access.terminal, access.patience(inf), ""
    for number, _ in enumerate(patience.rounds(_PAUSE_SECONDS)):
        if number and patience.over:
            return
        always = terminal.redraws
        views, _ = terminal.collected(partial(_list, access, options))
        for view in views:
            if (text := to_json(view.document)) != shown or always:
                terminal.emit_again(view, access.runtime.now())
                shown = text


def _list(access: Access, options: ListOptions) -> ExitCode:
    from podid.cli import several
    from podid.ops.association.listing import Listing, in_order
    from podid.render.associations import association_list_view, check_columns, details_of, listed_body

    terminal, shared, sort_by, chosen = access.terminal, access.shared, options.sort_by, options.clusters
    access.check_whose_pods(options.service_accounts, everywhere=True)
    columns = check_columns(options.columns)
    in_order((), sort_by)  # an unknown column fails before anything is read
    in_columns = shared.output in (Format.TABLE, Format.WIDE, Format.CSV) and shared.query is None
    # documents ignore --columns
    filled = ("namespace",) if shared.output is Format.NAME else columns if in_columns else ()
    details = details_of((*columns, *options.read_for))
    listing = Listing.of(options, shared.namespace, filled, details, access.runtime.now())
    reached: list[str] = []
    failures: list[tuple[str, PodidError]] = []
    # only to check that the namespace exists
    checked: list[Access] = []

    def read(local: Access) -> Iterator[tuple[Listed, Details]]:
        place = local.place()
        reached.append(place.the_cluster.arn)
        if listing.exact and not listing.count:
            checked.append(local)
        return listing.read(local.clients, place)

    def items() -> Iterator[tuple[Listed, Details]]:
        """Yield associations as they arrive. If one of several clusters fails, read the others."""
        if not several.are_several(access, chosen):
            yield from read(access)
            return
        for name, _, result in several.read_clusters(access, chosen, lambda local: list(read(local))):
            if isinstance(result, PodidError):
                failures.append((name, result))
            else:
                yield from result

    def counted() -> Iterator[tuple[Listed, Details]]:
        for pair in items():
            listing.add(pair[0])
            yield pair

    pairs: list[tuple[Listed, Details]] = []
    # sorting requires all of them
    streams = shared.output is Format.JSONL and shared.query is None and not sort_by and not options.watch
    with several.until_interrupted() as interrupted:
        if streams:
            terminal.stream(listed_body(*pair) for pair in counted())
        else:
            with terminal.working("reading the associations"):
                pairs.extend(counted())
    if interrupted and not several.are_several(access, chosen):
        raise interrupted[0]
    failures.sort(key=itemgetter(0))
    some = bool(interrupted) or len(reached) > 0
    if not failures and not interrupted:
        if not reached:
            several.check_any(access, chosen)
        elif listing.exact and not listing.count:
            several.check_namespace(checked, listing.exact)
        if missing := listing.missing_error():
            raise missing
    if not streams and (some or not failures):
        by_id = {item.association_id: reading for item, reading in pairs}
        view = association_list_view(
            in_order([item for item, _ in pairs], sort_by, by_id),
            tuple(sorted(reached)),
            listing.now,
            by_id,
            namespace=shared.namespace,
            short=terminal.for_person,
            columns=columns,
            more=options.more,
            filters=options.filters,
        )
        terminal.emit(view)
    if listing.decided:
        terminal.note(*(f"note: not checked: {gap}" for gap in listing.gaps))
    several.tell_failures(access, failures, some=some)
    if interrupted:
        raise interrupted[0]
    if failures and not listing.unread:
        return ExitCode.PARTIAL
    if error := listing.error():
        terminal.tell_failure(error)
        return error.exit_code
    return ExitCode.OK
