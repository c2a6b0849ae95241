"""Containers that end again and again, and the last lines that they wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.domain.cluster import Container, Pod
from podid.domain.errors import NotFound, Rejected
from podid.domain.workloads import live

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader

_LINES = 50


def crashing(pod: Pod) -> tuple[Container, ...]:
    """The containers that end again and again, of a pod that is not ready; they may run for a moment in between."""
    if pod.ready or not live(pod):
        return ()
    return tuple(c for c in pod.containers if c.restarts and not c.ready)


def end_of_log(reader: KubeReader, pod: Pod, container: str) -> list[str]:
    """The end of the log of the container that ended last, else of the one that runs; empty where no log is kept.
    Raises what stands in the way of reading it."""
    for previous in (True, False):
        try:
            text = reader.read_log(pod.namespace, pod.name, container=container, tail=_LINES, previous=previous)
        except (NotFound, Rejected):
            continue
        if text.strip():
            return text.splitlines()
    return []
