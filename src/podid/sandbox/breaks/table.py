"""The failure modes that the sandbox can reproduce, and those that exist in a running one.

`podid sandbox break` and the tests read this table. It maps an id to the function that creates the failure mode and
returns its subject.
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
from podid.sandbox.breaks.scenario import NAMESPACE, Reach, Scenario

# reported only for a named service account: `podid doctor NS/SA`
_WHEN_ASKED = frozenset({"association-missing", "automount-false"})

Break = Callable[[Scenario], str]


def _named(module: ModuleType) -> dict[str, Break]:
    """Return the public functions of the module by failure mode id."""
    members = vars(module).items()
    return {
        name.replace("_", "-"): function
        for name, function in members
        if callable(function) and not name.startswith("_") and function.__module__ == module.__name__
    }


BREAKS: dict[str, Break] = {
    mode: function
    for module in (
        *(of_access, of_associations, of_pods, of_network, of_agents, of_nodes, of_roles),
        of_surroundings,
        of_logs,
        of_audit,
    )
    for mode, function in _named(module).items()
}
_LOGGED = frozenset(_named(of_logs))


AUDITED = frozenset(_named(of_audit))


def to_see(mode: str) -> tuple[str, ...]:
    """Return the arguments of the podid command that reports this failure mode."""
    if mode in AUDITED:
        return ("audit",)
    if mode in _WHEN_ASKED:
        return ("doctor", f"{NAMESPACE}/{mode}")
    return ("doctor", "--logs") if mode in _LOGGED else ("doctor",)


class ActiveFailures:
    """The failure modes that exist in the sandbox, in the order of their creation. Thread-safe."""

    def __init__(self, reach: Callable[[], Reach]) -> None:
        self._reach = reach
        self._lock = threading.Lock()
        self._broken: dict[str, tuple[Scenario, str]] = {}

    def listed(self) -> dict[str, str]:
        """Return the subject of each failure mode by id."""
        with self._lock:
            return {mode: subject for mode, (_, subject) in self._broken.items()}

    def put(self, mode: str) -> str:
        """Create a failure mode and return its subject. Raise ValueError if it exists already or if the sandbox cannot
        reproduce it in its current state; the changes are reversed then. Raise KeyError for an unknown id."""
        with self._lock:
            if mode in self._broken:
                raise ValueError(f"{mode} is already in place")
            scenario = Scenario(self._reach(), mode)
            try:
                subject = BREAKS[mode](scenario)
            except BaseException as error:
                scenario.undo()
                if isinstance(error, AssertionError | LookupError | ValueError):
                    raise ValueError(
                        f"{mode} cannot be reproduced in the current state of this sandbox: {error}"
                    ) from error
                raise
            self._broken[mode] = scenario, subject
            return subject

    def heal(self, mode: str = "") -> dict[str, str]:
        """Remove one failure mode, or all, the last one first. Return the removed ones and their subjects."""
        with self._lock:
            modes = [item for item in reversed(self._broken) if mode in ("", item)]
            return {item: self._heal(item) for item in modes}

    def _heal(self, mode: str) -> str:
        scenario, subject = self._broken.pop(mode)
        scenario.undo()
        return subject

    def forget(self) -> None:
        """Forget all failure modes, after a reset of the sandbox."""
        with self._lock:
            self._broken.clear()
