"""A second evaluator of permissions policies, deliberately naive, to compare with podid's, without unknowns.

A request is an action, an ARN and a table of keys (None: not sent). Conditions are those of the naive trust evaluator.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from domain.trust.trust_naive import Table, as_list, as_text, condition_holds, fits, glob, pattern_of


def allowed(layers: Iterable[Iterable[Mapping[str, Any]]], action: str, resource: str, table: Table) -> bool:
    """Return whether the layers, each a list of documents, allow the request. One Deny is enough; every layer needs an
    Allow."""
    of_layers = [effects(layer, action, resource, table) for layer in layers]
    return all("Allow" in layer for layer in of_layers) and not any("Deny" in layer for layer in of_layers)


def effects(layer: Iterable[Mapping[str, Any]], action: str, resource: str, table: Table) -> list[str]:
    """Return the effect of each statement of the documents that applies."""
    return [effect for document in layer for effect in _effects(document, action, resource, table)]


def _effects(document: Mapping[str, Any], action: str, resource: str, table: Table) -> list[str]:
    variables = document.get("Version") == "2012-10-17"
    return [
        s["Effect"] for s in as_list(document["Statement"]) if _applies(s, action, resource, table, variables=variables)
    ]


def _applies(s: Mapping[str, Any], action: str, resource: str, table: Table, *, variables: bool) -> bool:
    names = as_list(s.get("Action", s.get("NotAction")))
    if any(glob(name.lower(), action.lower()) for name in names) is ("NotAction" in s):
        return False
    patterns = [pattern_of(text, True, table, variables) for text in as_list(s.get("Resource", s.get("NotResource")))]
    if any(pattern is not None and fits(pattern, resource) for pattern in patterns) is ("NotResource" in s):
        return False
    return all(
        condition_holds(operator, table[key.lower()], [as_text(value) for value in as_list(values)], table, variables)
        for operator, block in s.get("Condition", {}).items()
        for key, values in block.items()
    )
