"""What a newer podid recorded and this one does not know: it stands in the way of nothing but its own undo."""

from __future__ import annotations

from typing import Never

from podid.calls.patience import Patience
from podid.domain.errors import UsageError
from podid.domain.plan import Action, State
from podid.ops.change.kinds.base import Keys, Operations, ResourceKind
from podid.ops.clients import Clients


class UnknownKind(ResourceKind):
    state = dict
    keys = ()

    def __init__(self, name: str) -> None:
        self.name = name  # type: ignore[misc]  # the only kind that is made for each name

    def read(self, clients: Clients, cluster: str, keys: Keys) -> State | None:
        self._unknown()

    def write(self, clients: Clients, cluster: str, action: Action, patience: Patience) -> State | None:
        self._unknown()

    def operations(self) -> Operations:
        return {}

    def _unknown(self) -> Never:
        raise UsageError(f"This podid knows no {self.name!r}; a newer one recorded it", advice="Use that one.")
