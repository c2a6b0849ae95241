"""Read custom resources of ACK and Crossplane: associations, and the roles that they use.

Groups and fields: CRDs of eks-controller, iam-controller and provider-upjet-aws, August 2026. A reference is resolved
if the file contains the object; only the cluster knows the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from podid.domain.declaration import Position
from podid.local.documents import DocumentNode
from podid.ops.declare.foreign_nodes import (
    ForeignFile,
    account_node,
    built,
    get,
    items,
    listed_nodes,
    members,
    own_tags,
    role_name_node,
    session_tags,
    tags_of_list,
    text,
)

ACK = frozenset({"eks.services.k8s.aws", "iam.services.k8s.aws"})
CROSSPLANE = frozenset(f"{service}.aws.{scope}upbound.io" for service in ("eks", "iam") for scope in ("", "m."))
_EXTERNAL = "crossplane.io/external-name"
# kinds of parts of a role in Crossplane
_PARTS = ("RolePolicy", "RolePolicyAttachment")


def group_of(node: DocumentNode) -> str:
    return text(get(node, "apiVersion")).partition("/")[0]


@dataclass(slots=True)
class CustomResources:
    """The objects of one file, by kind and name."""

    file: ForeignFile
    objects: dict[tuple[str, str], DocumentNode] = field(default_factory=dict)
    # path and name of a role as in its ARN -> its name
    names: dict[str, str] = field(default_factory=dict)

    def take(self, node: DocumentNode) -> None:
        self.objects[text(get(node, "kind")), text(get(node, "metadata", "name"))] = node

    def read(self) -> None:
        """Add the roles and associations of all objects. Objects of other kinds become a note."""
        for (kind, name), node in self.objects.items():
            if kind == "Role":
                role = _crossplane_name(node, name) if group_of(node) in CROSSPLANE else text(get(node, "spec", "name"))
                path = text(_spec(node).get("path")) or "/"
                self.names[f"{path.removeprefix('/')}{role}"] = role
        skipped: dict[str, None] = {}
        for (kind, name), node in self.objects.items():
            ours = _ack if group_of(node) in ACK else _crossplane
            if kind == "Role":
                if ours is _ack:
                    self._ack_role(node)
                else:
                    self._crossplane_role(node, name)
            elif kind == "PodIdentityAssociation":
                ours(self, node)
            elif kind not in (*_PARTS, "Cluster"):
                skipped[f"{kind} {name}"] = None
        if skipped:
            self.file.notes.append(f"omitted: {', '.join(skipped)}: podid manages associations and their roles only")

    # --- roles --------------------------------------------------------------------------------------------------------

    def _ack_role(self, node: DocumentNode) -> None:
        spec = _spec(node)
        self._not_resolved(spec, ("permissionsBoundaryRef", "policyRefs"))
        inline = members(spec.get("inlinePolicies")).items()
        policies = [
            *(_inline(DocumentNode(key, document.at), document, node.at) for key, document in inline),
            *(built({"managed": arn}, arn.at) for arn in items(spec.get("policies"))),
        ]
        trust, tags = spec.get("assumeRolePolicyDocument"), tags_of_list(spec.get("tags"))
        self._role(node, spec.get("name"), trust, policies, tags)

    def _crossplane_role(self, node: DocumentNode, name: str) -> None:
        spec, role = _spec(node), _crossplane_name(node, name)
        policies = [
            *(_inline(get(item, "name"), get(item, "policy"), item.at) for item in items(spec.get("inlinePolicy"))),
            *(built({"managed": arn}, arn.at) for arn in items(spec.get("managedPolicyArns"))),
        ]
        for (kind, part), obj in self.objects.items():
            inner = _spec(obj)
            if kind in _PARTS and role in (text(inner.get("role")), self._named(inner, "roleRef")):
                if kind == "RolePolicy":
                    own = DocumentNode(_crossplane_name(obj, part), obj.at)
                    policies.append(_inline(own, inner.get("policy"), obj.at))
                else:
                    self._not_resolved(inner, ("policyArnRef",))
                    policies.append(built({"managed": inner.get("policyArn")}, obj.at))
        named = DocumentNode(role, node.at)
        self._role(node, named, spec.get("assumeRolePolicy"), policies, own_tags(spec.get("tags")))

    def _role(
        self,
        node: DocumentNode,
        name: DocumentNode | None,
        trust: DocumentNode | None,
        policies: Sequence[DocumentNode],
        tags: DocumentNode | None,
    ) -> None:
        spec = _spec(node)
        self.file.role(
            {
                "name": name,
                "path": spec.get("path"),
                "trust": trust,
                "policies": listed_nodes(iter(policies), node.at),
                "boundary": spec.get("permissionsBoundary"),
                "maxSessionDuration": spec.get("maxSessionDuration"),
                "description": spec.get("description"),
                "tags": tags,
            },
            node.at,
        )

    def _named(self, spec: Mapping[str, DocumentNode], reference: str) -> str:
        """Return the name of the role that a reference of Crossplane names."""
        name = text(get(spec.get(reference), "name"))
        node = self.objects.get(("Role", name))
        return _crossplane_name(node, name) if node is not None else ""

    # --- associations -------------------------------------------------------------------------------------------------

    def associate(
        self,
        node: DocumentNode,
        cluster: str,
        keys: Mapping[str, str],
        resolve: Callable[[str], DocumentNode | None],
    ) -> None:
        """Add an association. `keys` are the names of the members that the tools spell differently; `resolve` returns
        the role that a reference names."""
        spec = _spec(node)
        roles = {}
        for own, key in keys.items():
            reference = f"{key.removesuffix('ARN')}Ref" if key.endswith("ARN") else f"{key}Ref"
            roles[own] = role_name_node(spec.get(key), self.names) if own == "role" else spec.get(key)
            if roles[own] is None and reference in spec:
                roles[own] = resolve(reference)
                if roles[own] is None or own == "targetRole":
                    self._not_resolved(spec, (reference,))
        self.file.association(
            cluster,
            {
                "serviceAccount": account_node(spec.get("namespace"), spec.get("serviceAccount"), node.at),
                **roles,
                "sessionTags": session_tags(spec.get("disableSessionTags")),
                "sessionPolicy": spec.get("policy"),
                "tags": own_tags(spec.get("tags")),
            },
            node.at,
        )

    def _not_resolved(self, spec: Mapping[str, DocumentNode], names: Sequence[str]) -> None:
        for name in names:
            if name in spec and not spec[name].null:
                message = "is a reference that only the cluster can resolve: specify the ARN instead"
                self.file.wrong(spec[name].at, message, name)


def _ack(resources: CustomResources, node: DocumentNode) -> None:
    spec = _spec(node)
    cluster = text(spec.get("clusterName"))
    if not cluster and "clusterRef" in spec:
        cluster_object = resources.objects.get(("Cluster", text(get(spec["clusterRef"], "from", "name"))))
        cluster = text(get(cluster_object, "spec", "name"))

    def resolve(reference: str) -> DocumentNode | None:
        at = get(spec[reference], "from", "name")
        return get(resources.objects.get(("Role", text(at))), "spec", "name") if at is not None else None

    resources.associate(node, cluster, {"role": "roleARN", "targetRole": "targetRoleARN"}, resolve)


def _crossplane(resources: CustomResources, node: DocumentNode) -> None:
    spec = _spec(node)
    cluster = text(spec.get("clusterName"))
    if not cluster and "clusterNameRef" in spec:
        name = text(get(spec["clusterNameRef"], "name"))
        cluster_object = resources.objects.get(("Cluster", name))
        cluster = _crossplane_name(cluster_object, name) if cluster_object is not None else name

    def resolve(reference: str) -> DocumentNode | None:
        at, name = get(spec[reference], "name"), resources._named(spec, reference)
        return DocumentNode(name, at.at) if at is not None and name else None

    resources.associate(node, cluster, {"role": "roleArn", "targetRole": "targetRoleArn"}, resolve)


def _spec(node: DocumentNode) -> Mapping[str, DocumentNode]:
    """Return the members of `spec`, in Crossplane those of `spec.forProvider`."""
    spec = get(node, "spec")
    return members(get(spec, "forProvider") if group_of(node) in CROSSPLANE else spec)


def _crossplane_name(node: DocumentNode, name: str) -> str:
    return text(get(node, "metadata", "annotations", _EXTERNAL)) or name


def _inline(name: DocumentNode | None, document: DocumentNode | None, at: Position) -> DocumentNode:
    return built({"name": name, "document": document}, document.at if document is not None else at)


def objects_in(nodes: Sequence[DocumentNode]) -> Iterator[DocumentNode]:
    """Yield the objects of documents, and those of a List."""
    for node in nodes:
        if text(get(node, "kind")) == "List" and text(get(node, "apiVersion")) == "v1":
            yield from items(get(node, "items"))
        else:
            yield node
