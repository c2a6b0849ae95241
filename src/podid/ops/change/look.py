"""The effect of a change: looked at as far as `--wait` asks and the cluster lets us."""

from __future__ import annotations

from collections.abc import Callable

from podid.domain.plan import Effect, EffectState, Wait
from podid.ops.clients import Clients, KubeAccess


def look(clients: Clients, wait: Wait | None, watch: Callable[[KubeAccess], Effect | None]) -> Effect | None:
    """The effect as `watch` sees it, `unknown` without Kubernetes access; None when --wait none or api leaves it
    alone."""
    if not looks(wait):
        return None
    if clients.kube.failure is not None:
        how = f"the cluster could not be looked at: {clients.kube.failure.what}"
        return Effect(EffectState.UNKNOWN, how, not_looked_at="the pods, the agents and the role")
    return watch(clients.kube)


def looks(wait: Wait | None) -> bool:
    """Whether the cluster is to be looked at."""
    return wait not in (Wait.NONE, Wait.API)
