"""Clusters selected by tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from podid.domain.errors import NotFound

if TYPE_CHECKING:
    from podid.aws.eks import Eks


def tagged_clusters(eks: Eks, tags: Mapping[str, str], region: str) -> tuple[str, ...]:
    """Return the region's clusters that have all of these tags, sorted. Raise NotFound if there is none, and the error
    of a cluster whose tags cannot be read: it might match."""
    from podid.calls import pacing

    all_tags = dict(pacing.fan_out(eks.get_cluster_tags, eks.list_clusters(), reads=True))
    names = tuple(name for name, own in sorted(all_tags.items()) if tags.items() <= own.items())
    if not names:
        words = " and ".join(f"{key}={value}" for key, value in tags.items())
        raise NotFound(f"No cluster in {region} has the tag {words}", hint=("aws", "eks", "list-clusters"))
    return names
