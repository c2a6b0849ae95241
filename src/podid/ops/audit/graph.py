"""The graph of clusters, service accounts, their roles, and the services and accounts that the roles can access.

It is built from the sections of a snapshot. Services come from the Allow statements of a role's policies: Deny
statements, conditions, boundaries and session policies are not evaluated.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Literal, TypedDict

from podid.domain.aws import Association, Listed, Role, UnreadAssociation
from podid.domain.errors import ExitCode, complete
from podid.domain.grouping import grouped
from podid.domain.iam import AssumePermissions
from podid.domain.members import HIDDEN, OR_NULL, About, TextOrNull, kind
from podid.domain.plan import Place
from podid.domain.section import Known, Missing, Section, known_or, part
from podid.domain.snapshot import Snapshot
from podid.facts.second_hop import OTHER_ACCOUNT
from podid.ops.audit.usage import read_listed
from podid.ops.clients import Clients
from podid.ops.reading.roles import permissions_of_roles
from podid.ops.reading.scope import DoctorScope

SECTIONS = ("associations", "roles", "target_roles", "assume_permissions")
OF_KUBERNETES = ("service_accounts", "namespaces")
NodeKind = Literal["cluster", "service-account", "role", "target-role", "service", "account"]
EdgeKind = Literal["has", "assumes", "can-assume", "allows", "belongs-to"]
ALL_SERVICES = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphNode:
    """A cluster, service account, role, service or account. `failed`: its neighbours could not be read, except for what
    podid never reads: roles of other accounts."""

    id: Annotated[str, About("The id of the node: unique in the graph, and the same in each run.")]
    kind: Annotated[NodeKind, About("`target-role`: a role that is only a target role.")]
    name: Annotated[str, About("The name; of a service the prefix of its IAM actions, `*` for all services.")]
    cluster: TextOrNull = ""
    namespace: TextOrNull = ""
    arn: TextOrNull = ""
    account: Annotated[str, OR_NULL, About("The account id.")] = ""
    exists: Annotated[bool | None, About("Null if podid did not check whether it exists.")] = None
    unread: Annotated[str, OR_NULL, About("The reason why a fact about it could not be read.")] = ""
    failed: Annotated[bool, HIDDEN] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphEdge:
    """A relation between two nodes."""

    source: Annotated[str, About("The id of a node.")]
    target: Annotated[str, About("The id of a node.")]
    kind: Annotated[
        EdgeKind, About("`assumes`: an association has the target role; `can-assume`: only policies allow it.")
    ]
    association_id: TextOrNull = ""
    actions: Annotated[tuple[str, ...], About("The allowed actions of the service, as patterns in lower case.")] = ()


@kind("Graph", "`podid graph`.")
@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Nodes and the edges between them, sorted."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]

    def of_kind(self, *kinds: NodeKind) -> tuple[GraphNode, ...]:
        return tuple(node for node in self.nodes if node.kind in kinds)

    @property
    def unread(self) -> tuple[GraphNode, ...]:
        """Return the nodes that are not completely known."""
        return tuple(node for node in self.nodes if node.unread)

    @property
    def exit_code(self) -> ExitCode:
        """Return 9 if roles or services may be missing."""
        return complete(ExitCode.OK, *(node.failed for node in self.nodes))


Permissions = Mapping[str, Section[AssumePermissions]]


@dataclass(frozen=True, slots=True)
class ClusterReading:
    """The data of one cluster. `listed` are the associations in the scope."""

    snapshot: Snapshot
    cluster_arn: str
    listed: tuple[Listed, ...]
    permissions: Permissions


def read_cluster(clients: Clients, place: Place, scope: DoctorScope, now: datetime) -> ClusterReading:
    """Read the sections of one cluster, and the policies of its target roles. Raise NotFound for a service account or
    namespace that does not exist, and the error if the associations could not be read."""
    snapshot, listed = read_listed(clients, place, scope, (*SECTIONS, *OF_KUBERNETES), now)
    permissions: dict[str, Section[AssumePermissions]] = {}
    if isinstance(snapshot.assume_permissions, Known):
        permissions |= snapshot.assume_permissions.value
    else:
        roles = (item.role_arn for item in listed if isinstance(item, Association))
        permissions |= dict.fromkeys(roles, snapshot.assume_permissions)
    own = [arn for arn, role in known_or(snapshot.target_roles, {}).items() if _exists(role)]
    permissions |= permissions_of_roles(clients.iam, [arn for arn in own if arn not in permissions])
    return ClusterReading(snapshot, place.the_cluster.arn, listed, permissions)


class _Gap(TypedDict, total=False):
    unread: str
    failed: bool


def _gap(section: object) -> _Gap:
    """Return the members of a node for a section that could not be read; none for another value."""
    if not isinstance(section, Missing):
        return {}
    return {"unread": section.reason, "failed": section.error_code != OTHER_ACCOUNT}


def _exists(role: Section[Role | None]) -> bool | None:
    return role.value is not None if isinstance(role, Known) else None


def build(readings: Iterable[ClusterReading]) -> Graph:
    """Return one graph of all clusters. Roles, services and accounts that several use are one node."""
    sketch = _Sketch()
    for reading in readings:
        sketch.add(reading)
    return Graph(
        nodes=tuple(sorted(sketch.nodes.values(), key=lambda node: (node.kind, node.name, node.id))),
        edges=tuple(sorted(sketch.edges.values(), key=lambda edge: (edge.source, edge.target, edge.kind))),
    )


@dataclass(slots=True)
class _Sketch:
    """A graph under construction."""

    nodes: dict[str, GraphNode] = field(default_factory=dict)
    edges: dict[tuple[str, str], GraphEdge] = field(default_factory=dict)

    def add(self, reading: ClusterReading) -> None:
        snapshot, arn = reading.snapshot, reading.cluster_arn
        name = arn.rpartition("/")[2]
        accounts = snapshot.service_accounts
        unknown = f"whether service accounts exist: {accounts.reason}" if isinstance(accounts, Missing) else ""
        cluster = self._node("cluster", arn, name, arn=arn, account=_account(arn), exists=True, unread=unknown)
        self._belongs(cluster, arn)
        existing = {item.ref for item in accounts.value} if isinstance(accounts, Known) else None
        for item in reading.listed:
            account = self._node(
                "service-account",
                f"{cluster.partition(':')[2]}/{item.ref}",
                item.ref.name,
                cluster=name,
                namespace=item.ref.namespace,
                exists=None if existing is None else item.ref in existing,
                **_gap(item.unread if isinstance(item, UnreadAssociation) else None),
            )
            self._edge(cluster, account, "has")
            if isinstance(item, Association):
                self._association(account, item, snapshot)
        for role, permissions in reading.permissions.items():
            if f"role:{role}" in self.nodes:
                self._permissions(role, permissions)

    def _association(self, account: str, item: Association, snapshot: Snapshot) -> None:
        role = self._role("role", item.role_arn, part(snapshot.roles, item.role_arn))
        self._edge(account, role, "assumes", association_id=item.association_id)
        if item.target_role_arn:
            target = self._role("target-role", item.target_role_arn, part(snapshot.target_roles, item.target_role_arn))
            self._edge(role, target, "assumes")

    def _role(self, kind: NodeKind, arn: str, role: Section[Role | None]) -> str:
        before = self.nodes.get(f"role:{arn}")
        number = self._node(
            kind, arn, arn.rpartition("/")[2], arn=arn, account=_account(arn), exists=_exists(role), **_gap(role)
        )
        if before is not None and "role" in (before.kind, kind):
            exists = before.exists if before.exists is not None else _exists(role)
            self.nodes[number] = replace(before, kind="role", exists=exists)
        self._belongs(number, arn)
        return number

    def _permissions(self, arn: str, permissions: Section[AssumePermissions]) -> None:
        number = f"role:{arn}"
        if isinstance(permissions, Missing):
            if self.nodes[number].exists is not False:
                self.nodes[number] = replace(self.nodes[number], **_gap(permissions))
            return
        actions = grouped((_service(action), action) for action in permissions.value.allows)
        for service, patterns in actions.items():
            self._edge(number, self._node("service", service, service), "allows", actions=tuple(sorted(patterns)))
        for other in permissions.value.roles:
            target = f"role:{other}"
            if target not in self.nodes:
                name = other.rpartition("/")[2]
                unread = "its policies were not read, because no association uses it"
                self._node("target-role", other, name, arn=other, account=_account(other), unread=unread)
                self._belongs(target, other)
            if (number, target) not in self.edges:
                self._edge(number, target, "can-assume")

    def _belongs(self, number: str, arn: str) -> None:
        if account := _account(arn):
            self._edge(number, self._node("account", account, account, account=account), "belongs-to")

    def _node(self, kind: NodeKind, key: str, name: str, **more: str | bool | None) -> str:
        number = f"{'role' if kind == 'target-role' else kind}:{key}"
        self.nodes.setdefault(number, GraphNode(id=number, kind=kind, name=name, **more))  # type: ignore[arg-type]
        return number

    def _edge(self, source: str, target: str, kind: EdgeKind, **more: str | tuple[str, ...]) -> None:
        edge = GraphEdge(source=source, target=target, kind=kind, **more)  # type: ignore[arg-type]
        self.edges.setdefault((source, target), edge)


def _account(arn: str) -> str:
    return (*arn.split(":"), "", "", "", "", "")[4]


def _service(action: str) -> str:
    """Return the service of an action pattern; `*` for a pattern of all services."""
    service, colon, _ = action.partition(":")
    return service if colon and "*" not in service and "?" not in service else ALL_SERVICES
