"""Names of Kubernetes and AWS objects: parse, check and split them. No I/O."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from podid.domain.errors import Again, InvalidInput, UsageError
from podid.domain.findings import Subject
from podid.domain.members import Key

AGENT_ADDON = "eks-pod-identity-agent"
AGENT_NAMESPACE = "kube-system"
PODS_PRINCIPAL = "pods.eks.amazonaws.com"
# part of the ARN of an AWS managed policy
AWS_MANAGED = ":iam::aws:policy/"

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LONGEST_ROLE_NAME = 64
_ROLE_NAME = re.compile(rf"[\w+=,.@-]{{1,{LONGEST_ROLE_NAME}}}", re.ASCII)
_ROLE_PATH = re.compile(r"/([!-~]+/)?")
_POLICY = re.compile(r"(?:[!-~]+/)?[\w+=,.@-]{1,128}", re.ASCII)
_CLUSTER_NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
# a host label, because the region is part of host names
REGION_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ACCOUNT = re.compile(r"[0-9]{12}")
_PARTITION = re.compile(r"aws[a-z0-9-]*")


@dataclass(frozen=True, slots=True, order=True)
class ServiceAccountRef:
    """A service account, written as NAMESPACE/NAME."""

    namespace: str
    name: Annotated[str, Key("serviceAccount")]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def subject(self) -> Subject:
        return Subject("ServiceAccount", self.name, self.namespace)

    @property
    def refused(self) -> str:
        """Return why Kubernetes refuses one of the names; empty if it accepts both. EKS accepts such names."""
        return wrong_namespace(self.namespace) or wrong_account_name(self.name)

    @classmethod
    def parse(cls, text: str) -> "ServiceAccountRef":
        """Parse NAMESPACE/NAME. Raise InvalidInput that names the wrong part (a DNS label, a DNS subdomain)."""
        parts = text.split("/")
        if len(parts) != 2 or not all(parts) or text.startswith("arn:"):
            meant = _as_elsewhere(text)
            raise InvalidInput(
                f"{text!r} is not a service account: specify NAMESPACE/NAME, for example shop/orders",
                subject=text,
                hint=Again(swap=(text, meant)) if meant else (),
            )
        namespace, name = parts
        if why := wrong_namespace(namespace) or wrong_account_name(name):
            raise InvalidInput(why, subject=text)
        return cls(namespace, name)

    @classmethod
    def parse_all(cls, texts: Iterable[str]) -> "tuple[ServiceAccountRef, ...]":
        """Return each once, in the specified order."""
        return tuple(dict.fromkeys(map(cls.parse, texts)))


@dataclass(frozen=True, slots=True)
class Arn:
    """An ARN in its six parts; `resource` is everything after the fifth colon."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"

    @property
    def resource_name(self) -> str:
        """Return the last path segment: the name of a role without its path, of a cluster, of an instance profile."""
        return self.resource.rsplit("/", 1)[-1]

    @classmethod
    def parse(cls, text: str) -> "Arn":
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not _PARTITION.fullmatch(parts[1]) or not parts[2] or not parts[5]:
            raise InvalidInput(f"{text!r} is not an ARN (arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE)", subject=text)
        return cls(*parts[1:])


def wrong_namespace(name: str) -> str:
    """Return why it cannot be the name of a namespace; empty if it can."""
    if _DNS_LABEL.fullmatch(name):
        return ""
    return f"{name!r} is not a namespace name: lower-case letters, digits and '-', at most 63 characters"


def wrong_account_name(name: str) -> str:
    """Return why it cannot be the name of a service account; empty if it can."""
    if len(name) <= 253 and _DNS_SUBDOMAIN.fullmatch(name):
        return ""
    return f"{name!r} is not a service account name: lower-case letters, digits, '-' and '.', at most 253 characters"


def _as_elsewhere(text: str) -> str:
    """Return `shop/orders` for system:serviceaccount:shop:orders, the Kubernetes user name, and for shop:orders."""
    parts = text.removeprefix("system:serviceaccount:").split(":")
    fits = len(parts) == 2 and _DNS_LABEL.fullmatch(parts[0]) and _DNS_SUBDOMAIN.fullmatch(parts[1])
    return "/".join(parts) if fits else ""


