"""The failure modes that the sandbox can be given, and those that are in place in a running one.

`podid sandbox break` and the tests read this one table: id to the function that puts the mode in place and returns its
subject.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import ModuleType

from podid.sandbox.breaks import (
    of_access,
    of_agents,
    of_associations,
    of_audit,
    of_logs,
    of_network,
    of_nodes,
    of_pods,
    of_roles,
    of_surroundings,
)
from podid.sandbox.breaks.hands import NAMESPACE, Hands, Reach

# what is worth a word only where somebody asks about it: `podid doctor NS/SA`
_WHEN_ASKED = frozenset({"association-missing", "automount-false"})

Break = Callable[[Hands], str]


def _named(module: ModuleType) -> dict[str, Break]:
    """Each public function that is defined there, by the id that its name spells."""
    found = vars(module).items()
    return {
        name.replace("_", "-"): each
        for name, each in found
        if callable(each) and not name.startswith("_") and each.__module__ == module.__name__
    }


BREAKS: dict[str, Break] = {
    mode: each
    for module in (
        *(of_access, of_associations, of_pods, of_network, of_agents, of_nodes, of_roles),
        of_surroundings,
        of_logs,
        of_audit,
    )
    for mode, each in _named(module).items()
}
_LOGGED = frozenset(_named(of_logs))


AUDITED = frozenset(_named(of_audit))


def to_see(mode: str) -> tuple[str, ...]:
    """Return the words after `podid` of the command that names a failure mode that stands."""
    if mode in AUDITED:
        return ("audit",)
    if mode in _WHEN_ASKED:
        return ("doctor", f"{NAMESPACE}/{mode}")
    return ("doctor", "--logs") if mode in _LOGGED else ("doctor",)


class Standing:
    """The failure modes that were put in place, in that order. Thread-safe."""

    def __init__(self, reach: Callable[[], Reach]) -> None:
        self._reach = reach
        self._lock = threading.Lock()
        self._broken: dict[str, tuple[Hands, str]] = {}

    def listed(self) -> dict[str, str]:
        """Id -> whom it is about."""
        with self._lock:
            return {mode: subject for mode, (_, subject) in self._broken.items()}

    def put(self, mode: str) -> str:
        """Put a failure mode in place, and return its subject. ValueError for one that is in place already, or that
        this sandbox cannot be given as it is, with everything as it was before; KeyError for an id that is not in the
        table."""
        with self._lock:
            if mode in self._broken:
                raise ValueError(f"{mode} is already in place")
            hands = Hands(self._reach(), mode)
            try:
                subject = BREAKS[mode](hands)
            except BaseException as error:
                hands.undo()
                if isinstance(error, AssertionError | LookupError | ValueError):
                    raise ValueError(
                        f"{mode} cannot be reproduced in the current state of this sandbox: {error}"
                    ) from error
                raise
            self._broken[mode] = hands, subject
            return subject

    def heal(self, mode: str = "") -> dict[str, str]:
        """Take one away, or all of them, the last first; what was taken away."""
        with self._lock:
            wanted = [each for each in reversed(self._broken) if mode in ("", each)]
            return {each: self._heal(each) for each in wanted}

    def _heal(self, mode: str) -> str:
        hands, subject = self._broken.pop(mode)
        hands.undo()
        return subject

    def forget(self) -> None:
        """Forget all failure modes: the sandbox begins anew."""
        with self._lock:
            self._broken.clear()
