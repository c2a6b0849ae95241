"""Which associations use a role, as their own or as target: read across the clusters and regions that can be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

from podid.domain import trust
from podid.domain.aws import Association, Cluster, Role
from podid.domain.errors import CredentialsError, PodidError
from podid.domain.members import HIDDEN, About, MissingPermission
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.text import short_list

if TYPE_CHECKING:
    from podid.aws.session import AwsSession


@dataclass(frozen=True, slots=True)
class Unread:
    """What could not be looked at. `permission` is the right that was missing, empty where another thing was;
    `disabled` is said of regions that do not know the credentials, as it is where they are not enabled."""

    what: Annotated[str, About("What could not be looked at.")]
    reason: str
    permission: MissingPermission = ""
    disabled: Annotated[bool, HIDDEN] = False

    @classmethod
    def of(cls, what: str, error: PodidError) -> Unread:
        return cls(what, error.message, error.permission)

    def __str__(self) -> str:
        return f"{self.what}: needs {self.permission}" if self.permission else f"{self.what}: {self.reason}"


@dataclass(frozen=True)
class Uses:
    """The associations that were read, by cluster (ARNs). `unread` is where others may be."""

    associations: Mapping[str, tuple[Association, ...]] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()

    @property
    def clusters(self) -> tuple[str, ...]:
        return tuple(sorted(self.associations))

    @cached_property
    def _by_role(self) -> Mapping[str, tuple[Association, ...]]:
        by_role: dict[str, list[Association]] = {}
        for arn in self.clusters:
            for association in self.associations[arn]:
                for role in dict.fromkeys((association.role_arn, association.target_role_arn)):
                    by_role.setdefault(role or "", []).append(association)
        return {role: tuple(items) for role, items in by_role.items()}

    def of(self, role_arn: str) -> tuple[Association, ...]:
        """The associations that name the role, as their own or as target, by cluster and service account."""
        return self._by_role.get(role_arn, ())


def cluster_arn(association: Association) -> str:
    """The ARN of an association's cluster, told from its own."""
    arn = Arn.parse(association.association_arn)
    return f"arn:{arn.partition}:eks:{arn.region}:{arn.account}:cluster/{association.cluster_name}"


def used_words(association: Association) -> str:
    """`shop/orders in cluster demo, us-west-2`: where more than one cluster was read."""
    return f"{association.ref} in cluster {association.cluster_name}, {Arn.parse(association.association_arn).region}"


def read_uses(aws: AwsSession, account: str, clusters: Iterable[str]) -> Uses:
    """Of these clusters of the session's region, by name."""
    return _gather(aws, account, [(aws.region, name) for name in clusters], ())


def read_region_uses(aws: AwsSession, account: str) -> Uses:
    """Of every cluster of the session's region."""
    return _of_regions(aws, account, (aws.region,))


def read_all_uses(aws: AwsSession, account: str) -> Uses:
    """Of every cluster of every region of the partition. A region whose EKS does not take the credentials is, as a
    rule, one that is not enabled for the account; it is among the `unread` all the same."""
    return _of_regions(aws, account, aws.eks_regions)


def _of_regions(aws: AwsSession, account: str, regions: Iterable[str]) -> Uses:
    from podid.calls import pacing

    clusters: list[tuple[str, str]] = []
    unread: list[Unread] = []
    foreign: list[str] = []

    def read(region: str) -> tuple[str, ...]:
        return aws.eks_in(region).list_clusters()

    for region, answer in pacing.fan_out(pacing.attempt(read), regions, reads=True):
        if isinstance(answer, CredentialsError) and region != aws.region:
            foreign.append(region)
        elif isinstance(answer, PodidError):
            unread.append(Unread.of(f"clusters in {region}", answer))
        else:
            clusters += [(region, name) for name in answer]
    if foreign:
        reason = "they do not take these credentials (as a rule they are not enabled for the account)"
        subject = f"{len(foreign)} regions ({short_list(sorted(foreign), 3)})" if len(foreign) > 1 else foreign[0]
        unread.append(Unread(subject, reason, disabled=True))
    return _gather(aws, account, clusters, tuple(sorted(unread, key=lambda item: item.what)))


def _gather(aws: AwsSession, account: str, clusters: list[tuple[str, str]], unread: tuple[Unread, ...]) -> Uses:
    """One after another: each is a fan-out of its own that fills the pace that the region allows."""
    associations: dict[str, tuple[Association, ...]] = {}
    more: list[Unread] = []
    arns: set[str] = set()  # one endpoint for all regions may answer the same for each
    for region, name in sorted(clusters, key=lambda item: (item[0] != aws.region, item)):
        try:
            read = aws.eks_in(region).list_associations(name)
        except PodidError as error:
            more.append(Unread.of(f"associations of cluster {name} in {region}", error))
            continue
        new = tuple(item for item in read if item.association_arn not in arns)
        arns.update(item.association_arn for item in new)
        associations[f"arn:{aws.partition}:eks:{region}:{account}:cluster/{name}"] = new
    return Uses(associations, (*unread, *more))


@dataclass(frozen=True, slots=True)
class RoleUse:
    """What the role's trust says to one association that names it. `hop` is 1 where it is the association's own role
    and 2 where it is the target."""

    association: Association
    cluster_arn: str
    hop: Literal[1, 2]
    evaluation: trust.Evaluation


def evaluate_uses(role: Role, uses: Uses, *, tags_known: bool = True) -> tuple[RoleUse, ...]:
    """The engine's verdict for every association that uses the role; `tags_known` is False where the role's tags were
    not read. Raises InvalidInput for a trust policy that cannot be read."""
    policy = trust.parse_policy(role.trust)
    tags = dict(role.tags) if tags_known else None
    uses_of_role = []
    for arn in uses.clusters:
        for item in uses.associations[arn]:
            pod = trust.PodIdentity(
                cluster_arn=arn,
                namespace=item.namespace,
                service_account=item.service_account,
                session_tags=item.session_tags,
            )
            if item.role_arn == role.arn:
                evaluation = trust.evaluate(policy, replace(pod, role_tags=tags))
                uses_of_role.append(RoleUse(item, arn, 1, evaluation))
            if item.target_role_arn == role.arn:
                hop = trust.TargetHop(item.role_arn, replace(pod, role_tags=None), item.external_id, role_tags=tags)
                uses_of_role.append(RoleUse(item, arn, 2, trust.evaluate(policy, hop)))
    return tuple(uses_of_role)


def may_use(role: Role, cluster: Cluster, refs: Iterable[ServiceAccountRef]) -> tuple[ServiceAccountRef, ...]:
    """Those of the service accounts of a cluster whose pods the role's trust is not known to keep out, whether their
    sessions carry tags or not."""
    policy = trust.parse_policy(role.trust)

    def admitted(ref: ServiceAccountRef) -> bool:
        who = trust.PodIdentity(cluster.arn, ref.namespace, ref.name, role_tags=dict(role.tags))
        tried = (who, replace(who, session_tags=False))
        return any(trust.evaluate(policy, identity).verdict is not trust.TrustVerdict.NO_MATCH for identity in tried)

    return tuple(sorted(filter(admitted, set(refs))))
