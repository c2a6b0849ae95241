"""The clusters that a reading command is about where several may be named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING

from podid.cli.hints import hint_words
from podid.cli.several import NO_TAGS
from podid.domain.errors import NotFound, PodidError, UsageError
from podid.ops.clusters import tagged_clusters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podid.cli.access import Access

Reached = tuple[str, "Access | PodidError"]


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
