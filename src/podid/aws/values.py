"""What the AWS gateways return beside `podid.domain.cluster`. No SDK is imported here."""

from dataclasses import dataclass, field
from datetime import datetime

from podid.domain.names import ServiceAccountRef


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
