"""Clients and a place of the sandbox's cluster for tests of operations, without a command."""

import os
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from podid.aws.session import AwsSession
from podid.domain.errors import Unavailable
from podid.domain.plan import Place
from podid.domain.report import DoctorReport
from podid.domain.section import READS, Cost
from podid.domain.snapshot import Snapshot
from podid.kube import connect
from podid.kube.reader import KubeReader
from podid.kube.transport import Transport
from podid.kube.writer import KubeWriter
from podid.ops.clients import Clients, KubeAccess
from podid.ops.reading.collect import ReadRequest, collect
from podid.ops.reading.scope import EVERYTHING, DoctorScope
from podid.ops.status.diagnose import diagnose, select
from podid.sandbox import baseline
from podid.sandbox.box import Sandbox
from podid.sandbox.cluster import SandboxCluster
from podid.sandbox.kube import kinds
from worlds import Site


@dataclass
class Shop:
    """The sandbox's cluster with the agent installed, shop/orders associated, and its pods created after that."""

    box: Sandbox
    clients: Clients
    place: Place

    @property
    def half(self) -> SandboxCluster:
        half = self.box.kubernetes
        assert isinstance(half, SandboxCluster)
        return half

    @property
    def without_kubernetes(self) -> "Shop":
        failure = Unavailable("the API server does not answer")
        return replace(self, clients=Clients(self.clients.aws, lambda: KubeAccess(failure=failure)))

    def read(
        self,
        scope: DoctorScope = EVERYTHING,
        *ids: str,
        cost: Cost = READS,
        base: Snapshot | None = None,
        again: Collection[str] = (),
    ) -> Snapshot:
        now, request = self.box.world.clock.datetime(), ReadRequest(checks=select(ids), scope=scope, cost=cost)
        return collect(self.clients, self.place, request, now=now, journal=None, base=base, again=again)

    def report(self, scope: DoctorScope = EVERYTHING) -> DoctorReport:
        return diagnose(self.read(scope), scope=scope)

    def failures(self) -> list[tuple[str, str]]:
        """Return (id, severity), each once, of the findings that no other explains, and of unknown verdicts."""
        report = self.report()
        plain = [(v.check, v.severity.value) for v in report.findings if not v.masked_by]
        return list(dict.fromkeys(plain + [(v.check, "unknown") for v in report.unknowns]))

    def replace_pods(self, namespace: str) -> None:
        for pod in self.half.kube.all(kinds.PODS, namespace):
            self.half.kube.delete(kinds.PODS, namespace, pod["metadata"]["name"])
        self.later(120)

    def later(self, seconds: float) -> None:
        # a poke applies the change, and controllers react some moments of the cluster's time later
        for step in (0.0, seconds, 60.0):
            self.box.world.clock.advance(step)
            self.half.kube.poke()

    @contextmanager
    def counted(self) -> Iterator[Counter[str]]:
        """Count the calls in the block, by name. Names of Kubernetes calls begin with the verb."""
        calls, counts = (self.box.faults.calls, self.half.kube.faults.calls), Counter[str]()
        before = [Counter(counter) for counter in calls]
        yield counts
        for now, then in zip(calls, before, strict=True):
            counts.update({name: count for (_, name), count in (Counter(now) - then).items()})


def associated_shop(site: Site) -> Shop:
    """Return the shop: with the agent, and shop/orders associated."""
    aws = AwsSession(None, None, env=os.environ)
    cluster = aws.eks.get_cluster("demo")
    token = aws.sts.get_cluster_token("demo")
    connection = connect.connect(cluster, token=lambda: (token.token, token.expires_at), env=os.environ)
    baseline.add_association(site.box.world, "shop", "orders", "storefront")
    transport = Transport(connection)
    access = KubeAccess((KubeReader(transport), KubeWriter(transport)))
    place = Place(account=cluster.account, region=aws.region, cluster=cluster)
    shop = Shop(site.box, Clients(aws, lambda: access), place)
    shop.later(300)
    shop.replace_pods("shop")
    return shop
