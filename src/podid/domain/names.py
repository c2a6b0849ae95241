"""Names of Kubernetes and AWS objects: parsed, checked and taken apart, without any I/O."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from podid.domain.errors import Again, InvalidInput
from podid.domain.findings import Subject
from podid.domain.members import Key

AGENT_ADDON = "eks-pod-identity-agent"
AGENT_NAMESPACE = "kube-system"
PODS_PRINCIPAL = "pods.eks.amazonaws.com"
# in the ARN of a managed policy of AWS's own
AWS_MANAGED = ":iam::aws:policy/"

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_CLUSTER_NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
# a host label: the region becomes part of a host name
REGION_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ACCOUNT = re.compile(r"[0-9]{12}")
_PARTITION = re.compile(r"aws[a-z0-9-]*")


@dataclass(frozen=True, slots=True, order=True)
class ServiceAccountRef:
    """A service account as people write it, NAMESPACE/NAME."""

    namespace: str
    name: Annotated[str, Key("serviceAccount")]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def subject(self) -> Subject:
        return Subject("ServiceAccount", self.name, self.namespace)

    @classmethod
    def parse(cls, text: str) -> "ServiceAccountRef":
        """Raises InvalidInput that says which part is wrong (Kubernetes: DNS label, DNS subdomain)."""
        parts = text.split("/")
        if len(parts) != 2 or not all(parts):
            meant = _as_elsewhere(text)
            raise InvalidInput(
                f"{text!r} is not a service account: write NAMESPACE/NAME, for example shop/orders",
                subject=text,
                hint=Again(swap=(text, meant)) if meant else (),
            )
        namespace, name = parts
        if why := wrong_namespace(namespace) or wrong_account_name(name):
            raise InvalidInput(why, subject=text)
        return cls(namespace, name)

    @classmethod
    def parse_all(cls, texts: Iterable[str]) -> "tuple[ServiceAccountRef, ...]":
        """Each once, in the order given."""
        return tuple(dict.fromkeys(map(cls.parse, texts)))


@dataclass(frozen=True, slots=True)
class Arn:
    """An ARN in its six parts; `resource` keeps everything after the fifth colon."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"

    @property
    def resource_name(self) -> str:
        """The last path segment: the name of a role whatever its path, of a cluster, of an instance profile."""
        return self.resource.rsplit("/", 1)[-1]

    @classmethod
    def parse(cls, text: str) -> "Arn":
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not _PARTITION.fullmatch(parts[1]) or not parts[2] or not parts[5]:
            raise InvalidInput(f"{text!r} is not an ARN (arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE)", subject=text)
        return cls(*parts[1:])


def wrong_namespace(name: str) -> str:
    """Why it cannot be the name of a namespace; empty where it can."""
    if _DNS_LABEL.fullmatch(name):
        return ""
    return f"{name!r} is not a namespace name: lower-case letters, digits and '-', at most 63 characters"


def wrong_account_name(name: str) -> str:
    """The same of a service account's."""
    if len(name) <= 253 and _DNS_SUBDOMAIN.fullmatch(name):
        return ""
    return f"{name!r} is not a service account name: lower-case letters, digits, '-' and '.', at most 253 characters"


def _as_elsewhere(text: str) -> str:
    """`shop/orders` for Kubernetes' own name of it, system:serviceaccount:shop:orders, or for shop:orders."""
    parts = text.removeprefix("system:serviceaccount:").split(":")
    fits = len(parts) == 2 and _DNS_LABEL.fullmatch(parts[0]) and _DNS_SUBDOMAIN.fullmatch(parts[1])
    return "/".join(parts) if fits else ""


def parse_role_arn(text: str) -> Arn:
    """The ARN of an IAM role, path included; InvalidInput for any other ARN."""
    arn = Arn.parse(text)
    if arn.service != "iam" or not arn.resource.startswith("role/") or not re.fullmatch(r"\d{12}", arn.account):
        raise InvalidInput(f"{text!r} is not the ARN of an IAM role", subject=text)
    check_role_name(arn.resource_name)
    return arn


def role_name(arn: str) -> str:
    """The name in a role's ARN, without its path. Never fails: text that is no ARN stands for itself."""
    return arn.rsplit("/", 1)[-1]


def role_path(arn: str) -> str:
    """IAM's path in a role's ARN: `/`, or `/team/shop/`."""
    path = arn.partition(":role/")[2].rpartition("/")[0]
    return f"/{path}/" if path else "/"


def addon_name(arn: str) -> str:
    """The add-on in arn:…:addon/CLUSTER/ADDON/ID. Never fails: text of another form stands for itself."""
    parts = arn.partition(":addon/")[2].split("/")
    return parts[1] if len(parts) > 1 else arn


def parse_cluster_arn(text: str) -> Arn:
    """The ARN of one EKS cluster. Strict, for it goes into trust policies, where `*` and `?` would be wildcards."""
    arn = Arn.parse(text)
    named = re.fullmatch(rf"cluster/{_CLUSTER_NAME.pattern}", arn.resource)
    placed = REGION_NAME.fullmatch(arn.region) and _ACCOUNT.fullmatch(arn.account)
    if arn.service != "eks" or not named or not placed:
        raise InvalidInput(f"{text!r} is not the ARN of an EKS cluster", subject=text)
    return arn


def check_role_name(name: str) -> str:
    """The name itself; InvalidInput when IAM would refuse it (≤ 64 of letters, digits and +=,.@_-)."""
    if not _ROLE_NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} is not an IAM role name: 1 to 64 letters, digits and any of _+=,.@-", subject=name
        )
    return name


def check_role(text: str) -> str:
    """A role's name or ARN; InvalidInput for what is neither."""
    if text.startswith("arn:"):
        parse_role_arn(text)
        return text
    return check_role_name(text)


def check_cluster_name(name: str) -> str:
    """The name itself; InvalidInput when EKS would refuse it (1 to 100 characters, first one alphanumeric)."""
    if not _CLUSTER_NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} is not an EKS cluster name", subject=name)
    return name
