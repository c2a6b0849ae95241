"""Taking the agent add-on away: who loses credentials by it, the plan, and waiting until it is gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from podid.calls.patience import Patience
from podid.domain.aws import Addon
from podid.domain.cluster import DaemonSet, Pod
from podid.domain.errors import AccessDenied, Again, Conflict, NotFound, Other, PodidError, TimedOut
from podid.domain.names import AGENT_ADDON, ServiceAccountRef
from podid.domain.plan import Awaited, ChangeResult, Header, Place, Plan, Wait
from podid.domain.text import count_of, short_list
from podid.domain.workloads import live, of_the_addon, pods_of
from podid.ops.agent.trouble import of_addon
from podid.ops.change.kinds import ADDON
from podid.ops.change.kinds.addon import check_idle
from podid.ops.clients import Clients, KubeAccess

UNINSTALL_SECONDS = 900.0
# https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_AssumeRoleForPodIdentity.html
_LIFETIME = "within 6 hours, those with a target role within one"


@dataclass(frozen=True, slots=True, kw_only=True)
class UninstallFacts:
    """The installed add-on, the agent's DaemonSets, and who loses credentials with it: service accounts with an
    association, with how many of their pods run now on nodes where the add-on's agent serves them (None: not known),
    and these nodes. `unread` says what could not be looked at."""

    current: Addon | None
    agents: tuple[DaemonSet, ...] = ()
    accounts: tuple[tuple[ServiceAccountRef, int | None], ...] = ()
    nodes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def losing(self) -> int:
        """How many service accounts and nodes lose something."""
        return len(self.accounts) + len(self.nodes)


def read_uninstall(clients: Clients, place: Place) -> UninstallFacts:
    """Raises what stands in the way of the add-on itself; what cannot be seen beside it is said."""
    facts = UninstallFacts(current=clients.eks.find_addon(place.cluster_name, AGENT_ADDON))
    unread: list[str] = []
    refs: frozenset[ServiceAccountRef] = frozenset()
    try:
        refs = frozenset(item.ref for item in clients.eks.list_association_summaries(place.cluster_name))
    except PodidError as error:
        unread.append(f"whose pods lose credentials could not be looked at: {error.message}")
    try:
        reader = clients.kube.reader
        agents = reader.list_agent_daemon_sets()
        pods = reader.list_pods()
    except PodidError as error:
        unread.append(f"the pods and nodes that lose credentials could not be looked at: {error.message}")
        return replace(facts, accounts=tuple((ref, None) for ref in sorted(refs)), unread=tuple(unread))
    others = [ds for ds in agents if not of_the_addon(ds)]
    served = _nodes_of([ds for ds in agents if of_the_addon(ds)], pods) - _nodes_of(others, pods)
    running = [pod for pod in pods if pod.ref in refs and live(pod)]
    # a pod on a node that has the agent built in, or that never had one, loses nothing
    losing = [pod for pod in running if pod.node in served]
    elsewhere = {pod.ref for pod in running} - {pod.ref for pod in losing}
    accounts = tuple((ref, sum(pod.ref == ref for pod in losing)) for ref in sorted(refs - elsewhere))
    return replace(
        facts, agents=agents, accounts=accounts if served else (), nodes=tuple(sorted(served)), unread=tuple(unread)
    )


def _nodes_of(agents: Sequence[DaemonSet], pods: Iterable[Pod]) -> set[str]:
    return {pod.node for pod in pods_of(agents, pods) if pod.node and live(pod)}


def plan_uninstall(header: Header, facts: UninstallFacts, *, preserve: bool) -> Plan:
    """Pure. Raises Conflict for an agent that is not the add-on's, and for an add-on that is being changed."""
    addon = facts.current
    if addon is None:
        if facts.agents:
            names = short_list(f"{agent.namespace}/{agent.name}" for agent in facts.agents)
            message = f"The agent is not an add-on of EKS here: DaemonSet {names} is somebody else's"
            raise Conflict(message, advice="Uninstall it with what installed it, such as Helm.", subject=AGENT_ADDON)
        return Plan(header=header, actions=(), notes=(f"the add-on {AGENT_ADDON} is not installed",))
    check_idle(addon, Other(("agent", "status"), flags=("--cluster", header.cluster)))
    action = ADDON.action({**ADDON.state_of(addon), "preserve": preserve}, None)
    others = [f"{agent.namespace}/{agent.name}" for agent in facts.agents if not of_the_addon(agent)]
    stays = (f"DaemonSet {short_list(others)} is not the add-on's, and stays",) if others else ()
    return Plan(header=header, actions=(action,), notes=(*_notes(facts, preserve=preserve), *stays))


