"""Waiting for the agent: until EKS calls the add-on ACTIVE and every node that should has a Ready agent pod, and no
longer once it can be told that waiting is vain."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from podid.calls.patience import Patience
from podid.domain.aws import Addon
from podid.domain.cluster import DaemonSet, Pod
from podid.domain.errors import Again, NotFound, PodidError, TimedOut
from podid.domain.names import AGENT_ADDON
from podid.domain.plan import Awaited, ChangeResult, Place, Status, Wait, text
from podid.domain.text import count_of
from podid.domain.workloads import live
from podid.ops.agent.coverage import Coverage, coverage
from podid.ops.agent.trouble import FAILED, Trouble, deleted, issue_words, of_addon, of_pods, of_sets, refused, rolling
from podid.ops.change.kinds import ADDON
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.aws.decode import Update
    from podid.aws.eks import Eks
    from podid.kube.reader import KubeReader

INSTALL_SECONDS = 900.0
# of https://docs.aws.amazon.com/eks/latest/APIReference/API_Update.html; every other status may yet become one of these
ENDED_BADLY = ("Failed", "Cancelled")
ENDED = ("Successful", *ENDED_BADLY)
_SAMPLE = 10


@dataclass(frozen=True, slots=True)
class Cast:
    """What runs of the agent at one moment. Where nodes cannot be listed, `unread` says why, and the DaemonSets tell
    how many pods they want."""

    sets: tuple[DaemonSet, ...]
    pods: tuple[Pod, ...]
    coverage: Coverage | None
    unread: str = ""

    @classmethod
    def read(cls, reader: KubeReader) -> Cast:
        sets = reader.list_agent_daemon_sets()
        pods = reader.list_pods_of(sets)
        try:
            return cls(sets, pods, coverage(reader.list_nodes(), sets, pods))
        except PodidError as error:
            return cls(sets, pods, None, error.what)

    @property
    def complete(self) -> bool:
        if self.coverage is not None:
            return self.coverage.complete
        seen = (ds.observed_generation >= ds.generation and ds.ready >= ds.desired for ds in self.sets)
        return bool(self.sets) and all(seen)

    @property
    def words(self) -> str:
        if self.coverage is not None:
            return self.coverage.words
        ready, desired = (sum(getattr(ds, count) for ds in self.sets) for count in ("ready", "desired"))
        return f"{ready} of the {count_of(desired, 'agent pod')} wanted are Ready; no node was looked at: {self.unread}"

    @property
    def lacking(self) -> str:
        if self.coverage is not None:
            return ", ".join(node.node for node in self.coverage.nodes if node.state in ("missing", "not-ready"))
        return ", ".join(pod.node or pod.name for pod in self.pods if live(pod) and not pod.ready)


def pods_before(clients: Clients) -> frozenset[str]:
    """The uids of the agent's pods before a change: they are about to be replaced. None where they cannot be seen."""
    if clients.kube.failure is not None:
        return frozenset()
    try:
        return frozenset(pod.uid for pod in clients.kube.reader.list_agent_pods())
    except PodidError:
        return frozenset()


def after_install(
    clients: Clients,
    place: Place,
    patience: Patience,
    result: ChangeResult,
    *,
    wait: Wait | None,
    before: Collection[str] = (),
) -> ChangeResult:
    """The result once the add-on is ACTIVE and the agent runs on every node that should have it, as far as `wait` asks.
    What is met on the way is the result's error.

    ACTIVE is EKS's word; what counts is a Ready agent pod on every node that should have one.
    """
    if result.error is not None or wait is Wait.NONE:
        return result
    result = replace(result, wait=wait)
    watching, began = wait is not Wait.API, patience.clock.now()
    waiting = _Waiting(clients, place.cluster_name, patience, watching, result, frozenset(before), began)
    try:
        addon = waiting.active()
        note = f"add-on {addon.name} {addon.version} is {addon.status}"
        result = replace(result, notes=(*result.notes, note))
        if not watching:
            return result
        if clients.kube.failure is not None:
            return replace(result, unchecked=f"the nodes were not checked: {clients.kube.failure.what}")
        return replace(result, awaited=waiting.covered(clients.kube.reader))
    except PodidError as error:
        return replace(result, error=error)


