"""Values of other programs' files as values of podid's own file, each at its place in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from podid.domain.declaration import OWNER_KEY, Position
from podid.local.documents import DocumentNode, Mistakes, NotReadable

Nodes = dict[str, DocumentNode]
# cluster, association id -> the association as the EKS API describes it; None if it does not exist
Describe = Callable[[str, str], Mapping[str, object] | None]


@dataclass(slots=True)
class ForeignFile:
    """The roles and associations of one file, as documents of podid. `associations` have their cluster's name, empty if
    the file omits it. `notes` are facts that podid's file cannot express or does not keep, and `regions` those of the
    objects. `describe` reads what an answer of the API omits, None where podid makes no call."""

    name: str
    mistakes: Mistakes
    roles: list[DocumentNode] = field(default_factory=list)
    associations: list[tuple[str, DocumentNode]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    regions: dict[str, None] = field(default_factory=dict)
    describe: Describe | None = None

    def role(self, members: Mapping[str, DocumentNode | None], at: Position) -> None:
        self.roles.append(built(members, at))

    def association(
        self,
        cluster: str,
        member: Callable[[str], DocumentNode | None],
        role: DocumentNode | None,
        at: Position,
        *,
        account: str = "serviceAccount",
        target: str = "targetRoleArn",
    ) -> None:
        """Add an association. `member` returns members by the names of EKS's API, apart from `account` and `target`."""
        members = {
            "serviceAccount": account_node(member("namespace"), member(account)),
            "role": role,
            "targetRole": member(target),
            "sessionTags": _session_tags(member("disableSessionTags")),
            "sessionPolicy": member("policy"),
            "tags": own_tags(member("tags")),
            "createServiceAccount": member("createServiceAccount"),
        }
        self.associations.append((cluster, built(members, at)))

    def owned_by_addon(self, addon: str, accounts: Sequence[str]) -> None:
        rows = f"{', '.join(accounts)} of add-on {addon}, which owns these associations"
        self.notes.append(f"omitted: {rows}: podid addon associate {addon}")

    def in_region(self, node: DocumentNode | None) -> None:
        if region := text(node):
            self.regions[region] = None


def built(members: Mapping[str, DocumentNode | None], at: Position) -> DocumentNode:
    """Return an object of the members that have a value."""
    present = {key: node for key, node in members.items() if node is not None}
    return DocumentNode(present, at, keys={key: node.at for key, node in present.items()})


def node_of(value: object, at: Position) -> DocumentNode:
    """Return JSON data as a value at this place."""
    match value:
        case bool():
            return DocumentNode("true" if value else "false", at, plain=True)
        case int() | float():
            return DocumentNode(str(value), at, plain=True)
        case str():
            return DocumentNode(value, at)
        case None:
            return DocumentNode("null", at, plain=True)
        case Mapping():
            return built({str(key): node_of(member, at) for key, member in value.items()}, at)
        case list() | tuple():
            return DocumentNode(tuple(node_of(item, at) for item in value), at)
    raise TypeError(f"no value of a document: {type(value).__name__}")


def listed_nodes(items: Iterator[DocumentNode], at: Position) -> DocumentNode | None:
    """Return a list; None if it is empty."""
    nodes = tuple(items)
    return DocumentNode(nodes, at) if nodes else None


def get(node: DocumentNode | None, *path: str) -> DocumentNode | None:
    """Return the member at the path; None without one, or if it is null."""
    for name in path:
        members = node.value if node is not None else None
        node = members.get(name) if isinstance(members, dict) else None
    return None if node is None or node.null else node


def text(node: DocumentNode | None) -> str:
    """Return the text of a value; empty without one, or if it is not text: the reader of the document reports that."""
    try:
        return node.text if node is not None else ""
    except NotReadable:
        return ""


def items(node: DocumentNode | None) -> tuple[DocumentNode, ...]:
    return node.value if node is not None and isinstance(node.value, tuple) else ()


def members(node: DocumentNode | None) -> Nodes:
    return node.value if node is not None and isinstance(node.value, dict) else {}


def account_node(namespace: DocumentNode | None, name: DocumentNode | None) -> DocumentNode | None:
    """Return NAMESPACE/NAME; None if one of them is omitted."""
    if namespace is None or name is None:
        return None
    return DocumentNode(f"{text(namespace)}/{text(name)}", name.at)


def _session_tags(disabled: DocumentNode | None) -> DocumentNode | None:
    if disabled is None:
        return None
    try:
        return node_of(not disabled.flag, disabled.at)
    except NotReadable:
        return disabled


def tags_of_list(node: DocumentNode | None) -> DocumentNode | None:
    """Return tags that are a list of keys and values as an object, without those that only AWS sets."""
    if node is None:
        return None
    return own_tags(built({text(get(item, "key")): get(item, "value") for item in items(node)}, node.at))


def own_tags(node: DocumentNode | None) -> DocumentNode | None:
    """Return tags without those that only AWS sets, and without the mark of a file."""
    if node is None or not isinstance(node.value, dict):
        return node
    kept = {k: member for k, member in node.value.items() if not k.lower().startswith("aws:") and k != OWNER_KEY}
    return built(kept, node.at) if kept else None


def role_name_node(arn: DocumentNode | None, names: Mapping[str, str]) -> DocumentNode | None:
    """Return the role of an association: the name of a role of the file if the ARN is that role's. `names` maps
    `path` and `name` as in an ARN to the name."""
    resource = text(arn).partition(":role/")[2]
    return DocumentNode(names[resource], arn.at) if arn is not None and resource in names else arn
