"""The data that podid reads from AWS, as plain values: EKS and its add-ons, IAM, EC2.

Times are timezone-aware UTC. Empty means that the API returned no value. Data that could not be read is a Missing
section (see `podid.domain.snapshot`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from podid.domain.findings import Subject
from podid.domain.members import OR_NULL, About, ArnText, Key, PolicyObject, TextOrNull, members
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.owners import Owner, owner_of
from podid.domain.section import UNASKED, Missing

_OWNER = About("The tool that manages it and may revert changes of others; null if none is recognised.")


@dataclass(frozen=True, slots=True)
class AssumedRole:
    """A role of another account that podid assumes to read there."""

    arn: str
    external_id: str = ""

    @property
    def account(self) -> str:
        return Arn.parse(self.arn).account


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The caller of the AWS calls (sts:GetCallerIdentity)."""

    account: str
    arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationSummary:
    """An association as ListPodIdentityAssociations returns it: without the role."""

    cluster_name: str
    namespace: str
    service_account: str
    association_id: str
    association_arn: ArnText
    owner_arn: str | None = None

    @classmethod
    def of(cls, summary: "AssociationSummary", **more: Any) -> Self:
        """Return an association with the members of `summary` and `more`."""
        members = {member.name: getattr(summary, member.name) for member in fields(AssociationSummary)}
        return cls(**members, **more)

    @property
    def ref(self) -> ServiceAccountRef:
        return ServiceAccountRef(self.namespace, self.service_account)

    @property
    def subject(self) -> Subject:
        return Subject("Association", self.service_account, self.namespace)


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcProvider:
    """An OIDC identity provider of IAM. `url` has no scheme, as IAM returns it."""

    arn: str
    url: str
    client_ids: tuple[str, ...] = ()
    thumbprints: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@members(
    "cluster_name namespace service_account role_arn association_arn association_id tags created_at modified_at "
    "owner_arn owner disable_session_tags target_role_arn external_id policy"
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Association(AssociationSummary):
    """A pod identity association with every field of EKS's PodIdentityAssociation."""

    association_id: Annotated[str, About("The id from EKS: `a-` and 17 characters.")]
    owner_arn: Annotated[str | None, About("The add-on that owns the association.")] = None
    role_arn: ArnText
    target_role_arn: Annotated[str | None, About("The role that the association's role assumes.")] = None
    external_id: Annotated[str | None, About("The sts:ExternalId of the requests for the target role.")] = None
    disable_session_tags: Annotated[bool | None, About("Null is the default of the API, false.")] = None
    policy: Annotated[str | None, About("The session policy, as JSON text.")] = None
    tags: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    modified_at: datetime | None = None
    # by a custom resource of the cluster, if these were read
    custom_owner: Owner | None = None

    @property
    def owner(self) -> Annotated[Owner | None, _OWNER]:
        return owner_of(self.tags, owner_arn=self.owner_arn) or self.custom_owner

    @property
    def session_tags(self) -> bool:
        return not self.disable_session_tags

    @property
    def pods_role_arn(self) -> str:
        """Return the role of the pods' credentials: the target role if there is one."""
        return self.target_role_arn or self.role_arn


@members("cluster_name namespace service_account association_arn association_id owner_arn unread")
@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadAssociation(AssociationSummary):
    """An association that was listed but could not be described, so its role is not known. `permission` is the missing
    permission, if that is the cause; `error_code` is the PodidError's code, or UNASKED."""

    reason: str
    permission: str = ""
    error_code: str = ""

    @property
    def unread(
        self,
    ) -> Annotated[Missing, About("The reason why the other members are not known; the exit code is 8.")]:
        return Missing(self.reason, self.permission, self.error_code)

    @classmethod
    def unasked(cls, summary: AssociationSummary) -> "UnreadAssociation":
        """Return an association that was not described, because others were specified."""
        return cls.of(summary, reason="not described: other service accounts were specified", error_code=UNASKED)


# the id of a planned association, until EKS assigns one
PLANNED_ID = "(planned)"
# an association, as far as it could be read
Listed = Association | UnreadAssociation


def described(associations: tuple[Listed, ...]) -> tuple[Association, ...]:
    return tuple(association for association in associations if isinstance(association, Association))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The parts of EKS's Cluster that podid uses. `certificate_authority` is base64 of PEM, as EKS returns it."""

    name: str
    arn: str
    version: str
    status: str
    platform_version: str = ""
    endpoint: str = ""
    certificate_authority: str = ""
    cluster_id: str = ""
    ip_family: str = "ipv4"
    auto_mode: bool = False
    auto_node_role_arn: str = ""
    public_endpoint: bool = True
    authentication_mode: str = ""
    vpc_id: str = ""
    # the URL of its OIDC provider; empty if EKS returns none
    oidc_issuer: str = ""
    # in words, for a kind of cluster without Pod Identity; empty for a cluster in the cloud
    unsupported_kind: str = ""

    @property
    def account(self) -> str:
        return Arn.parse(self.arn).account

    @property
    def region(self) -> str:
        return Arn.parse(self.arn).region

    @property
    def partition(self) -> str:
        return Arn.parse(self.arn).partition

    @property
    def oidc_provider_arn(self) -> str:
        """Return the ARN that IAM gives the OIDC provider of the issuer; empty if EKS returns no issuer."""
        issuer = self.oidc_issuer.partition("://")[2].rstrip("/")
        return f"arn:{self.partition}:iam::{self.account}:oidc-provider/{issuer}" if issuer else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeGroup:
    name: str
    status: str
    node_role_arn: str
    subnet_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEntry:
    """An IAM principal with access to the cluster. `kind` is EKS's type: STANDARD, EC2_LINUX, FARGATE_LINUX,
    HYBRID_LINUX, EC2…"""

    principal_arn: str
    kind: str


@dataclass(frozen=True, slots=True, order=True)
class AccessPolicy:
    """An access policy that EKS associates with an access entry. `namespaces` limit it, and may have wildcards; without
    any it applies to the cluster."""

    principal_arn: str
    policy_arn: str
    namespaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AttachedPolicy:
    name: Annotated[str, Key("policyName")]
    arn: Annotated[ArnText, Key("policyArn")]


@members(
    "name arn role_id path description created_at max_session_seconds permissions_boundary_arn tags owner trust "
    "last_used_at last_used_region"
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """An IAM role. `trust` is the decoded trust policy, exactly as IAM returned it. `last_used_at` is None for a role
    that was not used within IAM's tracking period of 400 days."""

    name: Annotated[str, Key("roleName")]
    arn: Annotated[ArnText, Key("roleArn")]
    path: str
    role_id: str
    trust: Annotated[PolicyObject, Key("trustPolicy")]
    created_at: datetime | None = None
    description: TextOrNull = ""
    max_session_seconds: Annotated[int, Key("maxSessionDuration"), About("In seconds.")] = 3600
    permissions_boundary_arn: Annotated[
        str, OR_NULL, Key("permissionsBoundary"), About("The boundary policy's ARN.")
    ] = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    last_used_at: Annotated[
        datetime | None, About("Null for a role that was not used within IAM's tracking period of 400 days.")
    ] = None
    last_used_region: TextOrNull = ""

    # a stack or a custom resource, if these were read
    unmarked_owner: Owner | None = None

    @property
    def owner(self) -> Annotated[Owner | None, _OWNER]:
        return owner_of(self.tags, name=self.name) or self.unmarked_owner

    @property
    def service_linked(self) -> bool:
        """Return whether AWS owns the role, so that it cannot be changed (/aws-service-role/, /aws-reserved/)."""
        return owned_by_aws(self.path)


def owned_by_aws(path: str) -> bool:
    return path.startswith(("/aws-service-role/", "/aws-reserved/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePolicies:
    """A role's permissions. `inline` maps policy name to its decoded document."""

    attached: tuple[AttachedPolicy, ...] = ()
    inline: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One result of IAM's policy simulator. `decision` is allowed, explicitDeny or implicitDeny."""

    action: str
    resource: str
    decision: str
    boundary_allows: bool | None = None
    organization_allows: bool | None = None
    missing_context_keys: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.decision == "allowed"

    @property
    def denied_by(self) -> Literal["policy", "boundary", "organization", ""]:
        """Return whether a Deny in a policy, the permissions boundary or the organization denies the request; empty if
        it is allowed, or only an Allow is missing. A Deny applies whatever the boundary allows."""
        if self.boundary_allows is False and self.decision != "explicitDeny":
            return "boundary"
        if self.organization_allows is False:
            return "organization"
        return "policy" if self.decision == "explicitDeny" else ""

    @property
    def lacks_a_policy(self) -> bool:
        """Return whether only an Allow in a policy is missing."""
        return not self.allowed and not self.denied_by


@dataclass(frozen=True, slots=True)
class AddonIssue:
    code: str
    message: str
    resource_ids: tuple[str, ...] = ()


@members("name version status issues owner")
@dataclass(frozen=True, slots=True, kw_only=True)
class Addon:
    """An installed add-on. `status` is EKS's status: CREATING ACTIVE CREATE_FAILED UPDATING DELETING DELETE_FAILED
    DEGRADED UPDATE_FAILED."""

    name: Annotated[str, Key("addonName")]
    arn: str
    version: Annotated[str, Key("addonVersion")]
    status: Annotated[str, About("The status from EKS.")]
    issues: tuple[AddonIssue, ...] = ()
    configuration_values: str = ""
    association_arns: tuple[str, ...] = ()
    service_account_role_arn: str = ""
    namespace: str = ""
    created_at: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def owner(self) -> Annotated[Owner | None, _OWNER]:
        return owner_of(self.tags)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonVersion:
    """One version from DescribeAddonVersions for a Kubernetes version. `platform_versions` are the compatible ones of
    the cluster ("*" is any); `compute_types` are ec2, fargate, hybrid, auto. Empty if EKS returns none."""

    version: str
    default: bool
    platform_versions: tuple[str, ...] = ()
    compute_types: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeInsight:
    """A finding of EKS about the upgrade to a Kubernetes version. `status` is WARNING or ERROR, `addons` the compatible
    versions of each add-on that it is about."""

    name: str
    kubernetes_version: str
    status: str
    reason: str = ""
    addons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonOffer:
    """An add-on that EKS offers for a Kubernetes version, its versions newest first."""

    name: str
    namespace: str
    versions: tuple[AddonVersion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonConfiguration:
    """The answer of DescribeAddonConfiguration for one version. `schema` is a JSON Schema as text, empty if the version
    accepts no values. `policies` maps each service account that can have an association owned by the add-on to the ARNs
    of the managed policies that AWS recommends for it."""

    version: str
    schema: str = ""
    policies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """An EC2 instance. `profile_arn` is empty without an instance profile. `metadata` is whether its metadata service
    is enabled, and `hop_limit` the hop limit of its tokens: 1 ends at the node, 0 if EC2 returned none. Version 1
    requires no token: it is disabled if `tokens_required`. `addresses` and `group_ids` are those of its network
    interfaces."""

    id: str
    profile_arn: str = ""
    metadata: bool = True
    hop_limit: int = 0
    tokens_required: bool = True
    addresses: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()

    @property
    def open_to_pods(self) -> bool:
        """Return whether its metadata service answers pods with a network of their own."""
        return self.metadata and (self.hop_limit > 1 or not self.tokens_required)

    @property
    def closed_to_pods(self) -> bool:
        """Return whether it does not answer them; neither, if EC2 returned no hop limit."""
        return not self.metadata or (self.hop_limit == 1 and self.tokens_required)
