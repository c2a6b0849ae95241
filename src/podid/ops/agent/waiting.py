"""Waiting for the agent: until EKS calls the add-on ACTIVE and every node that should has a Ready agent pod, and no
longer once it can be told that waiting is vain."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from podid.calls.patience import Patience
from podid.domain.aws import Addon
from podid.domain.errors import Again, NotFound, PodidError, TimedOut
from podid.domain.names import AGENT_ADDON
from podid.domain.plan import Awaited, ChangeResult, Place, State, Status, Wait, text
from podid.ops.agent.coverage import AgentPods
from podid.ops.agent.trouble import FAILED, Trouble, deleted, issue_words, of_addon, of_pods, of_sets, refused, rolling
from podid.ops.change.kinds import ADDON
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.aws.decode import Update
    from podid.kube.reader import KubeReader

INSTALL_SECONDS = 900.0
# of https://docs.aws.amazon.com/eks/latest/APIReference/API_Update.html; every other status may yet become one of these
ENDED_BADLY = ("Failed", "Cancelled")
ENDED = ("Successful", *ENDED_BADLY)
_SAMPLE = 10


def pods_before(clients: Clients) -> frozenset[str]:
    """The uids of the agent's pods before a change: they are about to be replaced. None where they cannot be seen."""
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
            return replace(result, unchecked=f"the nodes were not checked: {clients.kube.failure.message}")
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
    def _states(self) -> tuple[State, ...]:
        """What the add-on was changed to."""
        done = [item for item in self.result.done if item.action.kind == ADDON.name and item.status is Status.DONE]
        return tuple(item.after or {} for item in done)

    def active(self) -> Addon:
        """The add-on once it is ACTIVE and its update is through. Raises AgentFailed, NotFound, TimedOut."""
        update_id = next((text(state, "updateId") for state in self._states if text(state, "updateId")), "")
        version = next((text(state, "addonVersion") for state in self._states), "")
        addon: Addon | None = None
        update: Update | None = None
        for number, _ in enumerate(self.patience.rounds(1.0, longest=10.0)):
            eks = self.clients.eks
            addon = eks.find_addon(self.cluster, AGENT_ADDON)
            if addon is None:
                raise NotFound(f"The add-on {AGENT_ADDON} was deleted during the wait", subject=AGENT_ADDON)
            if update_id and (update is None or update.status not in ENDED):
                try:
                    update = eks.get_update(self.cluster, update_id, addon=AGENT_ADDON)
                except PodidError as error:  # without it the add-on's status tells
                    self.patience.say(f"the update itself could not be looked at: {error.message}")
                    update, update_id = None, ""
            if update is not None and update.status in ENDED_BADLY:
                trouble = of_addon(addon, update.errors)
                message = f"the update of add-on {addon.name} ended as {update.status}; {trouble.message}"
                raise replace(trouble, message=message).error(self.cluster)
            # what failed before may be said once more while the update that mends it begins
            before = number == 0 and bool(self._states) and (update is None or update.status not in ENDED)
            if addon.status in FAILED and not before:
                raise self._failed(addon)
            settled = update is None or update.status == "Successful"
            # without its update's id only the version tells, and a round's wait, whether ACTIVE is the state before
            reached = update is not None or (version in ("", addon.version) and (number > 0 or not self._states))
            if addon.status == "ACTIVE" and settled and reached:
                return addon
            self.patience.say(f"add-on {AGENT_ADDON} {addon.version} is {addon.status}")
            # EKS calls an add-on CREATING for many minutes while its pods crash; they tell at once. Old pods are spared
            # until EKS is through: it may not have touched the DaemonSet yet
            _, pods_trouble = self._read_pods(spared=self.before)
            if pods_trouble is not None:
                raise pods_trouble.error(self.cluster)
        status, issues = (addon.status, addon.issues) if addon is not None else ("unknown", ())
        why = f": {'; '.join(map(issue_words, issues))}" if issues else ""
        message = f"The add-on {AGENT_ADDON} is still {status} after {self.patience.seconds:.0f} s{why}"
        raise TimedOut(message, hint=Again(), subject=AGENT_ADDON)

    def covered(self, reader: KubeReader) -> Awaited:
        """Waits until every node that should run the agent has a Ready pod of it. Raises AgentFailed where that is
        vain; what cannot be read is `unknown`, with the reason."""
        agents: AgentPods | None = None
        for _ in self.patience.rounds(0.5, longest=5.0):
            try:
                agents = AgentPods.read(reader)
            except PodidError as error:
                return Awaited(f"the agent's pods were not checked: {error.message}", None)
            if agents.complete:
                if (trouble := refused(reader, [pod for pod in agents.pods if pod.ready][:_SAMPLE])) is not None:
                    raise trouble.error(self.cluster)
                known = agents.coverage is not None and agents.coverage.expected
                return Awaited(agents.words, True if known else None)
            trouble = self._trouble(reader, agents, self.before if rolling(agents.sets) else ())
            if trouble is not None:
                raise trouble.error(self.cluster)
            if not agents.sets and not self._states:
                raise deleted(self.cluster)
            self.patience.say(f"{agents.words}; waiting for {agents.lacking}")
        words, lacking = (agents.words, agents.lacking) if agents is not None else ("nothing was checked", "")
        return Awaited(f"{words} after {self.patience.seconds:g} s; lacking: {lacking}", False)

    def _trouble(self, reader: KubeReader, agents: AgentPods, spared: Collection[str]) -> Trouble | None:
        trouble = of_sets(reader, agents.sets, agents.pods, self.began)
        return trouble or of_pods(reader, agents.pods, self.patience.clock.now(), spared=spared)

    def _read_pods(self, *, spared: Collection[str] = ()) -> tuple[AgentPods | None, Trouble | None]:
        """What runs, and what is wrong with it; nothing where that cannot be read, or nobody wants to know."""
        agents = AgentPods.find(self.clients.kube) if self.watching else None
        return agents, None if agents is None else self._trouble(self.clients.kube.reader, agents, spared)

    def _failed(self, addon: Addon) -> PodidError:
        """The pods tell the cause of too few replicas."""
        trouble = of_addon(addon)
        if {issue.code for issue in addon.issues} == {"InsufficientNumberOfReplicas"}:
            agents, cause = self._read_pods()
            if cause is not None:
                trouble = replace(trouble, mode=cause.mode, message=f"{trouble.message}; {cause.message}")
            elif agents is not None:
                trouble = replace(trouble, message=f"{trouble.message}; {agents.words}")
        return trouble.error(self.cluster)
