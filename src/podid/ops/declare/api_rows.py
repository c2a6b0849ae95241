"""Read associations as the EKS API returns them: JSON of `aws eks`, and the lists of podid (JSON, YAML, CSV)."""

from __future__ import annotations

from collections.abc import Iterator

from podid.domain.declaration import Position
from podid.domain.encoding import JsonObject
from podid.domain.members import API_VERSION
from podid.domain.names import addon_name
from podid.local.documents import DocumentNode
from podid.ops.association.files import read_items
from podid.ops.declare.foreign_nodes import (
    Describe,
    ForeignFile,
    account_node,
    get,
    items,
    node_of,
    own_tags,
    session_tags,
    text,
)

_LISTS = ("AssociationList", "Association")


def is_api_answer(node: DocumentNode) -> bool:
    """Return whether the document is an answer about associations, or podid's own list."""
    if text(get(node, "apiVersion")) == API_VERSION:
        return text(get(node, "kind")) in _LISTS
    named = get(node, "apiVersion") or get(node, "kind")
    return named is None and bool(get(node, "association") or get(node, "associations"))


def read_answer(node: DocumentNode, file: ForeignFile) -> None:
    for row, key in _rows(node):
        _row(row, key, file)


def _rows(node: DocumentNode) -> Iterator[tuple[DocumentNode, str]]:
    if (one := get(node, "association")) is not None:
        yield one, "association"
    for name in ("associations", "items"):
        for number, row in enumerate(items(get(node, name))):
            yield row, f"{name}[{number}]"
    if text(get(node, "kind")) == "Association":
        yield node, ""


def _row(row: DocumentNode, key: str, file: ForeignFile) -> None:
    account = account_node(get(row, "namespace"), get(row, "serviceAccount"))
    owner = text(get(row, "ownerArn"))
    if owner:
        name = addon_name(owner)
        file.notes.append(f"omitted: {text(account)}, because the add-on {name} owns the association")
        return
    cluster = text(get(row, "clusterName"))
    role = get(row, "roleArn")
    if role is None and file.describe is not None:
        row = _described(row, cluster, key, file.describe, file)
        role = get(row, "roleArn")
    elif role is None and account is not None:
        message = (
            "is required: list-pod-identity-associations returns no roles. podid plan and apply read them from the "
            "cluster; otherwise use the answers of describe-pod-identity-association, or podid export"
        )
        file.wrong(row.at, message, f"{key}.roleArn" if key else "roleArn")
        return
    file.association(
        cluster,
        {
            "serviceAccount": account,
            "role": role,
            "targetRole": get(row, "targetRoleArn"),
            "sessionTags": session_tags(get(row, "disableSessionTags")),
            "sessionPolicy": get(row, "policy"),
            "tags": own_tags(get(row, "tags")),
        },
        row.at,
    )


def _described(row: DocumentNode, cluster: str, key: str, describe: Describe, file: ForeignFile) -> DocumentNode:
    """Return a row without a role as the cluster describes the association."""
    name = text(get(row, "associationId"))
    live = describe(cluster, name) if cluster and name else None
    if live is None:
        where = f"cluster {cluster} has no association {name}" if cluster and name else "it has no cluster and id"
        file.wrong(row.at, f"is required, and {where}", f"{key}.roleArn" if key else "roleArn")
        return row
    return node_of({member: value for member, value in live.items() if value is not None}, row.at)


def is_csv(text: str, name: str) -> bool:
    first = text.partition("\n")[0]
    return name.lower().endswith(".csv") or (
        name == "stdin" and "," in first and "namespace" in first and not first.lstrip().startswith(("{", "[", "-"))
    )


def read_csv(content: str, file: ForeignFile) -> None:
    """Add the rows of CSV, as podid list prints it. Raise InvalidInput with each line that cannot be used."""
    for item in read_items(content, file.name):
        at = Position(file.name, item.line, 1)
        settings = item.settings
        if item.owner:
            file.notes.append(f"omitted: {item.ref}, because the add-on {addon_name(item.owner)} owns the association")
            continue
        values: JsonObject = {
            "serviceAccount": str(item.ref),
            "role": item.role or None,
            "targetRole": settings.target_role_arn or None,
            "sessionTags": None if settings.disable_session_tags is None else not settings.disable_session_tags,
            "sessionPolicy": settings.policy or None,
            "tags": dict(settings.tags) or None,
        }
        file.association("", {key: node_of(value, at) for key, value in values.items() if value is not None}, at)
