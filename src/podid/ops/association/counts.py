"""The running pods of associations, for the list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from podid.domain.model import Association, Pod
from podid.domain.names import ServiceAccountRef
from podid.domain.staleness import changed_at
from podid.domain.workloads import is_injected, live, opted_out
from podid.ops.restart.targets import is_stale

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader

PodsByAccount = Mapping[ServiceAccountRef, Sequence[Pod]]


@dataclass(frozen=True, slots=True)
class PodCounts:
    """The running pods of one association, how many of them carry the injected fields, and how many are stale: without
    these, or older than a change of the association that has not reached them for certain."""

    running: int = 0
    stale: int = 0
    injected: int = 0


def served_pods(reader: KubeReader, namespace: str) -> PodsByAccount:
    """The running pods that the webhook serves, in one namespace or, for "", in all. Raises AccessDenied where pods
    cannot be listed."""
    found: dict[ServiceAccountRef, list[Pod]] = defaultdict(list)
    for pod in reader.list_pods(namespace):
        if live(pod) and not opted_out(pod):
            found[pod.ref].append(pod)
    return found


def count_pods(served: PodsByAccount, association: Association, now: datetime) -> PodCounts:
    pods, changed = served.get(association.ref, ()), changed_at(association, now)
    stale = sum(is_stale(pod, changed) for pod in pods)
    return PodCounts(len(pods), stale, sum(map(is_injected, pods)))
