"""Custom resources of AWS Controllers for Kubernetes (ACK), with annotations that adopt existing resources.

https://aws-controllers-k8s.github.io/docs/guides/adoption. Fields as in eks-controller and iam-controller, August 2026.
"""

from __future__ import annotations

import json
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
    renamed,
    role_names,
)

_KEYS = {"roleArn": "roleARN", "targetRoleArn": "targetRoleARN"}


def write(identities: LiveIdentities) -> FormText:
    names = role_names(identities, DistinctNames(object_name, "-"))
    objects = [
        _object("iam", "Role", names[role.role.arn], {"name": role.name}, _role(role)) for role in identities.roles
    ]
    own = DistinctNames(object_name, "-")
    for item in identities.associations:
        fields = {"clusterName": item.cluster_name, "associationID": item.association_id}
        spec = {"clusterName": item.cluster_name, **renamed(association_members(item), _KEYS)}
        name = own.of(f"{item.namespace}-{item.service_account}")
        objects.append(_object("eks", "PodIdentityAssociation", name, fields, spec, region=identities.cluster.region))
    how = (
        "The annotations adopt existing resources, and keep them when the object is deleted.",
        "metadata.namespace is the namespace of the controller's objects; spec.namespace is the namespace of the pods.",
    )
    top = head(identities, "AWS Controllers for Kubernetes", *how, notes=identities.notes)
    return FormText(top + documents(objects), identities.notes)


def _object(
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


def _role(role: LiveRole) -> dict[str, Any]:
    detail = role.role
    spec = {
        "name": role.name,
        "path": detail.path,
        "description": detail.description,
        "maxSessionDuration": detail.max_session_seconds,
        "permissionsBoundary": detail.permissions_boundary_arn,
        "assumeRolePolicyDocument": compact(detail.trust),
        "inlinePolicies": {name: compact(document) for name, document in role.inline.items()},
        "policies": list(role.attached),
        "tags": [{"key": key, "value": value} for key, value in role.tags.items()],
    }
    return {key: value for key, value in spec.items() if value}
