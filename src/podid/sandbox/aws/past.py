"""Readings of EKS and IAM that lag behind changes, as AWS's are now and then: `Delays.lags` says by how much.

Before each change the sandbox keeps a copy of the state. A reading that lags sees the state before the first change
that it does not know yet. A call that makes a change sees the present state.
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from podid.sandbox.aws.moto_backend import IamStore
from podid.sandbox.world import World

_READS = ("Describe", "Get", "List", "Simulate", "Generate")


@dataclass(frozen=True, slots=True)
class _Moment:
    """The state until `until`, in seconds since the epoch: members of each world and of each of moto's backends."""

    until: float
    members: tuple[tuple[Any, Mapping[str, Any]], ...]


class Past:
    """The states that lagging readings can still see. The caller holds the lock of the main world."""

    def __init__(self, iam: IamStore) -> None:
        self._iam = iam
        self._moments: list[_Moment] = []

    @contextmanager
    def around(self, world: World, worlds: tuple[World, ...], operation: str) -> Iterator[None]:
        """Keep the state before a change, or show a reading the state that it knows."""
        lags = world.delays.lags
        if not lags:
            self.forget()
            yield
        elif not operation.startswith(_READS):
            self._keep(world.clock.now(), max(lags.values()), worlds)
            yield
        else:
            lag = max((seconds for name, seconds in lags.items() if fnmatchcase(operation, name)), default=0.0)
            known = world.clock.now() - lag
            with _shown(next((moment for moment in self._moments if moment.until > known), None)):
                yield

    def forget(self) -> None:
        self._moments.clear()

    def _keep(self, now: float, longest: float, worlds: tuple[World, ...]) -> None:
        self._moments = [moment for moment in self._moments if moment.until > now - longest]
        members = [
            (world, {"clusters": copy.deepcopy(world.clusters), "tags": copy.deepcopy(world.tags)}) for world in worlds
        ]
        self._moments.append(_Moment(now, (*members, *self._iam.copied())))


@contextmanager
def _shown(moment: _Moment | None) -> Iterator[None]:
    members = () if moment is None else moment.members
    present = [(owner, {name: getattr(owner, name) for name in values}) for owner, values in members]
    try:
        for owner, values in members:
            for name, value in values.items():
                setattr(owner, name, value)
        yield
    finally:
        for owner, values in present:
            for name, value in values.items():
                setattr(owner, name, value)
