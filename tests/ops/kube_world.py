"""A sandbox cluster whose clock the test moves, with a reader and a writer for it."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from podid.domain.model import Cluster
from podid.domain.names import ServiceAccountRef
from podid.domain.patience import Clock, Patience
from podid.kube.connect import connect
from podid.kube.reader import KubeReader
from podid.kube.transport import Transport
from podid.kube.writer import KubeWriter
from podid.ops.clients import KubeAccess
from podid.sandbox.kube import KubeSandbox, ManualClock, Timing
from sandbox.memory_world import MemoryWorld

ORDERS = ServiceAccountRef("shop", "orders")


@dataclass(slots=True)
class KubeWorld:
    sandbox: KubeSandbox
    aws: MemoryWorld
    clock: ManualClock
    reader: KubeReader
    writer: KubeWriter
    said: list[str] = field(default_factory=list)
    plans: list[tuple[float, ServiceAccountRef, bool]] = field(default_factory=list)

    def at(self, seconds: float, ref: ServiceAccountRef, *, associated: bool = True) -> None:
        """From `seconds` after now on, the control plane knows of the association (or no longer does)."""
        self.plans.append((self.clock.seconds + seconds, ref, associated))

    def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for due, ref, associated in list(self.plans):
            if due <= self.clock.seconds:
                self.plans.remove((due, ref, associated))
                (self.aws.associations.add if associated else self.aws.associations.discard)((ref.namespace, ref.name))
        self.sandbox.poke()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.seconds, UTC)

    def progress(self, text: str) -> None:
        if not self.said or self.said[-1] != text:
            self.said.append(text)

    def patience(self, seconds: float = 300) -> Patience:
        return Patience(seconds, Clock(self.now, self.clock, self.sleep), self.progress)

    def access(self, token: str = "") -> KubeAccess:
        """As the user who sends `token`, else as the world's own."""
        return KubeAccess(self.login(token) if token else (self.reader, self.writer))

    def login(self, token: str) -> tuple[KubeReader, KubeWriter]:
        """A reader and a writer as the user who sends `token`."""
        transport = Transport(connect(self._cluster(), token=lambda: (token, datetime.now(UTC) + timedelta(hours=1))))
        return KubeReader(transport), KubeWriter(transport)

    def _cluster(self) -> Cluster:
        return cluster_of(self.sandbox, self.aws)


def cluster_of(sandbox: KubeSandbox, aws: MemoryWorld) -> Cluster:
    return Cluster(
        name=aws.cluster_name,
        arn=aws.cluster_arn,
        version="1.35",
        status="ACTIVE",
        endpoint=sandbox.endpoint,
        certificate_authority=base64.b64encode(sandbox.ca_pem).decode(),
    )


@contextmanager
def kube_world(*, timing: Timing | None = None) -> Iterator[KubeWorld]:
    aws, clock = MemoryWorld(), ManualClock()
    with KubeSandbox(aws, clock=clock, timing=timing) as sandbox:
        sandbox.load_baseline()
        clock.advance(60)
        sandbox.poke()
        token = sandbox.admin_token
        transport = Transport(
            connect(
                cluster_of(sandbox, aws),
                token=lambda: (token, datetime.now(UTC) + timedelta(hours=1)),
                env={"HOME": "/nonexistent"},
            )
        )
        yield KubeWorld(sandbox, aws, clock, KubeReader(transport), KubeWriter(transport))
        transport.close()
