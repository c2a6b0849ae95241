"""podid list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from podid.cli.arguments import ClusterTags
from podid.cli.command import Access, Shared, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.rights import CommandRights, OptionalRight

if TYPE_CHECKING:
    from podid.ops.association.looks import Looker, Seen
    from podid.ops.association.read import Listed

# rows of a stream whose roles are read at one time: as many as there are calls in flight
TOGETHER = 64


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.cli import rights
    from podid.kube.reader import KubeReader

    return CommandRights.of(
        Eks.iter_readable,
        optional=(
            rights.CLUSTER_TAGS,
            OptionalRight.of("--pods, --stale: the running pods", KubeReader.list_pods),
            OptionalRight.of(
                "--dangling, columns exists and health: the service accounts", KubeReader.list_service_accounts
            ),
            OptionalRight.of("--dangling, column health: the roles", Iam.find_role),
            OptionalRight.of("-n: whether an empty namespace exists", KubeReader.list_namespaces),
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES), rights=rights, several=("cluster", "region", "profile"))
def list_associations(
    access: Access,
    terminal: Terminal,
    options: Shared,
    role: Annotated[
        str | None, typer.Option("--role", metavar="ROLE", help="Only associations of this role, name or ARN.")
    ] = None,
    pods: Annotated[
        bool, typer.Option("--pods", help="Count the running pods of each, and those that are stale.")
    ] = False,
    stale: Annotated[bool, typer.Option("--stale", help="Only those with stale pods.")] = False,
    dangling: Annotated[
        bool, typer.Option("--dangling", help="Only those whose service account or role does not exist.")
    ] = False,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="NAMES",
            help="Only these, separated by commas: namespace, service-account, role, target-role, owner, created, "
            "modified, association-id, session-tags, session-policy, not-read, pods, injected, stale, exists, health.",
        ),
    ] = None,
    service_account: Annotated[
        str | None,
        typer.Option("--service-account", metavar="PATTERN", help="Only service accounts whose names match (*, ?)."),
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="ADDON", help="Only those that this add-on owns, or none.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="KEY[=VALUE]", help="Only those with this tag. Repeatable.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option("--older-than", metavar="TIME", help="Only those last changed at least this long ago.")
    ] = None,
    newer_than: Annotated[
        str | None, typer.Option("--newer-than", metavar="TIME", help="Only those changed within this time.")
    ] = None,
    sort_by: Annotated[
        str | None,
        typer.Option("--sort-by", metavar="COLUMN", help="A column, but for not-read; with - before it: descending."),
    ] = None,
    all_clusters: Annotated[
        bool, typer.Option("--all-clusters", help="Of every cluster of the region, or of each --region.")
    ] = False,
    cluster_tag: ClusterTags = None,
) -> None:
    """List associations with their roles.

    The API's own list leaves the roles out. A pod is stale that lacks the injected fields, or that is older than a
    change of its association whose credentials from before can still be in use. Pods, service accounts and roles are
    looked at only where a column or a filter needs them. --cluster, --region and --profile may be given more than once.

    Example: podid list -o json --query 'items[].roleArn'
    """
    from podid.cli import typed
    from podid.cli.cluster import no_cluster
    from podid.cli.hints import hint_words
    from podid.cli.listing import check_namespace, each_cluster
    from podid.domain.errors import PodidError
    from podid.ops.association.expand import is_pattern
    from podid.ops.association.listing import ListFilter, by_list_alone, in_order, tag_filter
    from podid.ops.association.looks import Looker
    from podid.ops.association.read import RoleFilter, iter_associations, list_without_roles
    from podid.render.associations import association_list_view, listed_body, looks_of
    from podid.render.formats import Format

    wanted = ListFilter(
        role=RoleFilter.parse(role),
        namespace=options.namespace or "*",
        service_account=service_account or "*",
        owner=owner or "",
        tags=tag_filter(tag or ()),
        older=typed.age(older_than),
        newer=typed.age(newer_than),
    )
    in_order((), sort_by)  # what cannot be is known before anything is read
    chosen = _columns(columns)
    more = [
        *(("pods", "injected", "stale") if pods or stale else ()),
        *(("exists", "health") if dangling else ()),
    ]
    wants = looks_of((*chosen, *more, (sort_by or "").removeprefix("-")))
    tags = typed.tags(cluster_tag, option="--cluster-tag")
    now = access.runtime.now()
    exact = options.namespace if options.namespace and not is_pattern(options.namespace) else None
    # a document has every field, whatever the columns are
    in_columns = options.output in (Format.TABLE, Format.WIDE, Format.CSV) and options.query is None
    shows = ("namespace",) if options.output is Format.NAME else chosen if in_columns else ()
    alone = not (stale or dangling) and by_list_alone(wanted, shows, sort_by)
    # an order is known only when all is read
    streams = options.output is Format.JSONL and options.query is None and sort_by is None
    together = None if not streams else TOGETHER if "roles" in wants else 1
    seen: list[Listed] = []
    failures: list[PodidError] = []

    def shown(item: Listed) -> bool:
        found = looked.get(item.association_id)
        return found is None or ((found.stale or not stale) and (found.dangling or not dangling))

    def read() -> Iterator[Listed]:
        for name, there in each_cluster(access, all_clusters=all_clusters, tags=tags):
            try:
                if isinstance(there, PodidError):
                    raise there
                place = there.place()
                clusters.append(place.cluster_name)
                reached.append(there)
                found: Iterable[Listed] = (
                    list_without_roles(there.aws.eks, place, namespace=exact)
                    if alone
                    else iter_associations(there.aws.eks, place, namespace=exact, role=wanted.role)
                )
                kept: Iterator[Listed] = (item for item in found if wanted.keeps(item, now))
                if wants:
                    looker = Looker(there.clients, place, wants, now, namespace=exact)
                    kept = _looked_at(kept, looker, looked, shown, many=together)
                yield from _kept(kept, seen)
            except PodidError as error:
                if not name:
                    raise
                if not isinstance(there, PodidError):
                    error.hint = hint_words(error.hint, there.argv)
                failures.append(error)

    def check() -> None:
        if not clusters and not failures:
            raise no_cluster(access.aws.region)
        if exact and not seen and not failures:
            check_namespace(reached, exact)

    clusters: list[str] = []
    reached: list[Access] = []
    looked: dict[str, Seen] = {}
    if streams:
        terminal.stream(listed_body(item, looked.get(item.association_id)) for item in read())
        check()
    else:
        with terminal.working("reading the associations"):
            associations = in_order(list(read()), sort_by, looked)
        if failures and not clusters:
            raise failures[0]
        check()
        terminal.emit(
            association_list_view(
                associations,
                tuple(clusters),
                now,
                looked,
                namespace=options.namespace,
                short=terminal.for_person,
                columns=chosen,
                more=more,
                asked=_asked(
                    {
                        "--role": role,
                        "--service-account": service_account,
                        "--owner": owner,
                        "--tag": tag,
                        "--older-than": older_than,
                        "--newer-than": newer_than,
                        "--stale": stale,
                        "--dangling": dangling,
                    }
                ),
            )
        )
    for failure in failures:
        terminal.tell_failure(failure)
    _leave(terminal, seen, failed=bool(failures))


def _columns(text: str | None) -> tuple[str, ...]:
    """Raises UsageError for what is no column, with the nearest one."""
    from podid.domain.errors import Again, UsageError
    from podid.domain.words import nearest
    from podid.render.associations import ALL_COLUMNS

    names = tuple(name.strip() for name in text.split(",")) if text is not None else ()
    for name in names:
        if name not in ALL_COLUMNS:
            near = nearest(name, ALL_COLUMNS, 1)
            hint = Again(swap=(name, near[0])) if near and name == text else None
            what = f"--columns {name!r} is not one of {', '.join(ALL_COLUMNS)}"
            raise UsageError(what, hint=hint or ())
    return names


def _asked(filters: Mapping[str, str | list[str] | bool | None]) -> str:
    """The filters as they were given."""
    import shlex

    words: list[str] = []
    for flag, given in filters.items():
        if given is True:
            words.append(flag)
        for value in [given] if isinstance(given, str) else given if isinstance(given, list) else ():
            words += [flag, shlex.quote(value)]
    return " ".join(words)


def _looked_at(
    found: Iterable[Listed],
    looker: Looker,
    looked: dict[str, Seen],
    shown: Callable[[Listed], bool],
    *,
    many: int | None,
) -> Iterator[Listed]:
    """Those that are to be shown, so many at a time as are looked at together; None for all."""
    left = iter(found)
    while some := list(islice(left, many)):
        looked.update(looker.look_at(some))
        yield from (item for item in some if shown(item))


def _kept(found: Iterable[Listed], seen: list[Listed]) -> Iterator[Listed]:
    for item in found:
        seen.append(item)
        yield item


def _leave(terminal: Terminal, found: Sequence[Listed], *, failed: bool) -> None:
    """Exit 8 where some could not be read, which are named."""
    from podid.domain.exit_codes import ExitCode
    from podid.ops.association.read import unread_error

    if error := unread_error(found):
        terminal.tell_failure(error)
        terminal.leave(error.exit_code)
    if failed:
        terminal.leave(ExitCode.PARTIAL)
