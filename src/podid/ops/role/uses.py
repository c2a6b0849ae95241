"""Find the associations that use a role, as their own or as target role, in all readable clusters and regions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from podid.domain import trust
from podid.domain.aws import Association, Cluster, Role
from podid.domain.dependents import not_read
from podid.domain.errors import ClusterNotFound, CredentialsError, NotRecognized, PodidError
from podid.domain.grouping import grouped
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.section import Unread
from podid.domain.text import short_list

if TYPE_CHECKING:
    from podid.aws.iam import Iam
    from podid.aws.session import AwsSession


_CLOSED = "they reject these credentials (usually because the account has not enabled them)"


@dataclass(frozen=True)
class Uses:
    """The associations that were read, by cluster ARN. Others may exist in `unread`."""

    associations: Mapping[str, tuple[Association, ...]] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()

    @property
    def clusters(self) -> tuple[str, ...]:
        return tuple(sorted(self.associations))

    @property
    def gaps(self) -> tuple[Unread, ...]:
        """Return the unread parts that may have associations: a region that is not enabled or denied has none."""
        return tuple(item for item in self.unread if not item.disabled)

    def check_complete(self, subject: str = "the roles", *, accept: bool = False) -> None:
        """Raise Undetermined if an association may use a role and was not read, unless the user accepts that."""
        if self.gaps and not accept:
            raise not_read(subject, self.gaps)

    @cached_property
    def _by_role(self) -> Mapping[str, tuple[Association, ...]]:
        by_role = grouped(
            (role or "", association)
            for arn in self.clusters
            for association in self.associations[arn]
            for role in dict.fromkeys((association.role_arn, association.target_role_arn))
        )
        return {role: tuple(items) for role, items in by_role.items()}

    def of(self, role_arn: str) -> tuple[Association, ...]:
        """Return the associations that use the role, as own or target role, by cluster and service account."""
        return self._by_role.get(role_arn, ())


def cluster_arn(association: Association) -> str:
    """Derive the ARN of an association's cluster from the association's ARN."""
    arn = Arn.parse(association.association_arn)
    return f"arn:{arn.partition}:eks:{arn.region}:{arn.account}:cluster/{association.cluster_name}"


def used_words(association: Association) -> str:
    """Return `shop/orders in cluster demo, us-west-2`."""
    return f"{association.ref} in cluster {association.cluster_name}, {Arn.parse(association.association_arn).region}"


def read_all_uses(aws: AwsSession, account: str, regions: Iterable[str] = ()) -> Uses:
    """Read every cluster of these regions, by default of every region of the partition. A region that rejects the
    credentials is usually not enabled; it is in `unread` nevertheless."""
    from podid.calls import pacing

    clusters: list[tuple[str, str]] = []
    unread: list[Unread] = []
    closed: list[str] = []

    def read(region: str) -> tuple[str, ...]:
        return aws.eks_in(region).list_clusters()

    for region, answer in pacing.fan_out(pacing.attempt(read), regions or aws.eks_regions):
        if region != aws.region and isinstance(answer, NotRecognized):
            closed.append(region)
        elif isinstance(answer, PodidError):
            unread.append(Unread.of(f"clusters in {region}", answer))
        else:
            clusters += [(region, name) for name in answer]
    if closed:
        subject = f"{len(closed)} regions ({short_list(sorted(closed), 3)})" if len(closed) > 1 else closed[0]
        unread.append(Unread(subject, _CLOSED, disabled=True))
    return read_uses(aws, account, clusters, tuple(sorted(unread, key=lambda item: item.what)))


def read_profiles(iam: Iam, name: str) -> tuple[tuple[str, ...], tuple[Unread, ...]]:
    """Return the instance profiles with the role, and the part that could not be read."""
    try:
        return iam.list_instance_profiles(name), ()
    except CredentialsError:
        raise
    except PodidError as error:
        return (), (Unread.of(f"instance profiles of role {name}", error),)


def read_uses(
    aws: AwsSession, account: str, clusters: Iterable[tuple[str, str]], unread: tuple[Unread, ...] = ()
) -> Uses:
    """Read clusters (region, name) one after another: each is a fan-out that uses the full rate of its region."""
    associations: dict[str, tuple[Association, ...]] = {}
    more: list[Unread] = []
    arns: set[str] = set()  # an endpoint for all regions may return the same associations for each
    for region, name in sorted(clusters, key=lambda item: (item[0] != aws.region, item)):
        try:
            read = aws.eks_in(region).list_associations(name)
        except ClusterNotFound:
            continue  # deleted since it was listed, with its associations
        except PodidError as error:
            more.append(Unread.of(f"associations of cluster {name} in {region}", error))
            continue
        new = tuple(item for item in read if item.association_arn not in arns)
        arns.update(item.association_arn for item in new)
        associations[f"arn:{aws.partition}:eks:{region}:{account}:cluster/{name}"] = new
    return Uses(associations, (*unread, *more))


@dataclass(frozen=True, slots=True)
class RoleUse:
    """The verdict of the role's trust policy for one association. `hop` is 1 for its own role, 2 for its target
    role."""

    association: Association
    cluster_arn: str
    hop: Literal[1, 2]
    evaluation: trust.Evaluation


def evaluate_uses(role: Role, uses: Uses, *, tags_known: bool = True) -> tuple[RoleUse, ...]:
    """Evaluate the trust policy for every association that uses the role. `tags_known` is False if the role's tags were
    not read. Raise InvalidInput for a trust policy that cannot be read."""
    policy = trust.parse_policy(role.trust)
    tags = dict(role.tags) if tags_known else None
    uses_of_role = []
    for arn in uses.clusters:
        for item in uses.associations[arn]:
            pod = trust.PodIdentity.of(arn, item)
            if item.role_arn == role.arn:
                evaluation = trust.evaluate(policy, replace(pod, role_tags=tags))
                uses_of_role.append(RoleUse(item, arn, 1, evaluation))
            if item.target_role_arn == role.arn:
                hop = trust.TargetHop(item.role_arn, replace(pod, role_tags=None), item.external_id, role_tags=tags)
                uses_of_role.append(RoleUse(item, arn, 2, trust.evaluate(policy, hop)))
    return tuple(uses_of_role)


def may_use(role: Role, cluster: Cluster, refs: Iterable[ServiceAccountRef]) -> tuple[ServiceAccountRef, ...]:
    """Return the service accounts whose pods the trust policy may allow, with or without session tags."""
    policy = trust.parse_policy(role.trust)

    def allowed(ref: ServiceAccountRef) -> bool:
        who = trust.PodIdentity(cluster.arn, ref.namespace, ref.name, role_tags=dict(role.tags))
        tried = (who, replace(who, session_tags=False))
        return any(trust.evaluate(policy, identity).verdict is not trust.TrustVerdict.NO_MATCH for identity in tried)

    return tuple(sorted(filter(allowed, set(refs))))
