"""Answers of EKS, EKS Auth, IAM and STS as domain values: pure functions that raise Malformed. A missing optional
member gets the model's empty value.

No SDK is imported here.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import unquote

from podid.domain import aws, foreign
from podid.domain.errors import InvalidInput
from podid.domain.iam import AccessedAction, AccessedService, PolicyDocument, PolicyFinding, Principal
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.versions import addon_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Temporary credentials. They are kept in memory only: the repr shows neither key nor token."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodIdentitySession:
    """EKS Auth's answer for a pod: credentials, the service account, and its association."""

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
    """A bearer token for the cluster's API server; `expires_at` is when it must be renewed."""

    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """An update of an add-on. `status` is EKS's: InProgress Failed Cancelled Successful."""

    id: str
    status: str
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedPolicy:
    name: str
    arn: str
    default_version: str = ""


def from_json(text: str, name: str) -> Any:
    """Return the value of a member that is JSON text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise foreign.Malformed(f"{name} is not JSON") from None


# --- EKS --------------------------------------------------------------------------------------------------------------


def _arn(data: foreign.Object, name: str) -> str:
    value = foreign.text(data, name)
    try:
        Arn.parse(value)
    except InvalidInput:
        raise foreign.Malformed(f"{name} is not an ARN") from None
    return value


def _unsupported_kind(data: foreign.Object) -> str:
    if foreign.inner_or_empty(data, "outpostConfig"):
        return "a local cluster on Outposts"
    if foreign.inner_or_empty(data, "connectorConfig"):
        return "a registered cluster that EKS does not manage"
    return ""


cluster = foreign.record(
    aws.Cluster,
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


association_summary = foreign.record(aws.AssociationSummary, association_arn="associationArn?")
association = foreign.record(aws.Association, association_arn="associationArn?", custom_owner=lambda _: None)


addon = foreign.record(
    aws.Addon,
    name="addonName",
    arn="addonArn?",
    version="addonVersion?",
    issues=foreign.many("health.issues", foreign.record(aws.AddonIssue, code="code?", message="message?")),
    association_arns="podIdentityAssociations",
    namespace="namespaceConfig.namespace",
    tags="tags",
)


def _compatible_versions(data: foreign.Object) -> dict[str, tuple[str, ...]]:
    summary = foreign.inner_or_empty(data, "categorySpecificSummary")
    details = foreign.inners_or_none(summary, "addonCompatibilityDetails")
    return {foreign.text_or(item, "name"): foreign.words_or_none(item, "compatibleVersions") for item in details}


upgrade_insight = foreign.record(
    aws.UpgradeInsight,
    name="name?",
    kubernetes_version="kubernetesVersion?",
    status="insightStatus.status?",
    reason="insightStatus.reason",
    addons=_compatible_versions,
)


def addon_offers(data: foreign.Object, kubernetes_version: str) -> list[aws.AddonOffer]:
    """Return every add-on on one page of DescribeAddonVersions that has a version for that Kubernetes version."""
    return [
        aws.AddonOffer(
            name=foreign.text(addon, "addonName"),
            namespace=foreign.text_or(addon, "defaultNamespace"),
            versions=versions,
        )
        for addon in foreign.inners(data, "addons")
        if (versions := newest_first(_compatible(addon, kubernetes_version)))
    ]


def _compatible(addon: foreign.Object, kubernetes_version: str) -> Iterator[aws.AddonVersion]:
    """Yield the versions for that Kubernetes version, and those that name no version of Kubernetes."""
    for version in foreign.inners_or_none(addon, "addonVersions"):
        rows = foreign.inners_or_none(version, "compatibilities")
        fits = [row for row in rows if foreign.text_or(row, "clusterVersion") == kubernetes_version]
        if fits or not rows:
            platforms = (name for row in fits for name in foreign.texts_or_none(row, "platformVersions"))
            yield aws.AddonVersion(
                version=foreign.text(version, "addonVersion"),
                default=any(foreign.flag_or(row, "defaultVersion") for row in fits),
                platform_versions=tuple(dict.fromkeys(platforms)),
                compute_types=foreign.texts_or_none(version, "computeTypes"),
                architectures=foreign.texts_or_none(version, "architecture"),
            )


def newest_first(versions: Iterable[aws.AddonVersion]) -> tuple[aws.AddonVersion, ...]:
    """Sort the versions; one that is not vX.Y.Z-eksbuild.N comes last."""
    return tuple(sorted(versions, key=lambda item: (addon_key(item.version) or (), item.version), reverse=True))


def _recommended_policies(data: foreign.Object) -> dict[str, tuple[str, ...]]:
    listed = foreign.inners_or_none(data, "podIdentityConfiguration")
    return {
        foreign.text(item, "serviceAccount"): foreign.texts_or_none(item, "recommendedManagedPolicies")
        for item in listed
    }


addon_configuration = foreign.record(
    aws.AddonConfiguration, version="addonVersion", schema="configurationSchema", policies=_recommended_policies
)


def _update_error(error: foreign.Object) -> str:
    return f"{foreign.text_or(error, 'errorCode')}: {foreign.text_or(error, 'errorMessage')}"


update = foreign.record(Update, errors=foreign.many("errors", _update_error))
access_entry = foreign.record(aws.AccessEntry, kind="type?")


def access_policy(principal: str, data: foreign.Object) -> aws.AccessPolicy:
    """Return a policy of the principal. Raise Malformed for an unknown scope: it is not the whole cluster."""
    scope = foreign.inner(data, "accessScope")
    kind, namespaces = foreign.text(scope, "type"), foreign.texts_or_none(scope, "namespaces")
    if kind != "cluster" and not (kind == "namespace" and namespaces):
        raise foreign.Malformed(f"accessScope has type {kind} and {len(namespaces)} namespaces")
    return aws.AccessPolicy(principal, foreign.text(data, "policyArn"), namespaces if kind == "namespace" else ())


node_group = foreign.record(
    aws.NodeGroup, name="nodegroupName", status="status?", node_role_arn="nodeRole", subnet_ids="subnets"
)


# --- EKS Auth and STS -------------------------------------------------------------------------------------------------


pod_identity_session = foreign.record(
    PodIdentitySession,
    credentials=foreign.at("credentials", foreign.record(Credentials, expires_at="expiration")),
    association_id="podIdentityAssociation.associationId",
    association_arn="podIdentityAssociation.associationArn",
    namespace="subject.namespace",
    service_account="subject.serviceAccount",
)

# STS begins members with capitals
_members: dict[str, Any] = {
    item.name: "".join(map(str.capitalize, item.name.split("_"))) for item in fields(Credentials)
}
role_session = foreign.at(
    "Credentials",
    foreign.record(Credentials, **{**_members, "expires_at": partial(foreign.instant, name="Expiration")}),
)


caller = foreign.record(aws.Caller, account="Account", arn=partial(_arn, name="Arn"))


# --- IAM --------------------------------------------------------------------------------------------------------------


def document(data: foreign.Object, name: str) -> Mapping[str, object]:
    """Return a policy document as a mapping. botocore decodes IAM's URL-encoded JSON if it can."""
    value = data.get(name)
    if isinstance(value, str):
        value = from_json(unquote(value), name)
    if not isinstance(value, Mapping):
        raise foreign.Malformed(f"{name} is {'missing' if value is None else 'not a JSON object'}")
    foreign.check_depth(value, name)
    return value


