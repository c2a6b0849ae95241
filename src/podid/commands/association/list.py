"""podid list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.errors import ExitCode
from podid.domain.permissions import CommandPermissions, OptionalPermission
from podid.ops.association.request import ListOptions

if TYPE_CHECKING:
    from podid.domain.aws import Listed
    from podid.render.view import View

_PAUSE_SECONDS = 10.0


def permissions() -> CommandPermissions:
    from podid.aws.eks import Eks
    from podid.cli import permissions
    from podid.kube.reader import KubeReader
    from podid.ops.association.listing import DETAILS, checks_for, sections_for
    from podid.ops.reading.sections import permissions as permissions_of_checks

    return CommandPermissions.of(
        Eks.iter_readable,
        optional=(
            permissions.CLUSTER_TAGS,
            *(
                OptionalPermission(permissions_of_checks(checks_for((detail,)), sections_for((detail,))), reason)
                for detail, reason in DETAILS.items()
            ),
            OptionalPermission.of("--selector: the labels of service accounts", KubeReader.list_service_accounts),
            OptionalPermission.of("-n: whether an empty namespace exists", KubeReader.list_namespaces),
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES), permissions=permissions, several=("cluster", "region", "profile"))
def list_associations(access: Access, options: ListOptions) -> None:
    """List associations with their roles.

    EKS's list omits the roles, so podid reads each association. Pods, service accounts, roles and the status of podid
    status are read only if a column or a filter requires them.

    A pod is stale if it lacks the injected fields, or if it started before its association last changed and may still
    hold the old credentials.

    --cluster, --region and --profile can be repeated.

    Example: podid list

    Example: podid list --namespace shop --pods

    Example: podid list shop/orders --watch

    Example: podid list -o json --query 'items[].roleArn'
    """
    if options.watch:
        _watch(access, options)
    else:
        access.terminal.leave(_list(access, options))


def _watch(access: Access, options: ListOptions) -> None:
    """Emit the list, and again whenever it differs, until --timeout; on a terminal it is redrawn each time."""
    from math import inf

    from podid.render.formats import to_json

    access.take_time()
    terminal, patience, shown = access.terminal, access.patience(inf), ""
    for number, _ in enumerate(patience.rounds(_PAUSE_SECONDS)):
        if number and patience.over:
            return
        views: list[View] = []
        always = terminal.redraws
        with terminal.collecting(views):
            _list(access, options)
        for view in views:
            if (text := to_json(view.document)) != shown or always:
                terminal.emit_again(view, access.runtime.now())
                shown = text


def _list(access: Access, options: ListOptions) -> ExitCode:
    from podid.cli.cluster import no_cluster
    from podid.cli.hints import hint_words
    from podid.cli.several import check_namespace, each_cluster
    from podid.domain.errors import PodidError
    from podid.ops.association.listing import Listing, in_order, unread_error
    from podid.render.associations import association_list_view, check_columns, details_of, listed_body
    from podid.render.formats import Format

    terminal, shared, sort_by = access.terminal, access.shared, options.sort_by
    access.check_whose_pods(options.service_accounts, everywhere=True)
    columns = check_columns(options.columns)
    clusters = each_cluster(access, all_clusters=options.all_clusters, tags=options.cluster_tags)
    in_order((), sort_by)  # an unknown column fails before anything is read
    in_columns = shared.output in (Format.TABLE, Format.WIDE, Format.CSV) and shared.query is None
    # documents ignore --columns
    filled = ("namespace",) if shared.output is Format.NAME else columns if in_columns else ()
    details = details_of((*columns, *options.more, sort_by.removeprefix("-")))
    listing = Listing.of(options, shared.namespace, filled, details, access.runtime.now())
    reached: list[Access] = []
    failures: list[PodidError] = []

    def items() -> Iterator[Listed]:
        """Yield associations as they arrive. If one of several clusters fails, read the others."""
        for name, cluster_access in clusters:
            try:
                if isinstance(cluster_access, PodidError):
                    raise cluster_access
                place = cluster_access.place()
                reached.append(cluster_access)
                yield from listing.read(cluster_access.clients, place)
            except PodidError as error:
                if not name:
                    raise
                if not isinstance(cluster_access, PodidError):
                    error.hint = hint_words(error.hint, cluster_access.argv)
                failures.append(error)

    def check() -> None:
        """Raise NotFound if there is no cluster, or no such namespace."""
        if not failures and not reached:
            raise no_cluster(access.aws.region, access.shared, access.runtime.env)
        if not failures and listing.exact and not listing.listed:
            check_namespace(reached, listing.exact)
        if not failures and (missing := listing.missing_error()):
            raise missing

    # sorting requires all of them
    if shared.output is Format.JSONL and shared.query is None and not sort_by and not options.watch:
        terminal.stream(listed_body(item, listing.details_by_id.get(item.association_id)) for item in items())
        check()
    else:
        with terminal.working("reading the associations"):
            associations = in_order(list(items()), sort_by, listing.details_by_id)
        if failures and not reached:
            raise failures[0]
        check()
        view = association_list_view(
            associations,
            tuple(cluster_access.place().cluster_name for cluster_access in reached),
            listing.now,
            listing.details_by_id,
            namespace=shared.namespace,
            short=terminal.for_person,
            columns=columns,
            more=options.more,
            filters=options.filters,
        )
        terminal.emit(view)
    for failure in failures:
        terminal.tell_failure(failure)
    if error := unread_error(listing.listed):
        terminal.tell_failure(error)
        return error.exit_code
    return ExitCode.PARTIAL if failures else ExitCode.OK
