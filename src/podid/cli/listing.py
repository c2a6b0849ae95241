"""`podid list`, once the command line is read: the associations of every cluster that is meant."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, product

from podid.cli.access import Access
from podid.cli.cluster import no_cluster
from podid.cli.hints import hint_words
from podid.cli.several import NO_TAGS
from podid.cli.terminal import Terminal
from podid.domain.errors import NotFound, PodidError, UsageError
from podid.domain.exit_codes import ExitCode
from podid.domain.model import Listed
from podid.ops.association.listing import ListFilter, by_list_alone, in_order
from podid.ops.association.looks import Look, Looker, Seen
from podid.ops.association.read import iter_associations, list_without_roles, unread_error
from podid.ops.clusters import tagged_clusters
from podid.render.associations import association_list_view, listed_body, looks_of
from podid.render.formats import Format

# rows of a stream whose roles are read at one time: as many as there are calls in flight
TOGETHER = 64

Reached = tuple[str, Access | PodidError]
Filters = Mapping[str, str | list[str] | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAsked:
    """What `podid list` was asked for. `exact` is the one namespace that is meant, None for a pattern; `columns` are
    those that were named, `more` those that filters bring along; `filters` are options as they were given."""

    wanted: ListFilter
    exact: str | None
    stale: bool
    dangling: bool
    sort_by: str | None
    columns: tuple[str, ...]
    more: tuple[str, ...]
    filters: Filters
    all_clusters: bool
    tags: Mapping[str, str]
    now: datetime

    @property
    def looks(self) -> frozenset[Look]:
        return looks_of((*self.columns, *self.more, (self.sort_by or "").removeprefix("-")))

    @property
    def words(self) -> str:
        """The filters as they would be typed."""
        words: list[str] = []
        for flag, given in self.filters.items():
            if given is True:
                words.append(flag)
            for value in [given] if isinstance(given, str) else given if isinstance(given, list) else ():
                words += [flag, shlex.quote(value)]
        return " ".join(words)


def list_in(access: Access, terminal: Terminal, asked: ListAsked) -> None:
    """Reads and shows them; exit 8 where some could not be read, which are named."""
    in_order((), asked.sort_by)  # what cannot be is known before anything is read
    options = access.options
    # an order is known only when all is read
    streams = options.output is Format.JSONL and options.query is None and asked.sort_by is None
    reading = _Reading(access, asked, None if not streams else TOGETHER if "roles" in asked.looks else 1)
    looked = reading.looked
    if streams:
        terminal.stream(listed_body(item, looked.get(item.association_id)) for item in reading.items())
        reading.check()
    else:
        with terminal.working("reading the associations"):
            associations = in_order(list(reading.items()), asked.sort_by, looked)
        if reading.failures and not reading.clusters:
            raise reading.failures[0]
        reading.check()
        view = association_list_view(
            associations,
            tuple(reading.clusters),
            asked.now,
            looked,
            namespace=options.namespace,
            short=terminal.for_person,
            columns=asked.columns,
            more=asked.more,
            asked=asked.words,
        )
        terminal.emit(view)
    for failure in reading.failures:
        terminal.tell_failure(failure)
    if error := unread_error(reading.seen):
        terminal.tell_failure(error)
        terminal.leave(error.exit_code)
    if reading.failures:
        terminal.leave(ExitCode.PARTIAL)


@dataclass(slots=True)
class _Reading:
    """What was read so far. `together` associations at a time are looked at; None for all of a cluster's."""

    access: Access
    asked: ListAsked
    together: int | None
    clusters: list[str] = field(default_factory=list)
    reached: list[Access] = field(default_factory=list)
    seen: list[Listed] = field(default_factory=list)
    looked: dict[str, Seen] = field(default_factory=dict)
    failures: list[PodidError] = field(default_factory=list)

    def items(self) -> Iterator[Listed]:
        """Those that are to be shown, as they arrive. In one of several clusters that fails, the others go on."""
        for name, there in each_cluster(self.access, all_clusters=self.asked.all_clusters, tags=self.asked.tags):
            try:
                if isinstance(there, PodidError):
                    raise there
                for item in self._of(there):
                    self.seen.append(item)
                    yield item
            except PodidError as error:
                if not name:
                    raise
                if not isinstance(there, PodidError):
                    error.hint = hint_words(error.hint, there.argv)
                self.failures.append(error)

    def _of(self, there: Access) -> Iterator[Listed]:
        asked, eks, place = self.asked, there.aws.eks, there.place()
        self.clusters.append(place.cluster_name)
        self.reached.append(there)
        found: Iterable[Listed] = (
            list_without_roles(eks, place, namespace=asked.exact)
            if self._by_list_alone
            else iter_associations(eks, place, namespace=asked.exact, role=asked.wanted.role)
        )
        kept = (item for item in found if asked.wanted.keeps(item, asked.now))
        if not asked.looks:
            yield from kept
            return
        looker = Looker(there.clients, place, asked.looks, asked.now, namespace=asked.exact)
        while some := list(islice(kept, self.together)):
            self.looked.update(looker.look_at(some))
            yield from filter(self._shown, some)

    @property
    def _by_list_alone(self) -> bool:
        """A document has every field, whatever the columns are."""
        asked, options = self.asked, self.access.options
        in_columns = options.output in (Format.TABLE, Format.WIDE, Format.CSV) and options.query is None
        shows = ("namespace",) if options.output is Format.NAME else asked.columns if in_columns else ()
        return not (asked.stale or asked.dangling) and by_list_alone(asked.wanted, shows, asked.sort_by)

    def _shown(self, item: Listed) -> bool:
        found, asked = self.looked.get(item.association_id), self.asked
        return found is None or ((found.stale or not asked.stale) and (found.dangling or not asked.dangling))

    def check(self) -> None:
        """Raises NotFound where there is no cluster, or no such namespace."""
        if not self.clusters and not self.failures:
            raise no_cluster(self.access.aws.region)
        if self.asked.exact and not self.seen and not self.failures:
            check_namespace(self.reached, self.asked.exact)


