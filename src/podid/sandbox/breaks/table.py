"""The failure modes that the sandbox can be given: id to what puts it in place and returns whom it is about.

`podid sandbox break` and the tests read this one table.
"""

from collections.abc import Callable
from types import ModuleType

from podid.sandbox.breaks import (
    of_access,
    of_agents,
    of_associations,
    of_logs,
    of_network,
    of_nodes,
    of_pods,
    of_roles,
    of_surroundings,
)
from podid.sandbox.breaks.hands import NAMESPACE, Hands

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
    )
    for mode, each in _named(module).items()
}
_LOGGED = frozenset(_named(of_logs))


def to_see(mode: str) -> tuple[str, ...]:
    """What `podid doctor` is given so that it names a failure mode that stands."""
    if mode in _WHEN_ASKED:
        return (f"{NAMESPACE}/{mode}",)
    return ("--logs",) if mode in _LOGGED else ()
