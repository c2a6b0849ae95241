"""Requests to assume a role: who sends them, and their request context, key by key.

Hop 1 is EKS assuming the association's role. Hop 2 is that role assuming the target role. Sources: EKS User Guide,
"IAM roles for EKS Pod Identity", "Grant Pods access based on tags", "Access AWS resources using a target role"; IAM
User Guide, "AWS global condition context keys" (the Availability notes); the live trials reported in
https://github.com/terraform-aws-modules/terraform-aws-eks/issues/3743 (`aws:SourceArn` is the cluster's) and
https://github.com/awslabs/mountpoint-s3-csi-driver/issues/781 (it is not the association's).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Self

from podid.domain.names import PODS_PRINCIPAL, Arn, parse_cluster_arn, parse_role_arn
from podid.domain.text import utc

if TYPE_CHECKING:
    from podid.domain.aws import Association

NAMESPACE_TAG = "aws:RequestTag/kubernetes-namespace"
SERVICE_ACCOUNT_TAG = "aws:RequestTag/kubernetes-service-account"
TAG_KEYS = (
    "eks-cluster-arn",
    "eks-cluster-name",
    "kubernetes-namespace",
    "kubernetes-service-account",
    "kubernetes-pod-name",
    "kubernetes-pod-uid",
)


_TAG_LISTS = ("aws:tagkeys", "sts:transitivetagkeys")
RESOURCE_TAGS = ("aws:resourcetag/", "iam:resourcetag/")


@dataclass(frozen=True, slots=True)
class LivePod:
    """A running pod of the service account; its name and uid are session tags. `uid` is "" if it was not read."""

    name: str
    uid: str = ""


@dataclass(frozen=True, slots=True)
class PodIdentity:
    """Hop 1: EKS assumes the association's role for a service account.

    `role_tags` are the tags of that role, None if they were not read. `pods` are live pods of the service account, for
    conditions on pod name, uid or session name. Without `now` (timezone-aware), conditions on the time stay unknown.
    Raise InvalidInput for an ARN that is not a cluster's.
    """

    cluster_arn: str
    namespace: str
    service_account: str
    session_tags: bool = True
    role_tags: Mapping[str, str] | None = field(default_factory=dict)
    pods: tuple[LivePod, ...] | None = None
    now: datetime | None = None

    def __post_init__(self) -> None:
        parse_cluster_arn(self.cluster_arn)

    @classmethod
    def of(cls, cluster_arn: str, association: "Association", **others: Any) -> Self:
        """Return the identity of the association's pods. `others` are the other fields."""
        namespace, name = association.namespace, association.service_account
        return cls(cluster_arn, namespace, name, association.session_tags, **others)

    @property
    def account(self) -> str:
        return Arn.parse(self.cluster_arn).account

    @property
    def cluster_name(self) -> str:
        return Arn.parse(self.cluster_arn).resource_name

    @property
    def name(self) -> str:
        return f"{self.namespace}/{self.service_account}"

    @property
    def caller(self) -> str:
        return PODS_PRINCIPAL

    def context(self, pod: LivePod | None = None) -> "RequestContext":
        """Return the request context, for one live pod or for an unknown pod."""
        sent = {
            "aws:sourcearn": Sent((self.cluster_arn,)),
            "aws:sourceaccount": Sent((self.account,)),
            "aws:principalisawsservice": Sent(("true",)),
            "aws:principalservicename": Sent((PODS_PRINCIPAL,)),
            # true only for a service that uses the credentials of an IAM principal
            "aws:viaawsservice": Sent(("false",)),
            "aws:sourceorgid": at_run_time(f"aws:SourceOrgID, the organization of account {self.account},"),
            "aws:sourceorgpaths": at_run_time("aws:SourceOrgPaths, the cluster account's path in its organization"),
            "sts:rolesessionname": _session_name(self, pod),
        }
        sent |= clock(self.now) | session_tags_of(self, pod, ("aws:requesttag/",))
        return RequestContext(
            1, sent | tags_of(self.role_tags, RESOURCE_TAGS), _ABSENT_AT_HOP_1 | _tag_lists(self), _unread(self)
        )


