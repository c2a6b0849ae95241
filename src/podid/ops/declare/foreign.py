"""Read files of other programs as podid's own documents: eksctl, ACK, Crossplane, the AWS CLI, and podid's lists.

The values keep their places, so that the reader of podid's documents reports a mistake where it is in the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import PurePath

from podid.domain.aws import Association
from podid.domain.declaration import DECLARATION_KIND, Position
from podid.domain.encoding import JsonObject
from podid.domain.grouping import grouped
from podid.domain.members import API_VERSION
from podid.domain.names import addon_name
from podid.domain.text import did_you_mean
from podid.local.documents import DocumentNode, Mistakes
from podid.ops.association.files import MEMBERS, cluster_of, is_csv, read_items
from podid.ops.change.kinds import ASSOCIATION
from podid.ops.declare.controllers import ACK, CROSSPLANE, CustomResource, CustomResources, group_of, objects_in
from podid.ops.declare.eksctl import read_cluster_config
from podid.ops.declare.foreign_nodes import (
    Describe,
    ForeignFile,
    account_node,
    built,
    get,
    items,
    members,
    node_of,
    text,
)

_EKSCTL = "eksctl.io"
# one of them is in every file of another program that names podid's kind
FOREIGN_WORDS = (_EKSCTL, "services.k8s.aws", "upbound.io")
# characters of metadata.name
_LONGEST = 128
_LISTS = ("AssociationList", "Association")
# members of a list; boto3 adds the last one
_ANSWER = ("apiVersion", "kind", "clusterName", "association", "associations", "items", "ResponseMetadata")


def is_api_answer(node: DocumentNode) -> bool:
    """Return whether the document is an answer about associations, or podid's own list."""
    if text(get(node, "apiVersion")) == API_VERSION:
        return text(get(node, "kind")) in _LISTS
    named = get(node, "apiVersion") or get(node, "kind")
    return named is None and bool(get(node, "association") or get(node, "associations") or _is_row(node))


def _is_row(node: DocumentNode) -> bool:
    """Return whether the document is one association: podid's own, or a line of `podid list -o jsonl`."""
    return text(get(node, "kind")) == "Association" or bool(get(node, "associationId") and get(node, "serviceAccount"))


def read_answer(node: DocumentNode, file: ForeignFile) -> None:
    one = _is_row(node)
    for name in () if one else members(node):
        if name not in _ANSWER:
            message = "is not a member of a list of associations"
            if name.lower() == "nexttoken":
                message = "indicates more associations, which the file does not contain"
            file.mistakes.add(node.keys.get(name, node.at), message, name)
    if (association := get(node, "association")) is not None:
        _row(association, "association.", file)
    for name in ("associations", "items"):
        for number, row in enumerate(items(get(node, name))):
            _row(row, f"{name}[{number}].", file)
    if one:
        _row(node, "", file)


def _row(row: DocumentNode, path: str, file: ForeignFile) -> None:
    for name in members(row):
        if name not in MEMBERS:
            message = f"is not a member of an association{did_you_mean(name, sorted(MEMBERS), 1)}"
            file.mistakes.add(row.keys.get(name, row.at), message, f"{path}{name}")
    account = account_node(get(row, "namespace"), get(row, "serviceAccount"))
    if owner := text(get(row, "ownerArn")):
        file.notes.append(f"omitted: {text(account)}, because the add-on {addon_name(owner)} owns the association")
        return
    cluster = cluster_of(text(get(row, "clusterName")), text(get(row, "associationArn")))
    role = get(row, "roleArn")
    if role is None and file.describe is not None:
        row = _described(row, path, file.describe, file)
        role = get(row, "roleArn")
    elif role is None and account is not None:
        message = (
            "is required: list-pod-identity-associations returns no roles. podid plan and apply read them from the "
            "cluster; otherwise use the answers of describe-pod-identity-association, or podid export"
        )
        file.mistakes.add(row.at, message, f"{path}roleArn")
        return
    file.association(cluster, partial(get, row), role, row.at)


def _described(row: DocumentNode, path: str, describe: Describe, file: ForeignFile) -> DocumentNode:
    """Return a row without a role as the cluster describes the association."""
    cluster, name = text(get(row, "clusterName")), text(get(row, "associationId"))
    live = describe(cluster, name) if cluster and name else None
    if live is None:
        where = f"cluster {cluster} has no association {name}" if cluster and name else "it has no cluster and id"
        file.mistakes.add(row.at, f"is required, and {where}", f"{path}roleArn")
        return row
    values = {member: node_of(value, row.at) for member, value in live.items() if value is not None}
    return built({**values, **{name: get(row, name) for name in ("namespace", "serviceAccount")}}, row.at)


