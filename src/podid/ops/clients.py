"""The clients that operations work with: AWS's are built when first asked for, the way into Kubernetes likewise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from podid.domain.errors import PodidError, Unavailable

if TYPE_CHECKING:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.aws.session import AwsSession
    from podid.domain.plan import Header
    from podid.kube.reader import KubeReader
    from podid.kube.writer import KubeWriter


@dataclass(frozen=True, slots=True)
class KubeAccess:
    """`failure` is why there is no way in: AWS-only work goes on and says what it could not see. The clients raise it
    when they are asked for all the same."""

    clients: tuple[KubeReader, KubeWriter] | None = None
    failure: PodidError | None = None

    def needed(self) -> KubeAccess:
        """Itself; raises what stands in the way, for what makes no sense without."""
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
            raise self.failure or Unavailable("There is no Kubernetes access")
        return self.clients


@dataclass(frozen=True)
class Clients:
    """`connect` finds the way into Kubernetes; it is called once, by whoever first asks for `kube`, and raises only
    for wrong options. `aws_as` gives another profile's credentials."""

    aws: AwsSession
    connect: Callable[[], KubeAccess]
    aws_as: Callable[[str], AwsSession] | None = None

    @property
    def eks(self) -> Eks:
        return self.aws.eks

    @property
    def iam(self) -> Iam:
        return self.aws.iam

    def iam_of(self, profile: str) -> Iam:
        """IAM with that profile's credentials; with one's own for an empty name."""
        return self.aws_of(profile).iam if profile else self.iam

    def aws_of(self, profile: str) -> AwsSession:
        """A session with that profile's credentials."""
        assert self.aws_as is not None
        return self.aws_as(profile)

    @cached_property
    def kube(self) -> KubeAccess:
        return self.connect()


@dataclass(frozen=True, slots=True)
class Site:
    """Where resources are read and written: by these clients, at the place that heads the plan."""

    clients: Clients
    header: Header

    @property
    def cluster(self) -> str:
        """The cluster's name, empty where there is none."""
        return self.header.cluster

    @property
    def eks(self) -> Eks:
        return self.clients.eks

    @property
    def iam(self) -> Iam:
        return self.clients.iam
