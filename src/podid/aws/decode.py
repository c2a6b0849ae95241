"""Answers of EKS, EKS Auth, IAM and STS as domain values: pure functions that raise Malformed. An optional member that
is missing gets the model's empty value.

No SDK is imported here.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from urllib.parse import unquote

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
    at,
    check_depth,
    flag_or,
    inner_or_empty,
    inners,
    inners_or_none,
    many,
    number_or,
    record,
    text,
    text_or,
    texts_or_none,
)
from podid.domain.iam import PolicyFinding
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.versions import addon_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Temporary credentials. They stay in memory: the repr shows neither key nor token."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodIdentitySession:
    """What EKS Auth gives a pod: credentials, whose they are, and the association that led to them."""

    credentials: Credentials
    association_id: str
    association_arn: str
    namespace: str
    service_account: str

    @property
    def ref(self) -> ServiceAccountRef:
        return ServiceAccountRef(self.namespace, self.service_account)


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A bearer token for the cluster's API server; `expires_at` is when to have made a new one."""

    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """`status` is EKS's word: InProgress Failed Cancelled Successful."""

    id: str
    status: str
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedPolicy:
    """An IAM managed policy."""

    name: str
    arn: str
    default_version: str = ""


# --- EKS --------------------------------------------------------------------------------------------------------------


def _arn(data: Object, name: str) -> str:
    value = text(data, name)
    try:
        Arn.parse(value)
    except InvalidInput:
        raise Malformed(f"{name} is not an ARN") from None
    return value


def _unsupported_kind(data: Object) -> str:
    if inner_or_empty(data, "outpostConfig"):
        return "a local cluster on Outposts"
    if inner_or_empty(data, "connectorConfig"):
        return "a registered cluster that EKS does not run"
    return ""


cluster = record(
    Cluster,
    arn=partial(_arn, name="arn"),
    version="version?",
    status="status?",
    certificate_authority="certificateAuthority.data",
    cluster_id="id",
    ip_family="kubernetesNetworkConfig.ipFamily",
    auto_mode="computeConfig.enabled",
    auto_node_role_arn="computeConfig.nodeRoleArn",
    public_endpoint="resourcesVpcConfig.endpointPublicAccess",
    vpc_id="resourcesVpcConfig.vpcId",
    authentication_mode="accessConfig.authenticationMode",
    oidc_issuer="identity.oidc.issuer",
    unsupported_kind=_unsupported_kind,
)


association_summary = record(AssociationSummary, association_arn="associationArn?")
association = record(Association, association_arn="associationArn?")


addon = record(
    Addon,
    name="addonName",
    arn="addonArn?",
    version="addonVersion?",
    issues=many("health.issues", record(AddonIssue, code="code?", message="message?")),
    association_arns="podIdentityAssociations",
    namespace="namespaceConfig.namespace",
)


def addon_versions(data: Object, name: str, kubernetes_version: str) -> list[AddonVersion]:
    """Those of the add-on `name` on one page of DescribeAddonVersions, as they come; what is compatible with other
    Kubernetes versions only is left out."""
    return [
        version
        for addon in inners(data, "addons")
        if text_or(addon, "addonName") == name
        for version in _compatible(addon, kubernetes_version)
    ]


def addon_offers(data: Object, kubernetes_version: str) -> list[AddonOffer]:
    """Every add-on on one page of DescribeAddonVersions that has a version for that Kubernetes version."""
    return [
        AddonOffer(
            name=text(addon, "addonName"),
            namespace=text_or(addon, "defaultNamespace"),
            versions=newest_first(versions),
        )
        for addon in inners(data, "addons")
        if (versions := _compatible(addon, kubernetes_version))
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


def _recommended_policies(data: Object) -> dict[str, tuple[str, ...]]:
    listed = inners_or_none(data, "podIdentityConfiguration")
    return {text(item, "serviceAccount"): texts_or_none(item, "recommendedManagedPolicies") for item in listed}


addon_configuration = record(
    AddonConfiguration, version="addonVersion", schema="configurationSchema", policies=_recommended_policies
)


def _update_error(error: Object) -> str:
    return f"{text_or(error, 'errorCode')}: {text_or(error, 'errorMessage')}"


update = record(Update, errors=many("errors", _update_error))
access_entry = record(AccessEntry, kind="type?")
node_group = record(NodeGroup, name="nodegroupName", status="status?", node_role_arn="nodeRole", subnet_ids="subnets")


# --- EKS Auth and STS -------------------------------------------------------------------------------------------------


pod_identity_session = record(
    PodIdentitySession,
    credentials=at("credentials", record(Credentials, expires_at="expiration")),
    association_id="podIdentityAssociation.associationId",
    association_arn="podIdentityAssociation.associationArn",
    namespace="subject.namespace",
    service_account="subject.serviceAccount",
)


caller = record(Caller, account="Account", arn=partial(_arn, name="Arn"))


# --- IAM --------------------------------------------------------------------------------------------------------------


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


def _tags(data: Object) -> dict[str, str]:
    return {text(tag, "Key"): text_or(tag, "Value") for tag in inners_or_none(data, "Tags")}


role = record(
    Role,
    name="RoleName",
    arn=partial(_arn, name="Arn"),
    path="Path",
    role_id="RoleId",
    trust=partial(document, name="AssumeRolePolicyDocument"),
    created_at="CreateDate",
    description="Description",
    max_session_seconds="MaxSessionDuration",
    permissions_boundary_arn="PermissionsBoundary.PermissionsBoundaryArn",
    tags=_tags,
    last_used_at="RoleLastUsed.LastUsedDate",
    last_used_region="RoleLastUsed.Region",
)


attached_policy = record(AttachedPolicy, name="PolicyName", arn="PolicyArn")
managed_policy = record(ManagedPolicy, name="PolicyName", arn="Arn", default_version="DefaultVersionId")


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


decision = record(
    Decision,
    action="EvalActionName",
    resource=partial(text_or, name="EvalResourceName", default="*"),
    decision="EvalDecision",
    boundary_allows="PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary",
    organization_allows="OrganizationsDecisionDetail.AllowedByOrganizations",
    missing_context_keys="MissingContextValues",
)