def describing(associations: Callable[[str], Iterable[Association]]) -> Describe:
    """Return a function that describes an association of a cluster. It reads the `associations` of a cluster once, at
    its first use."""

    @cache
    def by_id(cluster: str) -> Mapping[str, Mapping[str, object]]:
        return {item.association_id: ASSOCIATION.state_of(item) for item in associations(cluster)}

    return lambda cluster, association_id: by_id(cluster).get(association_id)


def is_foreign(node: DocumentNode) -> bool:
    """Return whether podid reads the object, which is not its own."""
    group = group_of(node)
    config = group == _EKSCTL and text(get(node, "kind")) == "ClusterConfig"
    return config or group in ACK | CROSSPLANE or is_api_answer(node)


def from_csv(content: str, name: str, mistakes: Mistakes) -> ForeignFile | None:
    """Return the rows of CSV, as podid list prints it; None for another file. Raise InvalidInput with each line that
    cannot be used."""
    if not is_csv(content, name):
        return None
    file = ForeignFile(name, mistakes)
    for item in read_items(content, name):
        at = Position(name, item.line, 1)
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
        present = {key: value for key, value in values.items() if value is not None}
        file.associations.append((item.cluster, node_of(present, at)))
    return file


def from_documents(
    nodes: Sequence[DocumentNode], name: str, mistakes: Mistakes, describe: Describe | None = None
) -> ForeignFile:
    """Return the roles and associations of a file with at least one foreign document. Other documents become notes."""
    file, skipped = ForeignFile(name, mistakes, describe=describe), list[str]()
    resources = CustomResources(file)
    for node in objects_in(nodes):
        group = group_of(node)
        if group == _EKSCTL:
            read_cluster_config(node, file)
        elif group in ACK | CROSSPLANE:
            resources.objects.append(CustomResource(node))
        elif is_api_answer(node):
            read_answer(node, file)
        else:
            kind = text(get(node, "kind")) or "a document without kind"
            skipped.append(f"{kind} {text(get(node, 'metadata', 'name'))}".strip())
    resources.read()
    if skipped:
        file.notes.append(f"omitted: {', '.join(dict.fromkeys(skipped))}: podid manages associations and roles only")
    if file.regions:
        file.notes.append(f"podid does not use the region in the file: {' and '.join(file.regions)}")
    return file


def own_documents(file: ForeignFile) -> tuple[DocumentNode, ...]:
    """Return podid's documents, one for each cluster. Each has the roles that its associations name; the first one has
    the roles that none names."""
    # the name of a cluster is enough if no other cluster of the file has it
    arns = {key for key, _ in file.associations if key.startswith("arn:")}
    several = {name for name, number in Counter(map(_cluster_name, arns)).items() if number > 1}
    placed = ((key if (name := _cluster_name(key)) in several else name, node) for key, node in file.associations)
    groups = grouped(placed) or {"": []}
    unused = {text(get(role, "name")): role for role in file.roles}
    roles: dict[str, list[DocumentNode]] = {}
    for cluster, associations in groups.items():
        used = dict.fromkeys(text(get(item, "role")) for item in associations)
        roles[cluster] = [unused.pop(name) for name in used if name in unused]
    roles[next(iter(groups))].extend(unused.values())
    return tuple(_document(file, cluster, roles[cluster], groups[cluster]) for cluster in groups)


def _cluster_name(cluster: str) -> str:
    return cluster.rpartition("/")[2]


def _document(
    file: ForeignFile, cluster: str, roles: Sequence[DocumentNode], associations: Sequence[DocumentNode]
) -> DocumentNode:
    at = Position(file.name, 1, 1)
    parts = {"roles": roles, "associations": associations}
    members = {
        "apiVersion": node_of(API_VERSION, at),
        "kind": node_of(DECLARATION_KIND, at),
        "metadata": node_of({"name": owner_name(file.name, cluster)}, at),
        "clusters": node_of([cluster], at) if cluster else None,
        **{key: DocumentNode(tuple(nodes), at) if nodes else None for key, nodes in parts.items()},
    }
    return built(members, at)


def owner_name(file: str, cluster: str) -> str:
    """Return the name of the owner of a foreign file: its cluster and the file's name without its ending."""
    stem = PurePath(file).name.partition(".")[0]
    parts = re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(filter(None, (cluster, stem))))
    return parts[:_LONGEST].strip("._-") or "foreign"
