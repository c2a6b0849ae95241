"""Answers of EKS, EKS Auth, IAM and STS as domain values: pure functions that raise Malformed. An optional member that
is missing gets the model's empty value."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from podid.aws.values import Credentials, ManagedPolicy, PodIdentitySession, Update
from podid.domain.aws import (
    AccessEntry,
    Addon,
    AddonConfiguration,
    AddonIssue,
    AddonOffer,
    AddonVersion,
    Association,
    AssociationSummary,
    AttachedPolicy,
    Caller,
    Cluster,
    Decision,
    NodeGroup,
    Role,
)
from podid.domain.errors import InvalidInput
from podid.domain.foreign import (
    Malformed,
    Object,
    check_depth,
    flag_or,
    inner,
    inner_or_empty,
    inners,
    inners_or_none,
    instant_or_none,
    number_or,
    pairs,
    text,
    text_or,
    texts_or_none,
)
from podid.domain.names import Arn
from podid.domain.permissions import PolicyFinding
from podid.domain.versions import addon_key

# --- EKS --------------------------------------------------------------------------------------------------------------


def cluster(data: Object) -> Cluster:
    vpc, compute = inner_or_empty(data, "resourcesVpcConfig"), inner_or_empty(data, "computeConfig")
    return Cluster(
        name=text(data, "name"),
        arn=_arn(data, "arn"),
        version=text_or(data, "version"),
        status=text_or(data, "status"),
        platform_version=text_or(data, "platformVersion"),
        endpoint=text_or(data, "endpoint"),
        certificate_authority=text_or(inner_or_empty(data, "certificateAuthority"), "data"),
        cluster_id=text_or(data, "id"),
        ip_family=text_or(inner_or_empty(data, "kubernetesNetworkConfig"), "ipFamily", "ipv4"),
        auto_mode=flag_or(compute, "enabled"),
        auto_node_role_arn=text_or(compute, "nodeRoleArn"),
        public_endpoint=flag_or(vpc, "endpointPublicAccess", True),
        vpc_id=text_or(vpc, "vpcId"),
        authentication_mode=text_or(inner_or_empty(data, "accessConfig"), "authenticationMode"),
        oidc_issuer=text_or(inner_or_empty(inner_or_empty(data, "identity"), "oidc"), "issuer"),
        unsupported_kind=_unsupported_kind(data),
    )


def cluster_tags(data: Object) -> dict[str, str]:
    return pairs(data, "tags")


def _unsupported_kind(data: Object) -> str:
    if inner_or_empty(data, "outpostConfig"):
        return "a local cluster on Outposts"
    if inner_or_empty(data, "connectorConfig"):
        return "a registered cluster that EKS does not run"
    return ""


def association_summary(data: Object) -> AssociationSummary:
    return AssociationSummary(**_summary(data))


def association(data: Object) -> Association:
    return Association(
        **_summary(data),
        role_arn=text(data, "roleArn"),
        target_role_arn=text_or(data, "targetRoleArn") or None,
        external_id=text_or(data, "externalId") or None,
        disable_session_tags=None if data.get("disableSessionTags") is None else flag_or(data, "disableSessionTags"),
        policy=text_or(data, "policy") or None,
        tags=pairs(data, "tags"),
        created_at=instant_or_none(data, "createdAt"),
        modified_at=instant_or_none(data, "modifiedAt"),
    )


def _summary(data: Object) -> dict[str, Any]:
    return {
        "cluster_name": text(data, "clusterName"),
        "namespace": text(data, "namespace"),
        "service_account": text(data, "serviceAccount"),
        "association_id": text(data, "associationId"),
        "association_arn": text_or(data, "associationArn"),
        "owner_arn": text_or(data, "ownerArn") or None,
    }


def addon(data: Object) -> Addon:
    return Addon(
        name=text(data, "addonName"),
        arn=text_or(data, "addonArn"),
        version=text_or(data, "addonVersion"),
        status=text(data, "status"),
        issues=tuple(
            AddonIssue(text_or(issue, "code"), text_or(issue, "message"), texts_or_none(issue, "resourceIds"))
            for issue in inners_or_none(inner_or_empty(data, "health"), "issues")
        ),
        configuration_values=text_or(data, "configurationValues"),
        association_arns=texts_or_none(data, "podIdentityAssociations"),
        service_account_role_arn=text_or(data, "serviceAccountRoleArn"),
        namespace=text_or(inner_or_empty(data, "namespaceConfig"), "namespace"),
        created_at=instant_or_none(data, "createdAt"),
    )


def addon_versions(data: Object, name: str, kubernetes_version: str) -> list[AddonVersion]:
    """Those of the add-on `name` on one page of DescribeAddonVersions, as they come; what is compatible with other
    Kubernetes versions only is left out."""
    return [
        version
        for found in inners(data, "addons")
        if text_or(found, "addonName") == name
        for version in _compatible(found, kubernetes_version)
    ]


def addon_offers(data: Object, kubernetes_version: str) -> list[AddonOffer]:
    """Every add-on on one page of DescribeAddonVersions that has a version for that Kubernetes version."""
    return [
        AddonOffer(
            name=text(found, "addonName"),
            namespace=text_or(found, "defaultNamespace"),
            versions=newest_first(versions),
        )
        for found in inners(data, "addons")
        if (versions := _compatible(found, kubernetes_version))
    ]


def _compatible(addon: Object, kubernetes_version: str) -> list[AddonVersion]:
    return [
        _addon_version(version, fits)
        for version in inners_or_none(addon, "addonVersions")
        if (fits := _fitting(version, kubernetes_version)) is not None
    ]


def _fitting(version: Object, kubernetes_version: str) -> tuple[Object, ...] | None:
    """What the version says of that Kubernetes version; None where it speaks of others alone."""
    every = inners_or_none(version, "compatibilities")
    fits = tuple(item for item in every if text_or(item, "clusterVersion") == kubernetes_version)
    return None if every and not fits else fits


def _addon_version(version: Object, fits: Iterable[Object]) -> AddonVersion:
    fits = tuple(fits)
    return AddonVersion(
        version=text(version, "addonVersion"),
        default=any(flag_or(item, "defaultVersion") for item in fits),
        platform_versions=tuple(
            dict.fromkeys(name for item in fits for name in texts_or_none(item, "platformVersions"))
        ),
        compute_types=texts_or_none(version, "computeTypes"),
        architectures=texts_or_none(version, "architecture"),
    )


def newest_first(versions: Iterable[AddonVersion]) -> tuple[AddonVersion, ...]:
    """A version that is not vX.Y.Z-eksbuild.N comes last."""
    return tuple(sorted(versions, key=lambda item: (addon_key(item.version) or (), item.version), reverse=True))


def addon_configuration(data: Object) -> AddonConfiguration:
    return AddonConfiguration(
        version=text(data, "addonVersion"),
        schema=text_or(data, "configurationSchema"),
        policies={
            text(item, "serviceAccount"): texts_or_none(item, "recommendedManagedPolicies")
            for item in inners_or_none(data, "podIdentityConfiguration")
        },
    )


def update(data: Object) -> Update:
    errors = tuple(
        f"{text_or(error, 'errorCode')}: {text_or(error, 'errorMessage')}" for error in inners_or_none(data, "errors")
    )
    return Update(id=text(data, "id"), status=text(data, "status"), errors=errors)


def node_group(data: Object) -> NodeGroup:
    return NodeGroup(
        name=text(data, "nodegroupName"),
        status=text_or(data, "status"),
        node_role_arn=text(data, "nodeRole"),
        subnet_ids=texts_or_none(data, "subnets"),
    )


# --- EKS Auth and STS -------------------------------------------------------------------------------------------------


def pod_identity_session(data: Object) -> PodIdentitySession:
    credentials = inner(data, "credentials")
    subject, of = inner(data, "subject"), inner(data, "podIdentityAssociation")
    return PodIdentitySession(
        credentials=Credentials(
            access_key_id=text(credentials, "accessKeyId"),
            secret_access_key=text(credentials, "secretAccessKey"),
            session_token=text(credentials, "sessionToken"),
            expires_at=instant_or_none(credentials, "expiration"),
        ),
        association_id=text(of, "associationId"),
        association_arn=text(of, "associationArn"),
        namespace=text(subject, "namespace"),
        service_account=text(subject, "serviceAccount"),
    )


def caller(data: Object) -> Caller:
    return Caller(account=text(data, "Account"), arn=_arn(data, "Arn"))


# --- IAM --------------------------------------------------------------------------------------------------------------


def role(data: Object) -> Role:
    last_used = inner_or_empty(data, "RoleLastUsed")
    return Role(
        name=text(data, "RoleName"),
        arn=_arn(data, "Arn"),
        path=text(data, "Path"),
        role_id=text(data, "RoleId"),
        trust=document(data, "AssumeRolePolicyDocument"),
        created_at=instant_or_none(data, "CreateDate"),
        description=text_or(data, "Description"),
        max_session_seconds=number_or(data, "MaxSessionDuration", 3600),
        permissions_boundary_arn=text_or(inner_or_empty(data, "PermissionsBoundary"), "PermissionsBoundaryArn"),
        tags={text(tag, "Key"): text_or(tag, "Value") for tag in inners_or_none(data, "Tags")},
        last_used_at=instant_or_none(last_used, "LastUsedDate"),
        last_used_region=text_or(last_used, "Region"),
    )


def attached_policy(data: Object) -> AttachedPolicy:
    return AttachedPolicy(text(data, "PolicyName"), text(data, "PolicyArn"))


def managed_policy(data: Object) -> ManagedPolicy:
    return ManagedPolicy(
        name=text(data, "PolicyName"),
        arn=text(data, "Arn"),
        default_version=text_or(data, "DefaultVersionId"),
    )


def policy_finding(data: Object) -> PolicyFinding:
    locations = inners_or_none(data, "locations")
    path = [_step(item) for item in inners_or_none(locations[0], "path")] if locations else []
    return PolicyFinding(
        kind=text(data, "findingType"),
        code=text(data, "issueCode"),
        details=text_or(data, "findingDetails"),
        place="".join(path).removeprefix("."),
    )


def _step(data: Object) -> str:
    """One element of a finding's path: a member's name or a list's index."""
    if "index" in data:
        return f"[{number_or(data, 'index')}]"
    name = text_or(data, "value")
    return f".{name}" if name else ""