def _notes(facts: UninstallFacts, *, preserve: bool) -> tuple[str, ...]:
    if preserve:
        return (
            "the DaemonSet and its pods stay, and pods keep their credentials; EKS no longer updates the agent",
            *facts.unread,
        )
    notes = []
    if facts.accounts:
        who = short_list((f"{ref}{_pods(count)}" for ref, count in facts.accounts), 10)
        notes.append(f"without credentials afterwards: {count_of(len(facts.accounts), 'service account')}: {who}")
        notes.append(f"new pods get none at once; those that run lose them when they expire, {_LIFETIME}")
    if facts.nodes:
        notes.append(f"without the agent afterwards: {count_of(len(facts.nodes), 'node')}: {short_list(facts.nodes)}")
    notes.append(
        "what stays: the associations, the roles, and on each node until it is replaced the link pod-id-link0 with the "
        "agent's address (stale-link-or-route)"
    )
    return (*notes, *facts.unread)


def _pods(count: int | None) -> str:
    return " (pods not looked at)" if count is None else f" ({count_of(count, 'pod')})"


def after_uninstall(
    clients: Clients, place: Place, patience: Patience, result: ChangeResult, *, wait: Wait | None, preserve: bool
) -> ChangeResult:
    """The result once the add-on is gone, and its pods with it, as far as `wait` asks."""
    if result.error is not None or wait is Wait.NONE:
        return result
    result = replace(result, wait=wait)
    try:
        _gone(clients, place, patience)
        if preserve or wait is Wait.API:
            return result
        if clients.kube.failure is not None:
            return replace(result, unchecked=f"the agent's pods were not checked: {clients.kube.failure.message}")
        return replace(result, awaited=_pods_gone(clients.kube, patience))
    except PodidError as error:
        return replace(result, error=error)


def _gone(clients: Clients, place: Place, patience: Patience) -> None:
    for _ in patience.rounds(1.0, longest=10.0):
        try:
            addon = clients.eks.find_addon(place.cluster_name, AGENT_ADDON)
        except NotFound:
            return
        if addon is None:
            return
        if addon.status == "DELETE_FAILED":
            raise of_addon(addon).error(place.cluster_name)
        patience.say(f"add-on {AGENT_ADDON} is {addon.status}")
    raise TimedOut(
        f"The add-on {AGENT_ADDON} is still there after {patience.seconds:.0f} s", hint=Again(), subject=AGENT_ADDON
    )


def _pods_gone(kube: KubeAccess, patience: Patience) -> Awaited:
    left = 0
    for _ in patience.rounds(0.5, longest=5.0):
        try:
            agents = [ds for ds in kube.reader.list_agent_daemon_sets() if of_the_addon(ds)]
            left = len(kube.reader.list_pods_of(agents))
        except AccessDenied as error:
            return Awaited(f"the agent's pods were not checked: {error.message}", None)
        if not left:
            return Awaited("no pod of the add-on is left", True)
        patience.say(f"still there: {count_of(left, 'agent pod')}")
    return Awaited(f"still there after {patience.seconds:g} s: {count_of(left, 'agent pod')}", False)
