"""Answers of EKS and IAM as domain values: pure functions. A member that is missing gets the model's empty value."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from podid.aws.values import Update
from podid.domain.errors import PodidError
from podid.domain.model import (
    Addon,
    AddonIssue,
    AddonVersion,
    Association,
    AssociationSummary,
    Cluster,
    NodeGroup,
    Role,
)

_ADDON_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)-eksbuild\.(\d+)")


def utc(value: datetime | None) -> datetime | None:
    return value.astimezone(UTC) if value else None


def cluster(data: Mapping[str, Any]) -> Cluster:
    vpc = data.get("resourcesVpcConfig") or {}
    compute = data.get("computeConfig") or {}
    return Cluster(
        name=data["name"],
        arn=data["arn"],
        version=data.get("version", ""),
        status=data.get("status", ""),
        platform_version=data.get("platformVersion", ""),
        endpoint=data.get("endpoint", ""),
        certificate_authority=(data.get("certificateAuthority") or {}).get("data", ""),
        cluster_id=data.get("id", ""),
        ip_family=(data.get("kubernetesNetworkConfig") or {}).get("ipFamily", "ipv4"),
        auto_mode=bool(compute.get("enabled", False)),
        auto_node_role_arn=compute.get("nodeRoleArn", ""),
        oidc_issuer=((data.get("identity") or {}).get("oidc") or {}).get("issuer", ""),
        public_endpoint=bool(vpc.get("endpointPublicAccess", True)),
        private_endpoint=bool(vpc.get("endpointPrivateAccess", False)),
        authentication_mode=(data.get("accessConfig") or {}).get("authenticationMode", ""),
    )


def association_summary(data: Mapping[str, Any]) -> AssociationSummary:
    return AssociationSummary(
        cluster_name=data["clusterName"],
        namespace=data["namespace"],
        service_account=data["serviceAccount"],
        association_id=data["associationId"],
        association_arn=data.get("associationArn", ""),
        owner_arn=data.get("ownerArn") or None,
    )


def association(data: Mapping[str, Any]) -> Association:
    return Association(
        cluster_name=data["clusterName"],
        namespace=data["namespace"],
        service_account=data["serviceAccount"],
        association_id=data["associationId"],
        association_arn=data.get("associationArn", ""),
        role_arn=data.get("roleArn", ""),
        owner_arn=data.get("ownerArn") or None,
        target_role_arn=data.get("targetRoleArn") or None,
        external_id=data.get("externalId") or None,
        disable_session_tags=data.get("disableSessionTags"),
        policy=data.get("policy") or None,
        tags=dict(data.get("tags") or {}),
        created_at=utc(data.get("createdAt")),
        modified_at=utc(data.get("modifiedAt")),
    )


def addon(data: Mapping[str, Any]) -> Addon:
    issues = (data.get("health") or {}).get("issues") or ()
    return Addon(
        name=data["addonName"],
        arn=data.get("addonArn", ""),
        version=data.get("addonVersion", ""),
        status=data.get("status", ""),
        issues=tuple(
            AddonIssue(issue.get("code", ""), issue.get("message", ""), tuple(issue.get("resourceIds") or ()))
            for issue in issues
        ),
        configuration_values=data.get("configurationValues") or "",
        association_arns=tuple(data.get("podIdentityAssociations") or ()),
        service_account_role_arn=data.get("serviceAccountRoleArn") or "",
        created_at=utc(data.get("createdAt")),
    )


def addon_versions(data: Iterable[Mapping[str, Any]], kubernetes_version: str) -> tuple[AddonVersion, ...]:
    """Newest first; a version that is not vX.Y.Z-eksbuild.N comes last."""
    versions = [
        AddonVersion(
            version=version["addonVersion"],
            default=any(
                fits.get("defaultVersion", False) and fits.get("clusterVersion") == kubernetes_version
                for fits in version.get("compatibilities") or ()
            ),
            compute_types=tuple(version.get("computeTypes") or ()),
            requires_iam_permissions=bool(version.get("requiresIamPermissions", False)),
        )
        for version in data
    ]
    return tuple(sorted(versions, key=lambda version: _version_key(version.version), reverse=True))


def _version_key(version: str) -> tuple[tuple[int, ...], str]:
    found = _ADDON_VERSION.fullmatch(version)
    return (tuple(int(part) for part in found.groups()) if found else (), version)


def update(data: Mapping[str, Any]) -> Update:
    errors = tuple(
        f"{error.get('errorCode', '')}: {error.get('errorMessage', '')}" for error in data.get("errors") or ()
    )
    return Update(id=data["id"], status=data["status"], errors=errors)


def node_group(data: Mapping[str, Any]) -> NodeGroup:
    return NodeGroup(name=data["nodegroupName"], status=data.get("status", ""), node_role_arn=data.get("nodeRole", ""))


def role(data: Mapping[str, Any]) -> Role:
    return Role(
        name=data["RoleName"],
        arn=data["Arn"],
        path=data["Path"],
        role_id=data["RoleId"],
        trust=document(data.get("AssumeRolePolicyDocument") or {}, f"trust policy of role {data['RoleName']}"),
        created_at=utc(data.get("CreateDate")),
        description=data.get("Description", ""),
        max_session_seconds=data.get("MaxSessionDuration", 3600),
        permissions_boundary_arn=(data.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", ""),
        tags={tag["Key"]: tag["Value"] for tag in data.get("Tags") or ()},
        last_used_at=utc((data.get("RoleLastUsed") or {}).get("LastUsedDate")),
        last_used_region=(data.get("RoleLastUsed") or {}).get("Region", ""),
    )


def document(value: object, subject: str) -> Mapping[str, object]:
    """A policy document as a mapping: botocore decodes IAM's URL-encoded JSON, unless it cannot."""
    if isinstance(value, str):
        try:
            value = json.loads(unquote(value))
        except ValueError as error:
            raise PodidError(f"IAM's answer for the {subject} is not JSON ({error})", subject=subject) from error
    if not isinstance(value, Mapping):
        raise PodidError(f"IAM's answer for the {subject} is not a JSON object", subject=subject)
    return value
