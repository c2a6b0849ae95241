"""A saved plan: the approved items, compared with the present ones before they are migrated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from podid.domain.errors import Conflict, InvalidInput
from podid.domain.migration import ItemState, MigrationItem
from podid.domain.names import ServiceAccountRef
from podid.local import data

if TYPE_CHECKING:
    from podid.ops.migrate.items import Migration

_KIND = "MigrationPlan"
_WORDS = {
    "trustPolicy": "the trust policy of its role",
    "association": "its association",
    "annotations": "its annotations",
    "blockers": "its blockers",
    "roleArn": "its role",
}


def read_plan(text: str, name: str) -> Mapping[str, Any]:
    """Return the plan in a file of `podid migrate plan --save`. Raise InvalidInput for another file."""
    document = data.read(text, name)
    if not isinstance(document, dict) or document.get("kind") != _KIND or not isinstance(document.get("items"), list):
        raise InvalidInput(f"{name} is not a plan of podid migrate plan --save", subject=name)
    return document


def creates_accounts(saved: Mapping[str, Any]) -> bool:
    """Return whether the plan was made with --create-service-accounts."""
    return any(isinstance(entry, dict) and bool(entry.get("copyOf")) for entry in saved["items"])


def check_plan(saved: Mapping[str, Any], migration: Migration, name: str) -> tuple[MigrationItem, ...]:
    """Return the items of the saved plan in their present state. Raise Conflict with every difference, and InvalidInput
    for a damaged file."""
    if saved.get("cluster") != migration.place.the_cluster.arn:
        raise Conflict(f"{name} is a plan for {saved.get('cluster')}, not for {migration.place.the_cluster.arn}")
    now = {item.ref: item for item in migration.items}
    # with kiam and kube2iam, a service account can have an item for each role
    pairs = {(item.ref, item.role_arn): item for item in migration.items}
    items, moved = [], []
    for entry in saved["items"]:
        try:
            ref = ServiceAccountRef(entry["namespace"], entry["serviceAccount"])
            before: Mapping[str, Any] = {**entry["state"], "roleArn": entry["roleArn"], "blockers": _ids(entry)}
        except (KeyError, TypeError) as error:
            raise InvalidInput(f"{name} is damaged: {error}", subject=name) from error
        item = pairs.get((ref, str(before["roleArn"]))) or now.get(ref)
        if item is None:
            moved.append(f"{ref}: nothing is left to migrate")
            continue
        moved += [f"{ref}: {_WORDS[key]} changed" for key in _differing(before, item)]
        items.append(item)
    if moved:
        raise Conflict(f"The cluster changed since {name} was saved", lines=tuple(moved), subject=name)
    return tuple(items)


def _ids(entry: Mapping[str, Any]) -> Sequence[str]:
    return [blocker["id"] for blocker in entry["blockers"]]


def _differing(before: Mapping[str, Any], item: MigrationItem) -> Iterator[str]:
    state: ItemState = item.state
    now = {
        "trustPolicy": state.trust_policy or None,
        "association": state.association or None,
        "annotations": dict(state.annotations),
        "roleArn": item.role_arn,
        "blockers": [blocker.id for blocker in item.blockers],
    }
    yield from (key for key, value in now.items() if before.get(key) != value)
