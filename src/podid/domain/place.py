"""Where a command works, resolved once before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from podid.domain.members import HIDDEN, OR_NULL, About, ArnText, TextOrNull, kind
from podid.domain.plan import Header

if TYPE_CHECKING:
    from podid.domain.model import Cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Account, region and cluster. `caller_arn` is known wherever something is changed; `cluster` is None for what
    concerns the account alone."""

    account: str
    region: str
    caller_arn: str = ""
    cluster: Cluster | None = None

    @property
    def the_cluster(self) -> Cluster:
        """For what is done in a cluster; AssertionError in a place that has none."""
        assert self.cluster is not None, "this is about one cluster"
        return self.cluster

    @property
    def cluster_name(self) -> str:
        return self.cluster.name if self.cluster is not None else ""

    @property
    def header(self) -> Header:
        """What heads a plan and a run in the journal."""
        return Header(caller_arn=self.caller_arn, account=self.account, region=self.region, cluster=self.cluster_name)


@kind("WhoAmI", "`podid whoami`.")
@dataclass(frozen=True, slots=True, kw_only=True)
class WhoAndWhere:
    """What a command would work with, and where each part came from. Without a cluster, `no_cluster` says why."""

    caller_arn: ArnText
    account: str
    credentials_source: Annotated[str, About("What gave the credentials, as botocore calls it.")]
    region: str
    region_source: Annotated[str, About("A flag, a variable, a profile or a kube context.")]
    cluster: Annotated[str, OR_NULL, About("Its name; null where none could be chosen.")] = ""
    cluster_source: TextOrNull = ""
    no_cluster: Annotated[str, HIDDEN] = ""
    context: Annotated[str, OR_NULL, About("The kube context in force.")] = ""
    kubeconfig: Annotated[tuple[str, ...], About("The files that were read.")] = ()