@dataclass(frozen=True, slots=True)
class TargetHop:
    """Hop 2: the association's role (`base_role_arn`), in a session for `pod`, assumes the target role.

    `external_id` is the association's, as DescribePodIdentityAssociation returns it; None if it was not read.
    `role_tags` are the target role's, None if they were not read; `pod` has the tags of the association's role.
    """

    base_role_arn: str
    pod: PodIdentity
    external_id: str | None = None
    role_tags: Mapping[str, str] | None = field(default_factory=dict)

    def __post_init__(self) -> None:
        parse_role_arn(self.base_role_arn)

    @property
    def account(self) -> str:
        return Arn.parse(self.base_role_arn).account

    @property
    def caller(self) -> str:
        return self.base_role_arn

    def context(self, pod: LivePod | None = None) -> "RequestContext":
        identity = self.pod
        sent = {
            "aws:principalarn": Sent((self.base_role_arn,)),
            "aws:principalaccount": Sent((self.account,)),
            "aws:principaltype": Sent(("AssumedRole",)),
            "aws:principalisawsservice": Sent(("false",)),
            "aws:userid": at_run_time("aws:userid, the unique id of the role and its session"),
            "sts:externalid": _external_id(self),
        }
        sent |= tags_of(identity.role_tags, ("aws:principaltag/",))
        sent |= clock(identity.now) | session_tags_of(identity, pod, ("aws:requesttag/", "aws:principaltag/"))
        if identity.session_tags:
            why = "AWS does not document whether transitive tags are tag keys of the second request"
            sent |= dict.fromkeys(_TAG_LISTS, Sent(TAG_KEYS, many=True, optional=True, why=why))
        unread = () if identity.role_tags is not None else ("aws:principaltag/",)
        return RequestContext(
            2,
            sent | tags_of(self.role_tags, RESOURCE_TAGS),
            ABSENT_IN_SESSION | _tag_lists(identity),
            unread + _unread(self),
        )


Request = PodIdentity | TargetHop


@dataclass(frozen=True, slots=True)
class Sent:
    """The value of one key: its values, or only the possible beginnings of its value (`open`), with the reason
    `why`."""

    values: tuple[str, ...] = ()
    many: bool = False
    open: tuple[str, ...] = ()
    optional: bool = False
    why: str = ""


class NoValue(Enum):
    """A key without a known value: it is not sent, or it is not known whether it is sent."""

    ABSENT = "absent"
    UNKNOWN = "unknown"


# keys that STS documents for other requests than those of an AWS service that assumes a role
_ABSENT_AT_HOP_1 = frozenset(
    {
        *("aws:principalorgid", "aws:principalorgpaths", "aws:principalarn", "aws:sourcevpc"),
        *("aws:sourcevpcarn", "aws:sourcevpce", "aws:sourceip", "aws:vpcsourceip", "aws:vpceaccount"),
        *("aws:vpceorgid", "aws:vpceorgpaths", "aws:username", "aws:multifactorauthpresent"),
        *("aws:multifactorauthage", "aws:federatedprovider", "aws:calledvia", "aws:calledviafirst"),
        *("aws:calledvialast", "aws:chatbotsourcearn", "aws:ec2instancesourcevpc"),
        *("aws:ec2instancesourceprivateipv4", "aws:assumedroot", "ec2:sourceinstancearn"),
        *("lambda:sourcefunctionarn", "ssm:sourceinstancearn", "glue:credentialissuingservice"),
        *("ec2:roledelivery", "sts:externalid"),
    }
)
# a role session has none of these: the first four require an AWS service as the caller
ABSENT_IN_SESSION = frozenset(
    {
        *("aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"),
        *("aws:principalservicename", "aws:principalservicenameslist", "aws:username"),
        *("aws:federatedprovider",),
    }
)


