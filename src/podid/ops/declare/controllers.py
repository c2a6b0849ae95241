"""Read custom resources of ACK and Crossplane: associations, and the roles that they use.

Groups and fields: CRDs of eks-controller, iam-controller and provider-upjet-aws, August 2026. A reference or a selector
is resolved if the file contains the object; only the cluster knows the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from podid.domain.declaration import Position
from podid.domain.text import did_you_mean
from podid.local.documents import DocumentNode
from podid.ops.declare.foreign_nodes import (
    ForeignFile,
    built,
    get,
    items,
    listed_nodes,
    members,
    own_tags,
    role_name_node,
    tags_of_list,
    text,
)

ACK = frozenset({"eks.services.k8s.aws", "iam.services.k8s.aws"})
CROSSPLANE = frozenset(f"{service}.aws.{scope}upbound.io" for service in ("eks", "iam") for scope in ("", "m."))
_EXTERNAL = "crossplane.io/external-name"
_REGION = "services.k8s.aws/region"
_ADOPTION_FIELDS = "services.k8s.aws/adoption-fields"
# kinds of parts of a role in Crossplane
_PARTS = ("RolePolicy", "RolePolicyAttachment")


def _referred(*keys: str) -> tuple[str, ...]:
    """Return the keys with those of Crossplane's references and selectors."""
    return tuple(f"{key}{suffix}" for key in keys for suffix in ("", "Ref", "Selector"))


# the settings of each kind, for ACK and for Crossplane
_SETTINGS: Mapping[tuple[bool, str], tuple[str, ...]] = {
    (True, "PodIdentityAssociation"): (
        *("clientRequestToken", "clusterName", "clusterRef", "disableSessionTags", "namespace", "policy", "roleARN"),
        *("roleRef", "serviceAccount", "tags", "targetRoleARN", "targetRoleRef"),
    ),
    (True, "Role"): (
        *("assumeRolePolicyDocument", "description", "inlinePolicies", "maxSessionDuration", "name", "path"),
        *("permissionsBoundary", "permissionsBoundaryRef", "policies", "policyRefs", "tags"),
    ),
    (False, "PodIdentityAssociation"): (
        *_referred("clusterName", "roleArn", "targetRoleArn"),
        *("disableSessionTags", "namespace", "policy", "region", "serviceAccount", "tags"),
    ),
    (False, "Role"): (
        *("assumeRolePolicy", "description", "forceDetachPolicies", "inlinePolicy", "managedPolicyArns"),
        *("maxSessionDuration", "path", "permissionsBoundary", "region", "tags"),
    ),
    (False, "RolePolicy"): (*_referred("role"), "policy", "region"),
    (False, "RolePolicyAttachment"): (*_referred("role", "policyArn"), "region"),
}


def group_of(node: DocumentNode) -> str:
    return text(get(node, "apiVersion")).partition("/")[0]


@dataclass(frozen=True, slots=True)
class CustomResource:
    """An object of ACK or Crossplane. `spec` are its settings: in Crossplane those of `spec.forProvider`."""

    node: DocumentNode

    @property
    def ack(self) -> bool:
        return group_of(self.node) in ACK

    @property
    def kind(self) -> str:
        return text(get(self.node, "kind"))

    @property
    def name(self) -> str:
        return text(get(self.node, "metadata", "name"))

    @property
    def spec(self) -> Mapping[str, DocumentNode]:
        spec = get(self.node, "spec")
        return members(spec if self.ack else get(spec, "forProvider"))

    @property
    def aws_name(self) -> str:
        if not self.ack:
            return text(self.annotation(_EXTERNAL)) or self.name
        return text(self.spec.get("name")) or _adopted(text(self.annotation(_ADOPTION_FIELDS)))

    @property
    def observed(self) -> bool:
        """Return whether the object only names an existing resource: the controller reads the settings from AWS."""
        required = self.spec.keys() & {"assumeRolePolicyDocument", "assumeRolePolicy", "serviceAccount"}
        policies = [text(item) for item in items(get(self.node, "spec", "managementPolicies"))]
        return not required and bool(self.annotation(_ADOPTION_FIELDS) or policies == ["Observe"])

    def annotation(self, name: str) -> DocumentNode | None:
        return get(self.node, "metadata", "annotations", name)

    def has_labels(self, labels: Mapping[str, DocumentNode]) -> bool:
        own = members(get(self.node, "metadata", "labels"))
        return all(text(own.get(key)) == text(value) for key, value in labels.items())


