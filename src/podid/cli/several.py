"""One command in several clusters: select them, change each by itself, and report all results in one document, with
failures by cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING

import typer

from podid.cli.hints import hint_words
from podid.domain.errors import Cancelled, ExitCode, NotFound, PodidError, UsageError, combine
from podid.domain.plan import Consent
from podid.domain.text import short_list
from podid.ops.clusters import tagged_clusters

if TYPE_CHECKING:
    from podid.cli.access import Access
    from podid.render.view import View

NO_TAGS: Mapping[str, str] = MappingProxyType({})
# the name of a cluster with access to it, or the failure to list the clusters of a region
Reached = tuple[str, "Access | PodidError"]
Together = Callable[[Sequence["View"], Sequence[tuple[str, PodidError]]], "View"]


def _tagged(access: Access, tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the clusters with all tags. A terminal asks if they are several: the change is larger than typed."""
    if access.sources.get("cluster") == "--cluster":
        raise UsageError("--cluster and --cluster-tag cannot be used together")
    terminal = access.terminal
    with terminal.working("reading the clusters' tags"):
        clusters = tagged_clusters(access.aws.eks, tags, access.aws.region)
    words = short_list(clusters, 20)
    terminal.note(f"{' '.join(f'--cluster-tag {key}={value}' for key, value in tags.items())} matches {words}")
    changes = not access.shared.dry_run and access.runtime.interactive
    if changes and len(clusters) > 1:
        question = f"Continue in these {len(clusters)} clusters?"
        terminal.consent(Consent(question=question, needed_for="A change in several clusters"))
    return clusters


def in_each_cluster(
    access: Access,
    run: Callable[[Access], None],
    tags: Mapping[str, str] = NO_TAGS,
    *,
    clusters: Sequence[str] = (),
    together: Together | None = None,
) -> None:
    """Run a command in each of the clusters, by default those of --cluster, or with all of `tags`. A failure in one of
    several does not stop the others: exit 8 if some of them worked. `together` makes one view of all, by default that
    of a change."""
    terminal = access.terminal
    clusters = _tagged(access, tags) if tags else clusters or access.shared.several.get("cluster", ())
    if len(clusters) < 2:
        local = access.of(cluster=clusters[0]) if clusters else access
        terminal.argv = local.argv
        run(local)
        return
    check_no_context(access)
    over_clusters(access, [(name, access.of(cluster=name)) for name in clusters], run, together)


def check_no_context(access: Access) -> None:
    """Raise UsageError for --context, which selects one cluster, with several clusters."""
    if access.shared.context is not None:
        raise UsageError("--context selects one cluster and cannot be used with several clusters")


def over_clusters(
    access: Access,
    clusters: Sequence[tuple[str, Access]],
    run: Callable[[Access], None],
    together: Together | None = None,
) -> None:
    """Run a command in several clusters, each with its name and its access, as `in_each_cluster` does."""
    terminal = access.terminal
    views: list[View] = []
    failures: list[tuple[str, PodidError]] = []
    codes = set()
    for name, local in clusters:
        terminal.note(f"cluster {name}:")
        terminal.argv = local.argv
        try:
            with terminal.collecting(views):
                run(local)
            codes.add(ExitCode.OK)
        except typer.Exit as ended:
            codes.add(ExitCode(ended.exit_code))
        except Cancelled:
            raise
        except PodidError as error:
            error.hint = hint_words(error.hint, local.argv)
            failures.append((name, error))
            codes.add(error.exit_code)
        access.runtime.end_runs()
    terminal.argv = access.argv
    if not views:
        for _, failure in failures[1:]:
            terminal.tell_failure(failure)
        raise failures[0][1]
    from podid.render.several import results_view

    terminal.emit((together or results_view)(views, failures))
    for _, failure in failures:
        terminal.tell_failure(failure)
    terminal.leave(ExitCode.PARTIAL if failures or (ExitCode.OK in codes and len(codes) > 1) else combine(codes))


def all_clusters(access: Access) -> tuple[str, ...]:
    """Return the clusters of the region for --all-clusters. Raise UsageError together with --cluster, NotFound without
    a cluster."""
    if access.sources.get("cluster") == "--cluster":
        raise UsageError("--cluster and --all-clusters cannot be used together")
    clusters = access.aws.eks.list_clusters()
    if not clusters:
        raise NotFound(f"No EKS cluster in region {access.aws.region}")
    return clusters


def each_cluster(access: Access, *, all_clusters: bool, tags: Mapping[str, str] = NO_TAGS) -> Iterator[Reached]:
    """Yield each cluster of --cluster, --all-clusters or --cluster-tag (`tags`) in each --region and --profile, with
    its name; for a region, the failure to list its clusters. Raise UsageError for options that cannot be combined."""
    options, several = access.shared, access.shared.several
    if all_clusters and access.sources.get("cluster") == "--cluster":
        raise UsageError("--cluster and --all-clusters cannot be used together")
    if tags and (all_clusters or access.sources.get("cluster") == "--cluster"):
        raise UsageError("--cluster-tag cannot be used together with --cluster or --all-clusters")
    all_clusters = all_clusters or bool(tags)
    if not several and not all_clusters:
        yield "", access
        return
    profiles = several.get("profile", (options.profile,))
    regions = several.get("region", (options.region,))
    for profile, region in product(profiles, regions):
        local = access.of(profile=profile, region=region)
        where = " ".join(word for word in (region, profile) if word)
        names = several.get("cluster", () if all_clusters else (options.cluster,))
        if all_clusters:
            try:
                eks = local.aws.eks
                names = tagged_clusters(eks, tags, local.aws.region) if tags else eks.list_clusters()
            except PodidError as error:
                error.hint = hint_words(error.hint, local.argv)
                yield where or local.aws.region, error
                continue
        for name in names:
            yield f"{name or 'cluster'} {where}".strip(), local.of(cluster=name)


def check_namespace(reached: Sequence[Access], namespace: str) -> None:
    """Raise NotFound if no cluster has the namespace or an association in it. Return if one has, or if it could not be
    read."""
    from podid.ops.association.read import namespace_not_found

    absent: NotFound | None = None
    for access in reached:
        if access.aws.eks.list_association_summaries(access.place().cluster_name, namespace=namespace):
            return
        absent = namespace_not_found(access.clients, namespace)
        if absent is None:
            return
    if absent is not None:
        raise absent
