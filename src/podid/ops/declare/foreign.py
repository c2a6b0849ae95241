"""Read files of other programs as podid's own documents: eksctl, ACK, Crossplane, the AWS CLI, and podid's lists.

The values keep their places, so that the reader of podid's documents reports a mistake where it is in the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from podid.domain.declaration import DECLARATION_KIND, Position
from podid.domain.members import API_VERSION
from podid.local.documents import DocumentNode, Mistakes
from podid.ops.declare.api_rows import is_api_answer, is_csv, read_answer, read_csv
from podid.ops.declare.controllers import ACK, CROSSPLANE, CustomResources, group_of, objects_in
from podid.ops.declare.eksctl import read_cluster_config
from podid.ops.declare.foreign_nodes import Describe, ForeignFile, built, get, node_of, text

_EKSCTL = "eksctl.io"
# one of them is in every file of another program that names podid's kind
FOREIGN_WORDS = (_EKSCTL, "services.k8s.aws", "upbound.io")
# characters of metadata.name
_LONGEST = 128


def is_foreign(node: DocumentNode) -> bool:
    return _known(node) or any(_known(item) for item in objects_in((node,)))


def _known(node: DocumentNode) -> bool:
    group = group_of(node)
    config = group == _EKSCTL and text(get(node, "kind")) == "ClusterConfig"
    return config or group in ACK | CROSSPLANE or is_api_answer(node)


def from_csv(content: str, name: str, mistakes: Mistakes) -> ForeignFile | None:
    """Return the rows of a CSV file; None for another file. Raise InvalidInput."""
    if not is_csv(content, name):
        return None
    file = ForeignFile(name, mistakes)
    read_csv(content, file)
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
            resources.take(node)
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
    groups = file.by_cluster() or {"": []}
    rest = {text(get(role, "name")): role for role in file.roles}
    roles: dict[str, list[DocumentNode]] = {}
    for cluster, associations in groups.items():
        used = dict.fromkeys(text(get(item, "role")) for item in associations)
        roles[cluster] = [rest.pop(name) for name in used if name in rest]
    roles[next(iter(groups))].extend(rest.values())
    return tuple(_document(file, cluster, roles[cluster], groups[cluster]) for cluster in groups)


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
