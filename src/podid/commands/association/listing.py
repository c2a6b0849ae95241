"""Read the associations of one or of several clusters, and emit them as a list."""

from collections.abc import Iterable, Iterator
from operator import itemgetter

from podid.cli import multicluster
from podid.cli.access import Access
from podid.domain.aws import Listed
from podid.domain.errors import ExitCode, PodidError
from podid.ops.association.details import Details
from podid.ops.association.listing import Listing, in_order
from podid.ops.association.request import ListOptions
from podid.render.associations import association_list_view, check_columns, details_of, listed_body
from podid.render.formats import Format

Pair = tuple[Listed, Details]


def emit_list(access: Access, options: ListOptions) -> ExitCode:
    """Emit the list, and print the errors of parts that could not be read. Return the exit code."""
    terminal, shared, sort_by, chosen = access.terminal, access.shared, options.sort_by, options.clusters
    access.check_whose_pods(options.service_accounts, everywhere=True)
    columns = check_columns(options.columns)
    in_order((), sort_by)  # an unknown column fails before anything is read
    in_columns = shared.output in (Format.TABLE, Format.WIDE, Format.CSV) and shared.query is None
    # documents ignore --columns
    filled = ("namespace",) if shared.output is Format.NAME else columns if in_columns else ()
    # names have no columns
    read_for = options.read_for if shared.output is Format.NAME else (*columns, *options.read_for)
    details, now = details_of(read_for), access.runtime.now()
    listing = Listing.of(options, shared.namespace, filled, details, now, access.journal_to_read)
    reached: list[str] = []
    failures: list[tuple[str, PodidError]] = []
    # only to check that the namespace exists
    checked: list[Access] = []

    def read(local: Access) -> Iterator[Pair]:
        place = local.place()
        if listing.exact and not listing.count:
            checked.append(local)
        # before the first association: a reader that closes the pipe ends the generator
        reached.append(place.the_cluster.arn)
        try:
            yield from listing.read(local.clients, place)
        except PodidError:
            reached.remove(place.the_cluster.arn)
            raise

    def counted() -> Iterator[Pair]:
        """Yield associations as they arrive. If one of several clusters fails, read the others."""
        results: Iterable[tuple[str, Access, Iterable[Pair] | PodidError]]
        if multicluster.are_several(access, chosen):
            results = multicluster.read_clusters(access, chosen, lambda local: list(read(local)))
        else:
            results = (("", access, read(access)),)
        for name, _, result in results:
            if isinstance(result, PodidError):
                failures.append((name, result))
                continue
            for pair in result:
                listing.add(pair[0])
                yield pair

    pairs: list[Pair] = []
    # sorting requires all of them
    streams = shared.output is Format.JSONL and shared.query is None and not sort_by and not options.watch
    with multicluster.until_interrupted() as interrupted:
        if streams:
            terminal.stream(listed_body(*pair) for pair in counted())
        else:
            with terminal.working("reading the associations"):
                pairs.extend(counted())
    if interrupted and not multicluster.are_several(access, chosen):
        raise interrupted[0]
    failures.sort(key=itemgetter(0))
    some = bool(interrupted or reached)
    if not failures and not interrupted:
        if not reached:
            multicluster.check_any(access, chosen)
        elif listing.exact and not listing.count:
            multicluster.check_namespace(checked, listing.exact)
        if missing := listing.missing_error():
            raise missing
    if not streams and (some or not failures):
        by_id = {item.association_id: reading for item, reading in pairs}
        view = association_list_view(
            in_order([item for item, _ in pairs], sort_by, by_id),
            tuple(sorted(reached)),
            listing.now,
            by_id,
            options=options,
            namespace=shared.namespace,
            short=terminal.for_person,
        )
        terminal.emit(view)
    if listing.decided:
        terminal.note(*(f"note: not checked: {gap}" for gap in listing.gaps))
    multicluster.tell_failures(access, failures, some=some)
    if interrupted:
        raise interrupted[0]
    if failures and not listing.unread:
        return ExitCode.PARTIAL
    if error := listing.error():
        terminal.tell_failure(error)
        return error.exit_code
    return ExitCode.OK
