"""Terraform and OpenTofu: resources with import blocks.

https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/eks_pod_identity_association
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from podid.domain.aws import Association
from podid.ops.export.live import LiveIdentities
from podid.render.export.parts import DistinctNames, FormText, association_members, head, role_names, role_properties
from podid.render.hcl import Resource, association_resource, hcl, import_block, label, role_resources

# hashicorp/terraform-provider-aws#48869
POLICY_VERSION = "6.57.1"


def write(identities: LiveIdentities) -> FormText:
    labels = role_names(identities, DistinctNames(label, "_"))
    references = {arn: f"aws_iam_role.{name}.arn" for arn, name in labels.items()}
    resources = [
        resource
        for role in identities.roles
        for resource in role_resources(role_properties(role), labels[role.role.arn])
    ]
    names = DistinctNames(label, "_")
    for item in identities.associations:
        resources.append(associated(names.of(f"{item.namespace}_{item.service_account}"), item, references))
    notes = (*identities.notes, *requirements(identities))
    top = head(identities, "Terraform 1.5 or OpenTofu 1.6 and later", REVIEW, notes=notes)
    return FormText("\n".join((top, *imported(distinct(resources)))), notes)


REVIEW = (
    "The import blocks adopt the existing resources. Run terraform plan: it must show only imports, apart from tags."
)


def requirements(identities: LiveIdentities) -> tuple[str, ...]:
    if any(item.policy for item in identities.associations):
        return (f"session policies require version {POLICY_VERSION} or later of the provider hashicorp/aws",)
    return ()


def associated(name: str, item: Association, references: Mapping[str, str]) -> Resource:
    """Return the resource of an association. `references` are expressions by role ARN."""
    target = references.get(item.target_role_arn or "", "")
    role = references.get(item.role_arn) or hcl(item.role_arn)
    state, id_ = association_members(item), f"{item.cluster_name},{item.association_id}"
    return association_resource(name, state, item.cluster_name, role, target=target, id_=id_)


def distinct(resources: Iterable[Resource]) -> list[Resource]:
    """Return the resources with distinct addresses: role `a` with policy `b-c` and role `a-b` with policy `c` would
    share one."""
    names = DistinctNames(str, "_")
    return [
        Resource(item.kind, address.partition(".")[2], item.arguments, item.id, item.aligned)
        for item in resources
        for address in (names.of(item.address),)
    ]


def imported(resources: Iterable[Resource]) -> list[str]:
    return [text for item in resources for text in (import_block(item.address, item.id), item.text)]