def _tags(data: foreign.Object) -> dict[str, str]:
    return {foreign.text(tag, "Key"): foreign.text_or(tag, "Value") for tag in foreign.inners_or_none(data, "Tags")}


role = foreign.record(
    aws.Role,
    unmarked_owner=lambda _: None,
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


attached_policy = foreign.record(aws.AttachedPolicy, name="PolicyName", arn="PolicyArn")
# GetOpenIDConnectProvider does not repeat the ARN
oidc_provider = foreign.record(
    aws.OidcProvider, arn=lambda _: "", url="Url", client_ids="ClientIDList", thumbprints="ThumbprintList", tags=_tags
)
managed_policy = foreign.record(ManagedPolicy, name="PolicyName", arn="Arn", default_version="DefaultVersionId")

accessed_service = foreign.record(
    AccessedService,
    name="ServiceNamespace",
    last="LastAuthenticated",
    region="LastAuthenticatedRegion",
    actions=foreign.many(
        "TrackedActionsLastAccessed",
        foreign.record(AccessedAction, name="ActionName", last="LastAccessedTime", region="LastAccessedRegion"),
    ),
)


def policy_finding(data: foreign.Object) -> PolicyFinding:
    locations = foreign.inners_or_none(data, "locations")
    path = [_step(item) for item in foreign.inners_or_none(locations[0], "path")] if locations else []
    return PolicyFinding(
        kind=foreign.text(data, "findingType"),
        code=foreign.text(data, "issueCode"),
        details=foreign.text_or(data, "findingDetails"),
        place="".join(path).removeprefix("."),
    )


def _step(data: foreign.Object) -> str:
    """Return one element of a finding's path: a member's name or a list's index."""
    if "index" in data:
        return f"[{foreign.number_or(data, 'index')}]"
    name = foreign.text_or(data, "value")
    return f".{name}" if name else ""


decision = foreign.record(
    aws.Decision,
    action="EvalActionName",
    resource=partial(foreign.text_or, name="EvalResourceName", default="*"),
    decision="EvalDecision",
    boundary_allows="PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary",
    organization_allows="OrganizationsDecisionDetail.AllowedByOrganizations",
    missing_context_keys="MissingContextValues",
)


# --- iam:GetAccountAuthorizationDetails -------------------------------------------------------------------------------
# Users, groups, roles and managed policies come on the same pages, in no order, and refer to each other by name or ARN.


@dataclass(frozen=True, slots=True)
class Detail:
    """An item of a page. `kind` is user, group, role or policy; `name` is the ARN of a policy, and otherwise a name.
    `inline` are its own policies, or the document of a policy; `attached` and `boundary` are ARNs, `groups` names. IAM
    omits the description and the session duration of `role`."""

    kind: str
    name: str
    arn: str
    inline: tuple[PolicyDocument, ...]
    attached: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    boundary: str = ""
    role: aws.Role | None = None


def details(page: foreign.Object, read_role: foreign.Reading[aws.Role]) -> tuple[Detail, ...]:
    """Return the items of a page of GetAccountAuthorizationDetails, which has at least one of the four lists."""
    if not page.keys() & {"UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"}:
        raise foreign.Malformed("the lists of users, groups, roles and policies are missing")
    holders = [
        _detail(kind, item, read_role if kind == "Role" else None)
        for kind in ("User", "Group", "Role")
        for item in foreign.inners_or_none(page, f"{kind}DetailList")
    ]
    return (*holders, *map(_managed, foreign.inners_or_none(page, "Policies")))


def _detail(kind: str, item: foreign.Object, read_role: foreign.Reading[aws.Role] | None) -> Detail:
    arn, attached = foreign.text(item, "Arn"), foreign.inners_or_none(item, "AttachedManagedPolicies")
    return Detail(
        kind=kind.lower(),
        name=foreign.text(item, f"{kind}Name"),
        arn=arn,
        inline=tuple(
            PolicyDocument(foreign.text(policy, "PolicyName"), document(policy, "PolicyDocument"))
            for policy in foreign.inners_or_none(item, f"{kind}PolicyList")
        ),
        attached=tuple(foreign.text(policy, "PolicyArn") for policy in attached),
        groups=foreign.words_or_none(item, "GroupList"),
        boundary=foreign.text_or(foreign.inner_or_empty(item, "PermissionsBoundary"), "PermissionsBoundaryArn"),
        role=read_role(item) if read_role is not None else None,
    )


def _managed(item: foreign.Object) -> Detail:
    arn = foreign.text(item, "Arn")
    for version in foreign.inners_or_none(item, "PolicyVersionList"):
        if version.get("IsDefaultVersion") is True:
            return Detail("policy", arn, arn, (PolicyDocument(arn, dict(document(version, "Document"))),))
    raise foreign.Malformed("PolicyVersionList has no default version")


def principals(items: Iterable[Detail]) -> Iterator[Principal]:
    """Yield the users and roles. A policy that the answer does not contain allows nothing that is known: it is
    omitted."""
    listed = tuple(items)
    managed = {item.name: item.inline[0] for item in listed if item.kind == "policy"}
    groups = {item.name: item for item in listed if item.kind == "group"}
    for item in listed:
        if item.kind not in ("user", "role"):
            continue
        owners = (item, *(groups[name] for name in item.groups if name in groups))
        policies = [policy for owner in owners for policy in owner.inline]
        policies += [managed[arn] for owner in owners for arn in owner.attached if arn in managed]
        yield Principal(item.arn, tuple(policies), managed.get(item.boundary))
