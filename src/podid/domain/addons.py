"""EKS add-ons: what is installed, and what EKS offers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AddonIssue:
    code: str
    message: str
    resource_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Addon:
    """An installed add-on. `status` is EKS's word: CREATING ACTIVE CREATE_FAILED UPDATING DELETING DELETE_FAILED
    DEGRADED UPDATE_FAILED."""

    name: str
    arn: str
    version: str
    status: str
    issues: tuple[AddonIssue, ...] = ()
    configuration_values: str = ""
    association_arns: tuple[str, ...] = ()
    service_account_role_arn: str = ""
    namespace: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonVersion:
    """One version that DescribeAddonVersions offers for the asked Kubernetes version. `platform_versions` are those of
    the cluster that it fits ("*" is any), `compute_types` EKS's words (ec2, fargate, hybrid, auto); empty where EKS
    does not say."""

    version: str
    default: bool
    platform_versions: tuple[str, ...] = ()
    compute_types: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonOffer:
    """An add-on that EKS offers for the asked Kubernetes version, its versions newest first."""

    name: str
    namespace: str
    versions: tuple[AddonVersion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonConfiguration:
    """What DescribeAddonConfiguration tells of one version. `schema` is a JSON Schema as text, empty where the version
    takes no values; `policies` maps each service account that can have a pod identity association through the add-on to
    the ARNs of the managed policies that AWS recommends for it."""

    version: str
    schema: str = ""
    policies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
