"""The running pods of associations, for the list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from podid.domain.model import Association, Pod
from podid.domain.names import ServiceAccountRef
from podid.domain.staleness import changed_at
from podid.domain.workloads import live, opted_out
from podid.ops.association.effect import is_injected
from podid.ops.association.read import Listed
from podid.ops.restart.targets import is_stale

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader


@dataclass(frozen=True, slots=True)
class PodCounts:
    """The running pods of one association, how many of them carry the injected fields, and how many are stale: without
    these, or older than a change of the association that has not reached them for certain."""

    running: int = 0
    stale: int = 0
    injected: int = 0


def count_pods(
    reader: KubeReader, associations: Sequence[Listed], now: datetime, *, namespace: str | None
) -> dict[ServiceAccountRef, PodCounts]:
    """By service account. Raises AccessDenied when pods cannot be listed."""
    by_account: dict[ServiceAccountRef, list[Pod]] = defaultdict(list)
    for pod in reader.list_pods(namespace or ""):
        if live(pod) and not opted_out(pod):
            by_account[pod.ref].append(pod)
    counts = {}
    for association in (item for item in associations if isinstance(item, Association)):
        pods, changed = by_account[association.ref], changed_at(association, now)
        stale = sum(is_stale(pod, changed) for pod in pods)
        counts[association.ref] = PodCounts(len(pods), stale, sum(map(is_injected, pods)))
    return counts