@dataclass(slots=True)
class _Waiting:
    clients: Clients
    cluster: str
    patience: Patience
    watching: bool
    result: ChangeResult
    before: frozenset[str]
    began: datetime

    @property
    def _states(self) -> tuple[dict[str, object], ...]:
        done = [item for item in self.result.done if item.action.kind == ADDON.name and item.status is Status.DONE]
        return tuple(dict(item.after or {}) for item in done)

    def active(self) -> Addon:
        """The add-on once it is ACTIVE and its update is through. Raises AgentFailed, NotFound, TimedOut."""
        update_id = next((text(state, "updateId") for state in self._states if text(state, "updateId")), "")
        wanted = next((text(state, "addonVersion") for state in self._states), "")
        addon: Addon | None = None
        update: Update | None = None
        for number, _ in enumerate(self.patience.rounds(1.0, longest=10.0)):
            eks = self.clients.eks
            addon = eks.find_addon(self.cluster, AGENT_ADDON)
            if addon is None:
                raise NotFound(f"The add-on {AGENT_ADDON} was deleted during the wait", subject=AGENT_ADDON)
            if update_id and (update is None or update.status not in ENDED):
                update, update_id = self._update(eks, update_id)
            if update is not None and update.status in ENDED_BADLY:
                raise self._update_failed(addon, update)
            # what failed before may be said once more while the update that mends it begins
            before = number == 0 and bool(self._states) and (update is None or update.status not in ENDED)
            if addon.status in FAILED and not before:
                raise self._failed(addon)
            settled = update is None or update.status == "Successful"
            # without its update's id only the version tells, and a round's wait, whether ACTIVE is the state before
            reached = update is not None or (wanted in ("", addon.version) and (number > 0 or not self._states))
            if addon.status == "ACTIVE" and settled and reached:
                return addon
            self.patience.say(f"add-on {AGENT_ADDON} {addon.version} is {addon.status}")
            self._look_for_trouble()
        raise self._late(addon)

    def _update(self, eks: Eks, update_id: str) -> tuple[Update | None, str]:
        """The update, and its id while it can be looked at: without it the add-on's status tells."""
        try:
            return eks.get_update(self.cluster, update_id, addon=AGENT_ADDON), update_id
        except PodidError as error:
            self.patience.say(f"the update itself could not be looked at: {error.what}")
            return None, ""

    def covered(self, reader: KubeReader) -> Awaited:
        """Waits until every node that should run the agent has a Ready pod of it. Raises AgentFailed where that is
        vain; what cannot be read is `unknown`, with the reason."""
        cast: Cast | None = None
        for _ in self.patience.rounds(0.5, longest=5.0):
            try:
                cast = Cast.read(reader)
            except PodidError as error:
                return Awaited(f"the agent's pods were not checked: {error.what}", None)
            if cast.complete:
                if (trouble := refused(reader, _sample(cast.pods))) is not None:
                    raise trouble.error(self.cluster)
                known = cast.coverage is not None and cast.coverage.expected
                return Awaited(cast.words, True if known else None)
            if (found := self._trouble(reader, cast)) is not None:
                raise found.error(self.cluster)
            if not cast.sets and not self._states:
                raise deleted(self.cluster)
            self.patience.say(f"{cast.words}; waiting for {cast.lacking}")
        words, lacking = (cast.words, cast.lacking) if cast is not None else ("nothing was checked", "")
        return Awaited(f"{words} after {self.patience.seconds:g} s; lacking: {lacking}", False)

    def _trouble(self, reader: KubeReader, cast: Cast) -> Trouble | None:
        spared = self.before if rolling(cast.sets) else frozenset[str]()
        return self._found(reader, cast, spared)

    def _found(self, reader: KubeReader, cast: Cast, spared: Collection[str]) -> Trouble | None:
        refused = of_sets(reader, cast.sets, cast.pods, self.began)
        return refused or of_pods(reader, cast.pods, self.patience.clock.now(), spared=spared)

    def _look_for_trouble(self) -> None:
        """EKS calls an add-on CREATING for many minutes while its pods crash; they tell at once."""
        # old pods are spared until EKS is through: it may not have touched the DaemonSet yet
        seen = self._look(spared=self.before)
        if seen is not None and seen[1] is not None:
            raise seen[1].error(self.cluster)

    def _look(self, *, spared: Collection[str] = ()) -> tuple[Cast, Trouble | None] | None:
        """What runs, and what is wrong with it; None where that cannot be seen, or nobody wants to know."""
        if not self.watching or self.clients.kube.failure is not None:
            return None
        try:
            cast = Cast.read(self.clients.kube.reader)
            return cast, self._found(self.clients.kube.reader, cast, spared)
        except PodidError:
            return None

    def _failed(self, addon: Addon) -> PodidError:
        """The pods tell the cause of too few replicas."""
        trouble = of_addon(addon)
        few = {issue.code for issue in addon.issues} == {"InsufficientNumberOfReplicas"}
        if few and (seen := self._look()) is not None:
            cast, found = seen
            mode, why = (found.mode, found.what) if found is not None else (trouble.mode, cast.words)
            trouble = replace(trouble, mode=mode, what=f"{trouble.what}; {why}")
        return trouble.error(self.cluster)

    def _update_failed(self, addon: Addon, update: Update) -> PodidError:
        trouble = of_addon(addon, update.errors)
        what = f"the update of add-on {addon.name} ended as {update.status}; {trouble.what}"
        return replace(trouble, what=what).error(self.cluster)

    def _late(self, addon: Addon | None) -> TimedOut:
        status = addon.status if addon is not None else "unknown"
        issues = "; ".join(map(issue_words, addon.issues)) if addon is not None else ""
        return TimedOut(
            f"The add-on {AGENT_ADDON} is still {status} after {self.patience.seconds:.0f} s"
            + (f": {issues}" if issues else ""),
            hint=Again(),
            subject=AGENT_ADDON,
        )


def _sample(pods: Collection[Pod]) -> list[Pod]:
    return [pod for pod in pods if pod.ready][:_SAMPLE]
