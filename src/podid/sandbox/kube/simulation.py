"""Controllers and kubelets of the cluster, driven by the clock."""

from collections.abc import Iterator
from contextlib import contextmanager

from podid.sandbox.contract import Before, ControlPlane
from podid.sandbox.kube import kinds
from podid.sandbox.kube.admission import Admission
from podid.sandbox.kube.agent import AddonManager
from podid.sandbox.kube.deployments import sync_deployments, sync_replica_sets
from podid.sandbox.kube.faults import ClusterFaults
from podid.sandbox.kube.jobs import collect_garbage, end_namespaces, sync_disruption_budgets, sync_jobs
from podid.sandbox.kube.kinds import KubeKind
from podid.sandbox.kube.kubelet import Kubelet
from podid.sandbox.kube.registry import Registry
from podid.sandbox.kube.sets import PodMaker, sync_daemon_sets, sync_stateful_sets
from podid.sandbox.kube.store import Now, Store, Timeline, Timing
from podid.sandbox.kube.tokens import TokenIssuer
from podid.sandbox.kube.webhook import Webhook

# controllers ignore changes of these kinds
_IDLE = (kinds.EVENTS, kinds.CONFIG_MAPS, kinds.CONTROLLER_REVISIONS)


class Simulation:
    """Runs the controllers and kubelets. Callers hold `store.lock` except during construction."""

    def __init__(
        self,
        world: ControlPlane,
        *,
        clock: Now,
        timing: Timing,
        faults: ClusterFaults,
        issuer: str,
        root_ca: str,
        seed: int = 0,
    ) -> None:
        self.timing = timing
        self.faults = faults
        self.store = Store(Timeline(clock), seed=seed)
        self.webhook = Webhook(self.store, world, faults, spread=timing.webhook_spread)
        self.registry = Registry(self.store, Admission(self.store, self.webhook), root_ca)
        self.issuer = TokenIssuer(self.store, issuer)
        self.kubelet = Kubelet(self.registry, faults, timing)
        self._addon = AddonManager(self.registry, world)
        self._maker = PodMaker(self.registry)
        self._planned = False
        self._outside: object = None
        self.store.dirty = self._dirty

    def _dirty(self, kind: KubeKind) -> None:
        if kind not in _IDLE and not self._planned:
            self._planned = True
            self.store.timeline.after(self.timing.controller, self._reconcile)

    @contextmanager
    def settled(self) -> Iterator[Registry]:
        """Return the cluster advanced to the present time, for callers that do not hold the lock."""
        with self.store.lock:
            self.catch_up()
            yield self.registry

    def catch_up(self) -> None:
        """Advance the cluster to the clock's time."""
        self.store.timeline.catch_up()
        outside = (self._addon.signature(), self.faults.signature())
        if outside != self._outside:
            self._outside = outside
            self._dirty(kinds.NODES)
            self.store.lock.notify_all()

    def grow_older(self, seconds: float, before: Before) -> None:
        self.store.grow_older(seconds, before)
        self.webhook.grow_older(seconds)

    def _reconcile(self) -> None:
        self._planned = False
        self._addon.sync()
        sync_deployments(self.registry)
        sync_replica_sets(self._maker)
        sync_stateful_sets(self._maker)
        sync_daemon_sets(self._maker)
        sync_jobs(self._maker)
        collect_garbage(self.registry)
        end_namespaces(self.registry)
        self.kubelet.sync()
        sync_disruption_budgets(self.registry)
