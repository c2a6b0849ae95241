"""Read the API groups that a cluster serves, and the custom resources of ACK and Crossplane that own associations and
roles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from podid.domain.foreign import Object, Reading, inner_or_empty, listed, text_or
from podid.domain.owners import PLURALS, Owner, owners_of_custom

_KINDS = {"roles": "Role", "podidentityassociations": "PodIdentityAssociation"}


def groups(answer: Object) -> dict[str, str]:
    items = listed(answer, "groups")
    return {text_or(g, "name"): text_or(inner_or_empty(g, "preferredVersion"), "version") for g in items}


def owners(served: Mapping[str, str], list_: Callable[[str, Reading[Object]], list[Object]]) -> dict[str, Owner]:
    """Return the owners by the ids of their resources. Only groups that are `served` are listed."""
    items: list[Object] = []
    for group, plural in PLURALS.items():
        if version := served.get(group):
            items += list_(f"/apis/{group}/{version}/{plural}", partial(_of_group, group, _KINDS[plural]))
    return owners_of_custom(items)


def _of_group(group: str, kind: str, item: Object) -> Object:
    """Return an object with its kind and group, which lists may omit."""
    return {**item, "kind": kind, "apiVersion": group}
