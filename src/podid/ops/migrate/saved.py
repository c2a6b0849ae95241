"""Saved plans of a migration. A saved plan only selects service accounts: podid reads the cluster and plans them again,
and compares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from podid.domain.encoding import encode
from podid.domain.errors import Conflict, InvalidInput
from podid.domain.migration import ItemState, MigrationItem
from podid.domain.names import ServiceAccountRef
from podid.domain.signature import check_signature, signed
from podid.domain.text import utc
from podid.local import data
from podid.ops.migrate.items import Migration

_KIND = "MigrationPlan"
_WORDS = {
    "trustPolicy": "the trust policy of its role",
    "association": "its association",
    "annotations": "its annotations",
    "blockers": "its blockers",
    "roleArn": "its role",
    "copyOf": "the service account that its workloads use today",
}


def saved_plan(document: Mapping[str, Any], now: datetime, key: bytes | None) -> Mapping[str, Any]:
    """Return the document of a plan as `podid migrate plan --save` writes it: with a key, signed, with the time."""
    return document if key is None else signed({**document, "savedAt": utc(now)}, key)


def read_plan(text: str, name: str, key: bytes | None = None) -> Mapping[str, Any]:
    """Return the plan in a file of `podid migrate plan --save`. Raise InvalidInput for another file; with a key,
    Conflict for a file without its signature."""
    document = data.read(text, name)
    if not isinstance(document, dict) or document.get("kind") != _KIND or not isinstance(document.get("items"), list):
        raise InvalidInput(f"{name} is not a plan of podid migrate plan --save", subject=name)
    check_signature(document, key, name)
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
    items, differences = [], []
    for entry in saved["items"]:
        try:
            ref = ServiceAccountRef(entry["namespace"], entry["serviceAccount"])
            before: Mapping[str, Any] = {
                **entry["state"],
                "roleArn": entry["roleArn"],
                "blockers": [blocker["id"] for blocker in entry["blockers"]],
                "copyOf": entry.get("copyOf"),
            }
            item = pairs.get((ref, str(before["roleArn"]))) or now.get(ref)
        except (AttributeError, KeyError, TypeError) as error:
            raise InvalidInput(f"{name} is damaged: {error}", subject=name) from error
        if item is None:
            differences.append(f"{ref}: nothing is left to migrate")
            continue
        current = {
            **encode(ItemState, item.state),
            "roleArn": item.role_arn,
            "blockers": [blocker.id for blocker in item.blockers],
            "copyOf": item.copy_of or None,
        }
        if item in items:
            raise InvalidInput(f"{name} is damaged: {ref} has several items", subject=name)
        differences += [f"{ref}: {_WORDS[key]} changed" for key, value in current.items() if before.get(key) != value]
        items.append(item)
    if differences:
        raise Conflict(f"The cluster changed since {name} was saved", lines=tuple(differences), subject=name)
    return tuple(items)