@dataclass(slots=True)
class CustomResources:
    file: ForeignFile
    objects: list[CustomResource] = field(default_factory=list)

    def read(self) -> None:
        """Add the roles and associations of all objects. Objects of other kinds become a note."""
        roles = [item for item in self.objects if item.kind == "Role" and not item.observed]
        # path and name of a role as in its ARN -> its name
        names = {f"{(text(item.spec.get('path')) or '/')[1:]}{item.aws_name}": item.aws_name for item in roles}
        skipped: list[str] = []
        for item in self.objects:
            self._check_settings(item)
            rows = item.spec.get("podIdentityAssociations" if item.ack else "podIdentityAssociation")
            accounts = [text(get(row, "serviceAccount")) for row in items(rows)]
            if item.kind in ("Role", "PodIdentityAssociation") and item.observed:
                self.file.notes.append(
                    f"omitted: {item.kind} {item.name}, because it only adopts or observes an existing resource"
                )
            elif item.kind == "PodIdentityAssociation":
                self._association(item, names)
            elif item.kind == "Addon" and accounts:
                self.file.owned_by_addon(text(item.spec.get("name" if item.ack else "addonName")), accounts)
            elif item.kind not in ("Role", "Cluster", *_PARTS):
                skipped.append(f"{item.kind} {item.name}")
        self._roles(roles)
        if skipped:
            self.file.notes.append(f"omitted: {', '.join(skipped)}: podid manages associations and their roles only")

    def _check_settings(self, item: CustomResource) -> None:
        """Collect settings that podid does not read: it would drop them."""
        known = _SETTINGS.get((item.ack, item.kind), ())
        for key, node in item.spec.items() if known and not item.observed else ():
            if key not in known and not node.null:
                message = f"is not a known setting of {item.kind}{did_you_mean(key, known, 1)}"
                self.file.mistakes.add(node.at, message, key)

    def _roles(self, roles: Sequence[CustomResource]) -> None:
        parts: dict[str, list[DocumentNode]] = {}
        for part in self.objects:
            if part.kind not in _PARTS or part.ack:
                continue
            mistakes, role = len(self.file.mistakes.items), self._named(part, "role", "role", "Role")
            if role is None and mistakes == len(self.file.mistakes.items):
                self.file.mistakes.add(part.node.at, "is required", f"{part.kind} {part.name}: role")
            elif role is not None and text(role) not in (item.aws_name for item in roles):
                why = f"of role {text(role)}, which the file does not declare"
                self.file.notes.append(f"omitted: {part.kind} {part.name} {why}")
            elif role is not None:
                policy = self._policy(part)
                parts.setdefault(text(role), []).extend([policy] if policy is not None else [])
        for item in roles:
            spec = item.spec
            if item.ack:
                inline = members(spec.get("inlinePolicies")).items()
                policies = [_inline(DocumentNode(key, value.at), value, item.node.at) for key, value in inline]
                arns, trust, tags = spec.get("policies"), "assumeRolePolicyDocument", tags_of_list(spec.get("tags"))
                for key, literal in (("permissionsBoundaryRef", "permissionsBoundary"), ("policyRefs", "policies")):
                    self._unresolved(spec.get(key), key, literal)
            else:
                rows = items(spec.get("inlinePolicy"))
                policies = [_inline(get(row, "name"), get(row, "policy"), row.at) for row in rows]
                arns, trust, tags = spec.get("managedPolicyArns"), "assumeRolePolicy", own_tags(spec.get("tags"))
            policies += [*(built({"managed": arn}, arn.at) for arn in items(arns)), *parts.get(item.aws_name, ())]
            self.file.role(
                {
                    "name": spec.get("name") if item.ack else DocumentNode(item.aws_name, item.node.at),
                    "path": spec.get("path"),
                    "trust": spec.get(trust),
                    "policies": listed_nodes(iter(policies), item.node.at),
                    "boundary": spec.get("permissionsBoundary"),
                    "maxSessionDuration": spec.get("maxSessionDuration"),
                    "description": spec.get("description"),
                    "tags": tags,
                },
                item.node.at,
            )

    def _policy(self, part: CustomResource) -> DocumentNode | None:
        if part.kind == "RolePolicy":
            own = DocumentNode(part.aws_name, part.node.at)
            return _inline(own, part.spec.get("policy"), part.node.at)
        arn = part.spec.get("policyArn")
        if arn is None:
            for key in ("policyArnRef", "policyArnSelector"):
                self._unresolved(part.spec.get(key), key, "policyArn")
        return built({"managed": arn}, part.node.at) if arn is not None else None

    def _association(self, item: CustomResource, names: Mapping[str, str]) -> None:
        spec, mistakes = item.spec, len(self.file.mistakes.items)
        arn, base = ("ARN", "") if item.ack else ("Arn", "Arn")
        cluster = self._named(item, "clusterName", "cluster" if item.ack else "clusterName", "Cluster")
        role = self._named(item, f"role{arn}", f"role{base}", "Role")
        if spec.get(f"targetRole{arn}") is None:  # the ARN of a role in another account
            for suffix in ("Ref", "Selector"):
                key = f"targetRole{base}{suffix}"
                self._unresolved(spec.get(key), key, f"targetRole{arn}")
        if len(self.file.mistakes.items) > mistakes:
            return
        self.file.in_region(item.annotation(_REGION) if item.ack else spec.get("region"))
        named = role_name_node(role, names)
        self.file.association(text(cluster), spec.get, named, item.node.at, target=f"targetRole{arn}")

    def _named(self, item: CustomResource, key: str, base: str, kind: str) -> DocumentNode | None:
        """Return the value of `key`, or the name of the AWS resource whose object of the file `base`Ref or
        `base`Selector names; None without a value and for an object that is not in the file."""
        if (literal := item.spec.get(key)) is not None and not literal.null:
            return literal
        for reference in (f"{base}Ref", f"{base}Selector"):
            at = item.spec.get(reference)
            if at is None or at.null:
                continue
            name, labels = get(at, "from", "name") or get(at, "name"), members(get(at, "matchLabels"))
            same = [candidate for candidate in self.objects if candidate.kind == kind and candidate.ack == item.ack]
            matches = [
                candidate
                for candidate in same
                if (candidate.name == text(name) if name else labels and candidate.has_labels(labels))
            ]
            if len(matches) == 1:
                return DocumentNode(matches[0].aws_name, (name or at).at)
            if kind == "Cluster" and name is not None and not item.ack and not matches:
                return name  # without another annotation, the name of the object is the cluster's
            self._unresolved(at, reference, key)
        return None

    def _unresolved(self, at: DocumentNode | None, reference: str, key: str) -> None:
        if at is not None and not at.null:
            message = f"is a reference that only the cluster can resolve: specify {key} instead"
            self.file.mistakes.add(at.at, message, reference)


def _adopted(fields: str) -> str:
    """Return the name of a role from the JSON of ACK's annotation."""
    try:
        return str(json.loads(fields).get("name", ""))
    except (ValueError, AttributeError):
        return ""


def _inline(name: DocumentNode | None, document: DocumentNode | None, at: Position) -> DocumentNode:
    return built({"name": name, "document": document}, document.at if document is not None else at)


def objects_in(nodes: Sequence[DocumentNode]) -> Iterator[DocumentNode]:
    """Yield the objects of documents, and those of a List."""
    for node in nodes:
        if text(get(node, "kind")) == "List" and text(get(node, "apiVersion")) == "v1":
            yield from items(get(node, "items"))
        else:
            yield node
