"""The clients of operations, built on first use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from podid.domain.errors import PodidError, Unavailable

if TYPE_CHECKING:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.aws.session import AwsSession
    from podid.domain.declaration import Guard
    from podid.domain.plan import Header
    from podid.kube.reader import KubeReader
    from podid.kube.writer import KubeWriter
    from podid.ops.role.quota import TrustQuota
    from podid.ops.role.uses import Uses


@dataclass(frozen=True, slots=True)
class KubeAccess:
    """`failure` is the reason for missing access: AWS-only work continues and reports the missing checks. Using the
    clients raises it."""

    clients: tuple[KubeReader, KubeWriter] | None = None
    failure: PodidError | None = None

    def needed(self) -> KubeAccess:
        """Raise the reason for missing access, for work that requires it."""
        self._both()
        return self

    @property
    def reader(self) -> KubeReader:
        return self._both()[0]

    @property
    def writer(self) -> KubeWriter:
        return self._both()[1]

    def _both(self) -> tuple[KubeReader, KubeWriter]:
        if self.clients is None:
            raise self.failure or Unavailable("No Kubernetes access")
        return self.clients


@dataclass(frozen=True)
class Clients:
    """`connect` sets up Kubernetes access; it is called once, on first use of `kube`, and raises only for wrong
    options. `aws_as` returns a session of another profile. `guards` returns the guards that changes keep to, and raises
    Conflict if one cannot be read."""

    aws: AwsSession
    connect: Callable[[], KubeAccess]
    aws_as: Callable[[str], AwsSession] | None = None
    guards: Callable[[], tuple[Guard, ...]] = tuple
    own_iam: Iam | None = None

    @property
    def eks(self) -> Eks:
        return self.aws.eks

    @property
    def iam(self) -> Iam:
        return self.own_iam or self.aws.iam

    def for_many_roles(self, iam: Iam | None = None) -> Clients:
        """Return the same clients for one reading, with an IAM that reads many roles with few calls: `iam`, if other
        clusters of the account are read with it too. The roles have no description and no session duration."""
        return replace(self, connect=lambda: self.kube, own_iam=iam or self.aws.listing_iam())

    def iam_of(self, profile: str) -> Iam:
        """Return IAM with that profile's credentials; with the caller's own for an empty name."""
        return self.aws_of(profile).iam if profile else self.iam

    def aws_of(self, profile: str) -> AwsSession:
        """Return a session with that profile's credentials."""
        assert self.aws_as is not None
        return self.aws_as(profile)

    @cached_property
    def kube(self) -> KubeAccess:
        return self.connect()

    @cached_property
    def trust_quota(self) -> TrustQuota:
        return self.trust_quota_of(None)

    def trust_quota_of(self, profile: str | None) -> TrustQuota:
        """Return the quota of that profile's account; of the caller's own without one."""
        from podid.ops.role.quota import TrustQuota

        return TrustQuota(self.iam_of(profile or "").get_account_summary)


@dataclass(frozen=True)
class Site:
    """The clients and the place of resources, as in the header of a plan."""

    clients: Clients
    header: Header

    @cached_property
    def uses(self) -> Uses:
        """Return the associations that use the account's roles, read once for this site."""
        from podid.ops.role.uses import read_all_uses

        return read_all_uses(self.clients.aws, self.header.account)

    def with_uses(self, uses: Uses) -> Site:
        """Return the same site with these associations as read."""
        site = replace(self)
        vars(site)["uses"] = uses
        return site

    def uses_in(self, clusters: frozenset[str] | None) -> Uses:
        """Return the associations of these clusters (ARNs) alone; with None those of all clusters."""
        from podid.domain.names import Arn
        from podid.ops.role.uses import read_uses

        if clusters is None:
            return self.uses
        arns = map(Arn.parse, sorted(clusters))
        account = self.header.account
        places = [(arn.region, arn.resource_name) for arn in arns if arn.account == account]
        return read_uses(self.clients.aws, account, places)

    @property
    def cluster(self) -> str:
        """Return the cluster's name, empty without one."""
        return self.header.cluster

    @property
    def eks(self) -> Eks:
        return self.clients.eks

    @property
    def iam(self) -> Iam:
        return self.clients.iam
