"""podid list."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podid.cli.arguments import CLUSTER_TAGS
from podid.cli.cluster import no_cluster
from podid.cli.command import Access, Terminal, command
from podid.cli.hints import hint_words
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.errors import Again, PodidError, UsageError
from podid.domain.option import option, several, switch
from podid.domain.rights import CommandRights, OptionalRight

if TYPE_CHECKING:
    from datetime import datetime

    from podid.cli.several import Reached
    from podid.domain.model import Listed
    from podid.ops.association.listing import ListFilter
    from podid.ops.association.looks import Look, Seen


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.cli import rights
    from podid.kube.reader import KubeReader
    from podid.ops.association.looks import checks_for, sections_for
    from podid.ops.reading.sections import rights as rights_of_checks

    reasons: tuple[tuple[str, Look], ...] = (
        ("--pods, --stale: the running pods", "pods"),
        ("--dangling, column exists: the service accounts", "accounts"),
        ("--dangling, column role-exists: the roles", "roles"),
        ("column status: what it depends on", "status"),
    )
    return CommandRights.of(
        Eks.iter_readable,
        optional=(
            rights.CLUSTER_TAGS,
            *(OptionalRight(rights_of_checks(checks_for((x,)), sections_for((x,))), reason) for reason, x in reasons),
            OptionalRight.of("-n: whether an empty namespace exists", KubeReader.list_namespaces),
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES), rights=rights, several=("cluster", "region", "profile"))
def list_associations(
    access: Access,
    terminal: Terminal,
    role: str | None = option("ROLE", "Only associations of this role, name or ARN."),
    pods: bool = switch("Count the running pods of each, and those that are stale."),
    stale: bool = switch("Only those with stale pods."),
    dangling: bool = switch("Only those whose service account or role does not exist."),
    columns: str | None = option(
        "NAMES",
        "Only these, separated by commas: namespace, service-account, role, target-role, owner, created, modified, "
        "association-id, session-tags, session-policy, not-read, pods, injected, stale, exists, role-exists, status.",
    ),
    service_account: str | None = option("PATTERN", "Only service accounts whose names match (*, ?)."),
    owner: str | None = option("ADDON", "Only those that this add-on owns, or none."),
    tag: tuple[str, ...] = several("KEY[=VALUE]", "Only those with this tag. Repeatable."),
    older_than: str | None = option("TIME", "Only those last changed at least this long ago."),
    newer_than: str | None = option("TIME", "Only those changed within this time."),
    sort_by: str | None = option("COLUMN", "A column, but for not-read; with - before it: descending."),
    all_clusters: bool = switch("Of every cluster of the region, or of each --region."),
    cluster_tag: tuple[str, ...] = CLUSTER_TAGS,
) -> None:
    """List associations with their roles.

    The API's own list leaves the roles out. A pod is stale that lacks the injected fields, or that is older than a
    change of its association whose credentials from before can still be in use. Pods, service accounts, roles and the
    status, which is that of podid status, are read only where a column or a filter needs them. --cluster, --region and
    --profile may be given more than once.

    Example: podid list -o json --query 'items[].roleArn'
    """
    from podid.cli import typed
    from podid.cli.several import each_cluster
    from podid.domain.exit_codes import ExitCode
    from podid.ops.association.expand import is_pattern
    from podid.ops.association.listing import ListFilter, by_list_alone, in_order, tag_filter
    from podid.ops.association.read import RoleFilter, unread_error
    from podid.render.associations import association_list_view, listed_body, looks_of
    from podid.render.formats import Format

    wanted = ListFilter(
        role=RoleFilter.parse(role),
        namespace=access.shared.namespace or "*",
        service_account=service_account or "*",
        owner=owner or "",
        tags=tag_filter(tag or ()),
        older=typed.age(older_than),
        newer=typed.age(newer_than),
    )
    shown = _columns(columns)
    more = (*(("pods", "injected", "stale") if pods or stale else ()), *(("exists", "role-exists") if dangling else ()))
    clusters = each_cluster(access, all_clusters=all_clusters, tags=typed.tags(cluster_tag, option="--cluster-tag"))
    in_order((), sort_by)  # what cannot be is known before anything is read
    looks = looks_of((*shown, *more, (sort_by or "").removeprefix("-")))
    # an order is known only when all is read
    streams = access.shared.output is Format.JSONL and access.shared.query is None and sort_by is None
    in_columns = access.shared.output in (Format.TABLE, Format.WIDE, Format.CSV) and access.shared.query is None
    # a document has every field, whatever the columns are
    filled = ("namespace",) if access.shared.output is Format.NAME else shown if in_columns else ()
    reading = _Reading(
        wanted=wanted,
        exact=access.shared.namespace if access.shared.namespace and not is_pattern(access.shared.namespace) else None,
        stale=stale,
        dangling=dangling,
        without_roles=not (stale or dangling) and by_list_alone(wanted, filled, sort_by),
        looks=looks,
        now=access.runtime.now(),
    )
    items, looked = reading.items(clusters), reading.looked
    if streams:
        terminal.stream(listed_body(item, looked.get(item.association_id)) for item in items)
        reading.check(access)
    else:
        with terminal.working("reading the associations"):
            associations = in_order(list(items), sort_by, looked)
        if reading.failures and not reading.reached:
            raise reading.failures[0]
        reading.check(access)
        filters = (
            ("--role", role),
            ("--service-account", service_account),
            ("--owner", owner),
            *(("--tag", each) for each in tag or ()),
            ("--older-than", older_than),
            ("--newer-than", newer_than),
        )
        words = [f"{flag} {shlex.quote(given)}" for flag, given in filters if given is not None]
        words += [flag for flag, given in (("--stale", stale), ("--dangling", dangling)) if given]
        view = association_list_view(
            associations,
            tuple(there.place().cluster_name for there in reading.reached),
            reading.now,
            looked,
            namespace=access.shared.namespace,
            short=terminal.for_person,
            columns=shown,
            more=more,
            asked=" ".join(words),
        )
        terminal.emit(view)
    for failure in reading.failures:
        terminal.tell_failure(failure)
    if error := unread_error(reading.seen):
        terminal.tell_failure(error)
        terminal.leave(error.exit_code)
    if reading.failures:
        terminal.leave(ExitCode.PARTIAL)


def _columns(text: str | None) -> tuple[str, ...]:
    """Raises UsageError for what is no column, with the nearest one."""
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


@dataclass(slots=True, kw_only=True)
class _Reading:
    """What is to be read, and what was so far. `exact` is the one namespace that is meant, None for a pattern;
    `without_roles` where the list alone tells enough."""

    wanted: ListFilter
    exact: str | None
    stale: bool
    dangling: bool
    without_roles: bool
    looks: frozenset[Look]
    now: datetime
    reached: list[Access] = field(default_factory=list)
    seen: list[Listed] = field(default_factory=list)
    looked: dict[str, Seen] = field(default_factory=dict)
    failures: list[PodidError] = field(default_factory=list)

    def items(self, clusters: Iterable[Reached]) -> Iterator[Listed]:
        """Those that are to be shown, as they arrive. In one of several clusters that fails, the others go on."""
        for name, there in clusters:
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
        from podid.ops.association.looks import look_at
        from podid.ops.association.read import iter_associations, list_without_roles

        eks, place = there.aws.eks, there.place()
        self.reached.append(there)
        found: Iterable[Listed] = (
            list_without_roles(eks, place, namespace=self.exact)
            if self.without_roles
            else iter_associations(eks, place, namespace=self.exact)
        )
        if self.looks:
            found = list(found)
            seen = look_at(there.clients, place, found, self.looks, self.now, namespace=self.exact or "")
            self.looked.update(seen)
        yield from (item for item in found if self.wanted.keeps(item, self.now) and self._shown(item))

    def _shown(self, item: Listed) -> bool:
        found = self.looked.get(item.association_id)
        return found is None or ((found.stale or not self.stale) and (found.dangling or not self.dangling))

    def check(self, access: Access) -> None:
        """Raises NotFound where there is no cluster, or no such namespace."""
        from podid.cli.several import check_namespace

        if self.failures:
            return
        if not self.reached:
            raise no_cluster(access.aws.region)
        if self.exact and not self.seen:
            check_namespace(self.reached, self.exact)
