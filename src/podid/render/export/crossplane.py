"""Managed resources of Crossplane's provider-upjet-aws.

https://docs.crossplane.io/latest/guides/import-existing-resources/. Fields as in provider-upjet-aws, August 2026, which
has no session policies. External names: config/externalname.go of the provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podid.ops.export.live import LiveIdentities, LiveRole
from podid.render.export.parts import (
    DistinctNames,
    FormText,
    association_members,
    compact,
    documents,
    head,
    object_name,
    role_names,
)

# all but Delete: https://docs.crossplane.io/latest/managed-resources/managed-resources/#managementpolicies
_POLICIES = ["Observe", "Create", "Update", "LateInitialize"]


def write(identities: LiveIdentities) -> FormText:
    names = role_names(identities, DistinctNames(object_name, "-"))
    objects = _roles(identities, names)
    own = DistinctNames(object_name, "-")
    notes = list(identities.notes)
    for item in identities.associations:
        members = association_members(item)
        if "policy" in members:
            notes.append(f"{item.ref}: Crossplane cannot express its session policy: {members.pop('policy')}")
        provider = {"region": identities.cluster.region, "clusterName": item.cluster_name, **members}
        name = own.of(f"{item.namespace}-{item.service_account}")
        objects.append(_object("eks", "PodIdentityAssociation", name, item.association_id, provider))
    how = 'To compare before Crossplane changes anything, apply them with managementPolicies: ["Observe"].'
    top = head(identities, "Crossplane, provider-upjet-aws", how, notes=notes)
    return FormText(top + documents(objects), tuple(notes))


def _object(service: str, kind: str, name: str, external_name: str, provider: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": f"{service}.aws.upbound.io/v1beta1",
        "kind": kind,
        "metadata": {"name": name, "annotations": {"crossplane.io/external-name": external_name}},
        "spec": {"managementPolicies": _POLICIES, "forProvider": provider},
    }


def _roles(identities: LiveIdentities, names: Mapping[str, str]) -> list[dict[str, Any]]:
    objects = []
    policies, attachments = DistinctNames(object_name, "-"), DistinctNames(object_name, "-")
    for role in identities.roles:
        name = names[role.role.arn]
        objects.append(_object("iam", "Role", name, role.name, _role(role)))
        for policy, document in role.inline.items():
            provider = {"role": role.name, "policy": compact(document)}
            objects.append(_object("iam", "RolePolicy", policies.of(f"{name}-{policy}"), policy, provider))
        for arn in role.attached:
            own = attachments.of(f"{name}-{arn.rsplit('/', 1)[-1]}")
            provider = {"role": role.name, "policyArn": arn}
            objects.append(_object("iam", "RolePolicyAttachment", own, f"{role.name}/{arn}", provider))
    return objects


def _role(role: LiveRole) -> dict[str, Any]:
    detail = role.role
    members = {
        "path": detail.path,
        "description": detail.description,
        "maxSessionDuration": detail.max_session_seconds,
        "permissionsBoundary": detail.permissions_boundary_arn,
        "assumeRolePolicy": compact(detail.trust),
        "tags": role.tags,
    }
    return {key: value for key, value in members.items() if value}
