"""Custom resources of AWS Controllers for Kubernetes (ACK) and of Crossplane, and a ClusterConfig of eksctl.

ACK: https://aws-controllers-k8s.github.io/docs/guides/adoption. Fields as in eks-controller and iam-controller, August
2026. Crossplane: https://docs.crossplane.io/latest/guides/import-existing-resources/. Fields as in provider-upjet-aws,
August 2026, which has no session policies. External names: config/externalname.go of the provider. eksctl:
https://docs.aws.amazon.com/eks/latest/eksctl/pod-identity-associations.html. A row that names an existing role cannot
have permissions; eksctl cannot import roles.
"""

import json
from collections.abc import Iterable
from typing import Any

from podid.domain.encoding import Json
from podid.domain.iam import DEFAULT_SESSION_SECONDS
from podid.ops.declare.export import LiveIdentities, LiveRole
from podid.render.export.parts import (
    FormText,
    association_members,
    compact,
    head,
    object_names,
    present,
    renamed,
    role_names,
)
from podid.render.formats import to_yaml

_ACK_KEYS = {"roleArn": "roleARN", "targetRoleArn": "targetRoleARN"}


def write_ack(identities: LiveIdentities) -> FormText:
    """Return objects with annotations that adopt existing resources."""
    names, own = role_names(identities, object_names()), object_names()
    objects = []
    for role in identities.roles:
        spec = {
            "name": role.name,
            **_settings(role, trust="assumeRolePolicyDocument"),
            "inlinePolicies": {name: compact(document) for name, document in role.inline.items()},
            "policies": list(role.attached),
            "tags": [{"key": key, "value": value} for key, value in role.tags.items()],
        }
        objects.append(_adopted("iam", "Role", names[role.role.arn], {"name": role.name}, present(spec)))
    for item in identities.associations:
        fields = {"clusterName": item.cluster_name, "associationID": item.association_id}
        spec = {"clusterName": item.cluster_name, **renamed(association_members(item), _ACK_KEYS)}
        name = own.of(f"{item.namespace}-{item.service_account}")
        objects.append(_adopted("eks", "PodIdentityAssociation", name, fields, spec, region=identities.cluster.region))
    how = (
        "The annotations adopt existing resources, and keep them when the object is deleted.",
        "metadata.namespace is the namespace of the controller's objects; spec.namespace is the namespace of the pods.",
    )
    top = head(identities, "AWS Controllers for Kubernetes", *how, notes=identities.notes)
    return FormText(top + _documents(objects), identities.notes)


def _adopted(
    service: str, kind: str, name: str, fields: dict[str, str], spec: dict[str, Any], *, region: str = ""
) -> dict[str, Any]:
    annotations = {
        "services.k8s.aws/adoption-policy": "adopt-or-create",
        "services.k8s.aws/adoption-fields": json.dumps(fields),
        "services.k8s.aws/deletion-policy": "retain",
        **({"services.k8s.aws/region": region} if region else {}),
    }
    return {
        "apiVersion": f"{service}.services.k8s.aws/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "annotations": annotations},
        "spec": spec,
    }


def _settings(role: LiveRole, *, trust: str) -> dict[str, Any]:
    """Return the role's settings besides its name, policies and tags; `trust` is the member of the trust policy."""
    detail = role.role
    return {
        "path": detail.path,
        "description": detail.description,
        "maxSessionDuration": detail.max_session_seconds,
        "permissionsBoundary": detail.permissions_boundary_arn,
        trust: compact(detail.trust),
    }


def _documents(objects: Iterable[Json]) -> str:
    return "---\n".join(map(to_yaml, objects))


# all but Delete: https://docs.crossplane.io/latest/managed-resources/managed-resources/#managementpolicies
_POLICIES = ["Observe", "Create", "Update", "LateInitialize"]


def write_crossplane(identities: LiveIdentities) -> FormText:
    """Return managed resources of Crossplane's provider-upjet-aws."""
    objects: list[Json] = []

    def add(kind: str, name: str, external_name: str, provider: dict[str, Any]) -> None:
        service = "eks" if kind == "PodIdentityAssociation" else "iam"
        objects.append(
            {
                "apiVersion": f"{service}.aws.upbound.io/v1beta1",
                "kind": kind,
                "metadata": {"name": name, "annotations": {"crossplane.io/external-name": external_name}},
                "spec": {"managementPolicies": _POLICIES, "forProvider": provider},
            }
        )

    names, own = role_names(identities, object_names()), object_names()
    policies, attachments = object_names(), object_names()
    for role in identities.roles:
        name = names[role.role.arn]
        add("Role", name, role.name, present({**_settings(role, trust="assumeRolePolicy"), "tags": role.tags}))
        for policy, document in role.inline.items():
            provider = {"role": role.name, "policy": compact(document)}
            add("RolePolicy", policies.of(f"{name}-{policy}"), policy, provider)
        for arn in role.attached:
            provider = {"role": role.name, "policyArn": arn}
            policy = attachments.of(f"{name}-{arn.rsplit('/', 1)[-1]}")
            add("RolePolicyAttachment", policy, f"{role.name}/{arn}", provider)
    notes = list(identities.notes)
    for item in identities.associations:
        members = association_members(item)
        if "policy" in members:
            notes.append(f"{item.ref}: Crossplane cannot express its session policy: {members.pop('policy')}")
        provider = {"region": identities.cluster.region, "clusterName": item.cluster_name, **members}
        name = own.of(f"{item.namespace}-{item.service_account}")
        add("PodIdentityAssociation", name, item.association_id, provider)
    how = 'To compare before Crossplane changes anything, apply them with managementPolicies: ["Observe"].'
    top = head(identities, "Crossplane, provider-upjet-aws", how, notes=notes)
    return FormText(top + _documents(objects), tuple(notes))


_EKSCTL_KEYS = {"serviceAccount": "serviceAccountName", **_ACK_KEYS}


def write_eksctl(identities: LiveIdentities) -> FormText:
    rows = [renamed(association_members(item), _EKSCTL_KEYS) for item in identities.associations]
    config: dict[str, Json] = {
        "apiVersion": "eksctl.io/v1alpha5",
        "kind": "ClusterConfig",
        "metadata": {"name": identities.cluster.name, "region": identities.cluster.region},
        "iam": {"podIdentityAssociations": rows},
    }
    notes = (*identities.notes, *map(_only_referenced, identities.roles))
    how = "eksctl cannot adopt existing associations; it can create these in another cluster."
    return FormText(head(identities, "ClusterConfig of eksctl", how, notes=notes) + to_yaml(config), notes)


def _only_referenced(role: LiveRole) -> str:
    detail = role.role
    parts = {
        "trust policy": True,
        "path": detail.path != "/",
        "description": detail.description,
        "maximum session duration": detail.max_session_seconds != DEFAULT_SESSION_SECONDS,
        "permissions boundary": detail.permissions_boundary_arn,
        f"inline policies {', '.join(role.inline)}": role.inline,
        f"managed policies {', '.join(role.attached)}": role.attached,
        "tags": role.tags,
    }
    return f"role {role.name} is only referenced: eksctl cannot express its {', '.join(present(parts))}"