def parse_role_arn(text: str) -> Arn:
    """Parse the ARN of an IAM role, with its path. Raise InvalidInput for any other ARN."""
    arn = Arn.parse(text)
    path = arn.resource.removeprefix("role").rpartition("/")[0] + "/"
    if arn.service != "iam" or not _ROLE_PATH.fullmatch(path) or not _ACCOUNT.fullmatch(arn.account):
        raise InvalidInput(f"{text!r} is not the ARN of an IAM role", subject=text)
    check_role_name(arn.resource_name)
    return arn


def role_name(arn: str) -> str:
    """Return the name in a role's ARN, without its path. Other text is returned unchanged."""
    return arn.rsplit("/", 1)[-1]


def role_path(arn: str) -> str:
    """Return the IAM path in a role's ARN: `/`, or `/team/shop/`."""
    path = arn.partition(":role/")[2].rpartition("/")[0]
    return f"/{path}/" if path else "/"


def addon_name(arn: str) -> str:
    """Return the add-on in arn:…:addon/CLUSTER/ADDON/ID. Other text is returned unchanged."""
    parts = arn.partition(":addon/")[2].split("/")
    return parts[1] if len(parts) > 1 else arn


def parse_cluster_arn(text: str) -> Arn:
    """Parse the ARN of one EKS cluster, strictly: trust policies contain it, and `*` and `?` would be wildcards
    there."""
    arn = Arn.parse(text)
    named = re.fullmatch(rf"cluster/{_CLUSTER_NAME.pattern}", arn.resource)
    placed = REGION_NAME.fullmatch(arn.region) and _ACCOUNT.fullmatch(arn.account)
    if arn.service != "eks" or not named or not placed:
        raise InvalidInput(f"{text!r} is not the ARN of an EKS cluster", subject=text)
    return arn


def check_role_name(name: str) -> str:
    """Return the name. Raise InvalidInput if IAM would reject it (up to 64 letters, digits and +=,.@_-)."""
    if not _ROLE_NAME.fullmatch(name):
        bare = name.rpartition("/")[2]
        if bare != name and _ROLE_NAME.fullmatch(bare):
            message = f"{name!r} is a path and a role name; specify the name alone"
            raise InvalidInput(message, subject=name, hint=Again(swap=(name, bare)))
        raise InvalidInput(
            f"{name!r} is not an IAM role name: 1 to 64 letters, digits and any of _+=,.@-", subject=name
        )
    return name


def check_role(text: str) -> str:
    """Return a role's name or ARN. Raise InvalidInput for other text."""
    if text.startswith("arn:"):
        parse_role_arn(text)
        return text
    return check_role_name(text)


def check_managed_policy(text: str) -> str:
    """Return a managed policy's name, which may have a path, or its ARN. Raise InvalidInput for other text."""
    arn = Arn.parse(text) if text.startswith("arn:") else None
    kind, _, name = arn.resource.partition("/") if arn is not None else ("policy", "", text)
    if kind != "policy" or (arn is not None and arn.service != "iam") or not _POLICY.fullmatch(name):
        raise InvalidInput(f"{text!r} is not the name or ARN of a managed policy", subject=text)
    return text


def check_namespace_name(name: str) -> str:
    """Return the name of a namespace. Raise InvalidInput."""
    if why := wrong_namespace(name):
        raise InvalidInput(why, subject=name)
    return name


def check_namespace_of(refs: Iterable[ServiceAccountRef], namespace: str | None) -> None:
    """Raise UsageError unless all service accounts are in the namespace; None: in all namespaces, or in one of a
    pattern."""
    if any(ref.namespace != namespace for ref in refs):
        raise UsageError("Service accounts cannot be used together with -n or -A")


def check_account(text: str) -> str:
    """Return the ID of an AWS account. Raise InvalidInput."""
    if not _ACCOUNT.fullmatch(text):
        raise InvalidInput(f"{text!r} is not a 12-digit account ID", subject=text)
    return text


def check_cluster_name(name: str) -> str:
    """Return the name. Raise InvalidInput if EKS would reject it (1 to 100 characters, the first alphanumeric)."""
    if not _CLUSTER_NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} is not an EKS cluster name", subject=name)
    return name


def is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def same_cluster(one: str, other: str) -> bool:
    """Return whether two names or ARNs may mean the same cluster; two ARNs must be equal."""
    if one.startswith("arn:") and other.startswith("arn:"):
        return one == other
    return one.rpartition("/")[2] == other.rpartition("/")[2]