def document(data: Object, name: str) -> Mapping[str, object]:
    """A policy document as a mapping: botocore decodes IAM's URL-encoded JSON, unless it cannot."""
    value = data.get(name)
    if isinstance(value, str):
        try:
            value = json.loads(unquote(value))
        except (ValueError, RecursionError):
            raise Malformed(f"{name} is not JSON") from None
    if not isinstance(value, Mapping):
        raise Malformed(f"{name} is {'missing' if value is None else 'not a JSON object'}")
    check_depth(value, name)
    return value


def decision(data: Object) -> Decision:
    boundary = inner_or_empty(data, "PermissionsBoundaryDecisionDetail")
    organization = inner_or_empty(data, "OrganizationsDecisionDetail")
    return Decision(
        action=text(data, "EvalActionName"),
        resource=text_or(data, "EvalResourceName", "*"),
        decision=text(data, "EvalDecision"),
        boundary_allows=flag_or(boundary, "AllowedByPermissionsBoundary") if boundary else None,
        organization_allows=flag_or(organization, "AllowedByOrganizations") if organization else None,
        missing_context_keys=texts_or_none(data, "MissingContextValues"),
    )


def instance_profile_role(data: Object) -> str:
    return next((text(role, "Arn") for role in inners_or_none(data, "Roles")), "")


def access_entry(data: Object) -> AccessEntry:
    return AccessEntry(principal_arn=text(data, "principalArn"), kind=text_or(data, "type"))


def _arn(data: Object, name: str) -> str:
    value = text(data, name)
    try:
        Arn.parse(value)
    except InvalidInput:
        raise Malformed(f"{name} is not an ARN") from None
    return value