def each_cluster(access: Access, *, all_clusters: bool, tags: Mapping[str, str] = NO_TAGS) -> Iterator[Reached]:
    """Every cluster that --cluster, --all-clusters, or --cluster-tag with its `tags`, stands for in every --region and
    --profile, with its name; the failure where a region's clusters cannot be listed. Raises UsageError for what
    excludes each other."""
    options, several = access.options, access.options.several
    if all_clusters and access.sources.get("cluster") == "--cluster":
        raise UsageError("--cluster and --all-clusters exclude each other")
    if tags and (all_clusters or access.sources.get("cluster") == "--cluster"):
        raise UsageError("--cluster-tag stands in place of --cluster and of --all-clusters")
    all_clusters = all_clusters or bool(tags)
    if not several and not all_clusters:
        yield "", access
        return
    profiles = several.get("profile", (options.profile,))
    regions = several.get("region", (options.region,))
    for profile, region in product(profiles, regions):
        there = access.of(profile=profile, region=region)
        where = " ".join(word for word in (region, profile) if word)
        names = several.get("cluster", () if all_clusters else (options.cluster,))
        if all_clusters:
            try:
                eks = there.aws.eks
                names = tagged_clusters(eks, tags, there.aws.region) if tags else eks.list_clusters()
            except PodidError as error:
                error.hint = hint_words(error.hint, there.argv)
                yield where or there.aws.region, error
                continue
        for name in names:
            yield f"{name or 'cluster'} {where}".strip(), there.of(cluster=name)


def check_namespace(reached: Sequence[Access], namespace: str) -> None:
    """For a namespace in which nothing was found: raises NotFound where none of the clusters has it, nor an association
    in it. Returns where one has, and where that cannot be looked at."""
    from podid.ops.association.absent import namespace_not_found

    absent: NotFound | None = None
    for access in reached:
        if access.aws.eks.list_association_summaries(access.place().cluster_name, namespace=namespace):
            return
        absent = namespace_not_found(access.clients, namespace)
        if absent is None:
            return
    if absent is not None:
        raise absent
