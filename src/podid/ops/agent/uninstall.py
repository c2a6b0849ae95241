"""Uninstall the agent add-on: the service accounts that lose credentials, the plan, and the wait until the agent is
gone."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from podid.calls.patience import Patience
from podid.domain.aws import Addon
from podid.domain.cluster import DaemonSet, Pod
from podid.domain.errors import AccessDenied, Again, Conflict, NotFound, Other, PodidError, TimedOut
from podid.domain.names import AGENT_ADDON, ServiceAccountRef
from podid.domain.plan import Action, Awaited, ChangeResult, Header, Place, Plan, Wait
from podid.domain.section import attempt, known_or
from podid.domain.text import count_of, short_list
from podid.domain.workloads import live, of_the_addon, opted_out, pods_of
from podid.ops.agent.waiting import after_addon, after_install, of_addon, pods_before
from podid.ops.association.aftermath import Waiting
from podid.ops.change.kinds import ADDON
from podid.ops.change.kinds.addon import check_idle
from podid.ops.clients import Clients, KubeAccess

UNINSTALL_SECONDS = 900.0
# https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_AssumeRoleForPodIdentity.html
_LIFETIME = "within 6 hours, or within 1 hour with a target role"


@dataclass(frozen=True, slots=True, kw_only=True)
class UninstallFacts:
    """The installed add-on, the agent's DaemonSets, and the losses: service accounts with an association, with the
    number of their pods on nodes where the add-on's agent serves them (None: not known), and these nodes. `unread`
    lists failed reads."""

    current: Addon | None
    agents: tuple[DaemonSet, ...] = ()
    accounts: tuple[tuple[ServiceAccountRef, int | None], ...] = ()
    nodes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def several(self) -> bool:
        """Return whether several service accounts and nodes are affected, or may be."""
        return len(self.accounts) + len(self.nodes) > 1 or bool(self.unread)


def read_uninstall(clients: Clients, place: Place) -> UninstallFacts:
    """Raise the error that prevents reading the add-on itself; other failed reads are in the result."""
    facts = UninstallFacts(current=clients.eks.find_addon(place.cluster_name, AGENT_ADDON))
    unread: list[str] = []
    refs: frozenset[ServiceAccountRef] = frozenset()
    try:
        refs = frozenset(item.ref for item in clients.eks.list_association_summaries(place.cluster_name))
    except PodidError as error:
        unread.append(f"the service accounts that lose credentials could not be read: {error.message}")
    try:
        reader = clients.kube.reader
        agents = reader.list_agent_daemon_sets()
        pods = reader.list_pods()
    except PodidError as error:
        unread.append(f"the pods and nodes that lose credentials could not be read: {error.message}")
        return replace(facts, accounts=tuple((ref, None) for ref in sorted(refs)), unread=tuple(unread))
    others = [ds for ds in agents if not of_the_addon(ds)]
    served = _nodes_of([ds for ds in agents if of_the_addon(ds)], pods) - _nodes_of(others, pods)
    # pending pods without a node and pods that the webhook skips have no credentials to lose
    running = [pod for pod in pods if pod.ref in refs and pod.node and live(pod) and not opted_out(pod)]
    # a pod on a node without the add-on's agent loses nothing
    losing = [pod for pod in running if pod.node in served]
    elsewhere = {pod.ref for pod in running} - {pod.ref for pod in losing}
    accounts = tuple((ref, sum(pod.ref == ref for pod in losing)) for ref in sorted(refs - elsewhere))
    return replace(
        facts, agents=agents, accounts=accounts if served else (), nodes=tuple(sorted(served)), unread=tuple(unread)
    )


def _nodes_of(agents: Sequence[DaemonSet], pods: Iterable[Pod]) -> set[str]:
    return {pod.node for pod in pods_of(agents, pods) if pod.node and live(pod)}


def plan_uninstall(header: Header, facts: UninstallFacts, *, preserve: bool) -> Plan:
    """Return the plan; pure. Raise Conflict for an agent that is not the add-on's, and for an add-on that is being
    changed."""
    addon = facts.current
    if addon is None:
        if facts.agents:
            names = short_list(f"{agent.namespace}/{agent.name}" for agent in facts.agents)
            message = f"The agent is not an EKS add-on in this cluster: DaemonSet {names} was installed in another way"
            raise Conflict(
                message, advice="Uninstall it with the tool that installed it, such as Helm.", subject=AGENT_ADDON
            )
        return Plan(header=header, actions=(), notes=(f"the add-on {AGENT_ADDON} is not installed",))
    check_idle(addon, Other(("agent", "status"), flags=("--cluster", header.cluster)))
    action = ADDON.action({**ADDON.state_of(addon), "preserve": preserve}, None)
    others = [f"{agent.namespace}/{agent.name}" for agent in facts.agents if not of_the_addon(agent)]
    stays = (f"DaemonSet {short_list(others)} does not belong to the add-on and stays",) if others else ()
    return Plan(header=header, actions=(action,), notes=(*_notes(facts, preserve=preserve), *stays))


def _notes(facts: UninstallFacts, *, preserve: bool) -> tuple[str, ...]:
    if preserve:
        return (
            "the DaemonSet and its pods stay, and pods keep their credentials; EKS no longer updates the agent",
            *facts.unread,
        )
    notes = []
    if facts.accounts:
        counts = (f"{ref} ({'pods not checked' if n is None else count_of(n, 'pod')})" for ref, n in facts.accounts)
        who = short_list(counts, 10)
        notes.append(f"without credentials afterwards: {count_of(len(facts.accounts), 'service account')}: {who}")
        notes.append(f"new pods get no credentials; running pods lose them when they expire, {_LIFETIME}")
    if facts.nodes:
        notes.append(f"{count_of(len(facts.nodes), 'node')} will be without the agent: {short_list(facts.nodes)}")
    notes.append(
        "unchanged: associations and roles; each node keeps the link pod-id-link0 with the agent's address until it "
        "is replaced (stale-link-or-route)"
    )
    return (*notes, *facts.unread)


def after_uninstall(how: Waiting, result: ChangeResult, agents: Iterable[DaemonSet], *, preserve: bool) -> ChangeResult:
    """Return the result once the add-on and its pods are gone, as far as `how` requires. `agents` are the DaemonSets
    before the deletion: Kubernetes deletes a DaemonSet before its pods."""
    if result.error is not None or how.wait is Wait.NONE:
        return result
    result, kube = replace(result, wait=how.wait), how.clients.kube
    try:
        _gone(how)
        if preserve or not how.checks_cluster:
            return result
        if kube.failure is not None:
            return replace(result, unchecked=f"the agent's pods were not checked: {kube.failure.message}")
        return replace(result, awaited=pods_gone(kube, agents, how.patience))
    except PodidError as error:
        return replace(result, error=error)


def wait_for_addon(clients: Clients, action: Action) -> Callable[[Waiting, ChangeResult], ChangeResult]:
    """Return the function that waits until a planned change of an add-on is complete, as the commands of this change
    do. Call it before the change: it reads the agent that the change replaces or deletes."""
    if action.target != AGENT_ADDON:
        return lambda how, result: result if action.after is None else after_addon(how, result, action.target)
    if action.after is not None:
        before = pods_before(clients)
        return lambda how, result: after_install(how, result, before)
    agents = known_or(attempt(lambda: clients.kube.reader.list_agent_daemon_sets()), ())
    return lambda how, result: after_uninstall(how, result, agents, preserve=False)


def _gone(how: Waiting) -> None:
    name, patience = how.place.cluster_name, how.patience
    try:
        for addon in patience.readings(partial(how.clients.eks.find_addon, name, AGENT_ADDON), 1.0, longest=10.0):
            if addon is None:
                return
            if addon.status == "DELETE_FAILED":
                raise of_addon(addon).error(name)
            patience.say(f"add-on {AGENT_ADDON} is {addon.status}")
    except NotFound:
        return
    raise TimedOut(
        f"The add-on {AGENT_ADDON} still exists after {patience.seconds:.0f} s", hint=Again(), subject=AGENT_ADDON
    )


def pods_gone(kube: KubeAccess, agents: Iterable[DaemonSet], patience: Patience) -> Awaited:
    remaining, own = 0, [agent for agent in agents if of_the_addon(agent)]

    def running() -> int:
        present = [ds for ds in kube.reader.list_agent_daemon_sets() if of_the_addon(ds)]
        return len(kube.reader.list_pods_of((*own, *present)))

    try:
        for remaining in patience.readings(running, 0.5, longest=5.0):
            if not remaining:
                return Awaited("all pods of the add-on are gone", True)
            patience.say(f"still running: {count_of(remaining, 'agent pod')}")
    except AccessDenied as error:
        return Awaited(f"the agent's pods were not checked: {error.message}", None)
    return Awaited(f"still running after {patience.seconds:g} s: {count_of(remaining, 'agent pod')}", False)