# in their usual spelling, to recognize misspelled ones; the hints of conditions cover the keys of tags
KNOWN_KEYS = (
    *("aws:SourceArn", "aws:SourceAccount", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceIp", "aws:SourceVpc"),
    *("aws:SourceVpce", "aws:SourceVpcArn", "aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalOrgID"),
    *("aws:PrincipalOrgPaths", "aws:PrincipalIsAWSService", "aws:PrincipalServiceName", "aws:PrincipalType"),
    *("aws:PrincipalServiceNamesList", "aws:TagKeys", "aws:CurrentTime", "aws:EpochTime", "aws:TokenIssueTime"),
    *("aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge", "aws:userid", "aws:username", "aws:SecureTransport"),
    *("aws:UserAgent", "aws:referer", "aws:RequestedRegion", "aws:ResourceAccount", "aws:ResourceOrgID"),
    *("aws:ResourceOrgPaths", "aws:VpcSourceIp", "aws:VpceAccount", "aws:VpceOrgID", "aws:VpceOrgPaths"),
    *("aws:FederatedProvider", "aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:ViaAWSService"),
    *("aws:SourceIdentity", "aws:ChatbotSourceArn", "aws:Ec2InstanceSourceVpc", "aws:AssumedRoot"),
    *("sts:ExternalId", "sts:RoleSessionName", "sts:SourceIdentity", "sts:TransitiveTagKeys", "sts:DurationSeconds"),
    *("sts:AWSServiceName", "sts:RequestContextProviders", "sts:TaskPolicyArn"),
)


def is_web_identity(key: str) -> bool:
    """Return whether the key's prefix is an issuer, a host name. Only AssumeRoleWithWebIdentity has such keys."""
    host = re.split(r"[/:]", key, maxsplit=1)[0]
    return "." in host and ":" in key


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The keys of one request, in lower case, with their values. `answers` caches the results of one policy's
    conditions."""

    hop: int
    sent: Mapping[str, Sent]
    absent: frozenset[str]
    unread: tuple[str, ...]
    answers: dict[int, tuple[object, bool | None]] = field(default_factory=dict, compare=False, repr=False)

    def find(self, key: str) -> Sent | NoValue:
        """Return the value of `key` (lower case), or why there is none."""
        sent = self.sent.get(key)
        if sent is not None:
            return sent
        if key in self.absent:
            return NoValue.ABSENT
        if key.startswith(self.unread):
            return NoValue.UNKNOWN
        if key.startswith(("aws:requesttag/", "aws:resourcetag/", "iam:resourcetag/", "aws:principaltag/", "saml:")):
            return NoValue.ABSENT
        return NoValue.ABSENT if is_web_identity(key) else NoValue.UNKNOWN


def _unread(request: Request) -> tuple[str, ...]:
    return () if request.role_tags is not None else RESOURCE_TAGS


def _tag_lists(identity: PodIdentity) -> frozenset[str]:
    return frozenset() if identity.session_tags else frozenset(_TAG_LISTS)


def at_run_time(key: str) -> Sent:
    return Sent(open=("",), why=f"the value of {key} is not known to podid")


def _external_id(hop: TargetHop) -> Sent:
    values = () if hop.external_id is None else (hop.external_id,)
    opening = ("",) if hop.external_id is None else ()
    if hop.pod.session_tags:
        why = "AWS does not document whether sts:ExternalId is sent while session tags are enabled"
        return Sent(values, open=opening, optional=True, why=why)
    return Sent(values, open=opening, why="the association's external id was not specified")


def clock(moment: datetime | None) -> dict[str, Sent]:
    if moment is None:
        opened = at_run_time("the request time")
        return {"aws:currenttime": opened, "aws:epochtime": opened}
    now = moment.astimezone(UTC)
    return {"aws:currenttime": Sent((utc(now),)), "aws:epochtime": Sent((str(int(now.timestamp())),))}


def session_tags_of(identity: PodIdentity, pod: LivePod | None, prefixes: tuple[str, ...]) -> dict[str, Sent]:
    if not identity.session_tags:
        return {}
    values = (
        Sent((identity.cluster_arn,)),
        Sent((identity.cluster_name,)),
        Sent((identity.namespace,)),
        Sent((identity.service_account,)),
        Sent((pod.name,)) if pod else at_run_time("kubernetes-pod-name, which differs from pod to pod,"),
        Sent((pod.uid,)) if pod and pod.uid else at_run_time("kubernetes-pod-uid, which differs from pod to pod,"),
    )
    tags = {prefix + key: value for prefix in prefixes for key, value in zip(TAG_KEYS, values, strict=True)}
    return tags | dict.fromkeys(_TAG_LISTS, Sent(TAG_KEYS, many=True))


def tags_of(tags: Mapping[str, str] | None, prefixes: tuple[str, ...]) -> dict[str, Sent]:
    sent: dict[str, Sent] = {}
    for key, value in (tags or {}).items():
        for prefix in prefixes:
            name = prefix + key.lower()
            twice = at_run_time(f"tag {key}, which the role has twice in different case,")
            sent[name] = twice if name in sent else Sent((value,))
    return sent


def _session_name(identity: PodIdentity, pod: LivePod | None) -> Sent:
    """Return the known parts of `eks-<cluster>-<pod>-<uuid>`. In samples, cluster and pod are cut to 10 letters; the
    API reference does not document that."""
    why = "the session name eks-<cluster>-<pod>-<uuid> is only known at run time"
    cluster = identity.cluster_name
    short = f"eks-{cluster[:10]}" + ("-" if len(cluster) <= 10 else "")
    if pod is None:
        return Sent(open=(short,), why=why)
    cut = f"eks-{cluster[:10]}-{pod.name[:10]}" + ("-" if len(pod.name) <= 10 else "")
    return Sent(open=(cut, f"eks-{cluster}-{pod.name}-"), why=why)
