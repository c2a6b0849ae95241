"""Wait for the agent until EKS reports the add-on ACTIVE and every node that should has a Ready agent pod. End early if
waiting is useless, with the failure mode that its pods, its DaemonSet or its log show."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from podid.aws.decode import Update
from podid.calls.patience import Patience
from podid.domain.aws import Addon, AddonIssue
from podid.domain.cluster import DaemonSet, Pod
from podid.domain.errors import Again, ExitCode, NotFound, Other, PodidError, TimedOut
from podid.domain.names import AGENT_ADDON
from podid.domain.plan import Awaited, ChangeResult, State, Status, Wait, text
from podid.domain.section import attempt, known_or
from podid.domain.text import cut, short_list
from podid.domain.workloads import CANNOT_START, CRASHING, NO_IMAGE, POLICY_BLOCKS_AGENT, live, pods_of, refusals
from podid.facts.agent import port_conflict, waits_for_port
from podid.facts.agent_logs import mode_of, rule_of
from podid.kube.reader import KubeReader
from podid.ops.agent.coverage import AgentPods
from podid.ops.agent.logs import end_of_log
from podid.ops.association.aftermath import Waiting
from podid.ops.change.kinds import ADDON
from podid.ops.clients import Clients

INSTALL_SECONDS = 900.0
# of https://docs.aws.amazon.com/eks/latest/APIReference/API_Update.html; every other status is transient
ENDED_BADLY = ("Failed", "Cancelled")
ENDED = ("Successful", *ENDED_BADLY)
_SAMPLE = 10


def pods_before(clients: Clients) -> frozenset[str]:
    """Return the uids of the agent's pods, which a change is about to replace; empty if they cannot be read."""
    pods = attempt(lambda: clients.kube.reader.list_agent_pods())
    return frozenset(pod.uid for pod in known_or(pods, ()))


def after_install(how: Waiting, result: ChangeResult, before: Collection[str] = ()) -> ChangeResult:
    """Return the result once the add-on is ACTIVE and the agent runs on every node that should have it, as far as
    `how` requires. `before` are the uids of pods that the change replaces. An error on the way is the result's error.

    ACTIVE is EKS's status; a Ready agent pod on every node is what counts.
    """
    if result.error is not None or how.wait is Wait.NONE:
        return result
    result = replace(result, wait=how.wait)
    agent = _AddonWait(how, result, AGENT_ADDON, frozenset(before), how.patience.clock.now())
    try:
        agent.active()
        if not how.checks_cluster:
            return result
        failure = how.clients.kube.failure
        if failure is not None:
            return replace(result, unchecked=f"the nodes were not checked: {failure.message}")
        return replace(result, awaited=agent.covered())
    except PodidError as error:
        return replace(result, error=error)


def after_addon(how: Waiting, result: ChangeResult, addon: str) -> ChangeResult:
    """Return the result once another add-on than the agent is ACTIVE, unless podid does not wait."""
    if result.error is not None or how.wait is Wait.NONE:
        return result
    try:
        active = _AddonWait(how, result, addon, frozenset(), how.patience.clock.now()).active()
    except PodidError as error:
        return replace(result, error=error)
    return replace(result, notes=(*result.notes, f"add-on {addon} {active.version} is {active.status}"))


@dataclass(slots=True)
class _AddonWait:
    how: Waiting
    result: ChangeResult
    addon: str
    before: frozenset[str]
    began: datetime

    @property
    def patience(self) -> Patience:
        return self.how.patience

    @property
    def cluster(self) -> str:
        return self.how.place.cluster_name

    @property
    def reading(self) -> tuple[str, str]:
        return ("agent", "status") if self.addon == AGENT_ADDON else ("addon", "list")

    @property
    def _states(self) -> tuple[State, ...]:
        done = [item for item in self.result.done if item.action.kind == ADDON.name and item.status is Status.DONE]
        return tuple(item.after or {} for item in done)

    def active(self) -> Addon:
        """Return the add-on once it is ACTIVE and its update has ended. Raise AgentFailed, NotFound, TimedOut."""
        update_id = next((text(state, "updateId") for state in self._states if text(state, "updateId")), "")
        version = next((text(state, "addonVersion") for state in self._states), "")
        addon: Addon | None = None
        update: Update | None = None
        eks = self.how.clients.eks
        readings = self.patience.readings(partial(eks.find_addon, self.cluster, self.addon), 1.0, longest=10.0)
        for number, addon in enumerate(readings):
            if addon is None:
                raise NotFound(f"The add-on {self.addon} was deleted during the wait", subject=self.addon)
            if update_id and (update is None or update.status not in ENDED):
                try:
                    update = eks.get_update(self.cluster, update_id, addon=self.addon)
                except PodidError as error:  # the add-on's status is enough
                    self.patience.say(f"the update could not be read: {error.message}")
                    update, update_id = None, ""
            if update is not None and update.status in ENDED_BADLY:
                trouble = of_addon(addon, update.errors)
                message = f"the update of add-on {addon.name} ended as {update.status}; {trouble.message}"
                raise replace(trouble, message=message).error(self.cluster, self.reading)
            # EKS may report the previous failure once more while the update begins
            before = number == 0 and bool(self._states) and (update is None or update.status not in ENDED)
            if addon.status in FAILED and not before:
                raise self._failed(addon)
            settled = update is None or update.status == "Successful"
            # without an update id, the version and one more round show that ACTIVE is not the previous state
            reached = update is not None or (version in ("", addon.version) and (number > 0 or not self._states))
            if addon.status == "ACTIVE" and settled and reached:
                return addon
            self.patience.say(f"add-on {self.addon} {addon.version} is {addon.status}")
            # EKS reports CREATING for many minutes while pods crash. Old pods do not count until EKS has finished: it
            # may not have updated the DaemonSet yet
            if (cause := self._trouble(self._find_pods(), self.before)) is not None:
                raise cause.error(self.cluster)
        status, issues = (addon.status, addon.issues) if addon is not None else ("unknown", ())
        why = f": {'; '.join(map(issue_words, issues))}" if issues else ""
        message = f"The add-on {self.addon} is still {status} after {self.patience.seconds:.0f} s{why}"
        raise TimedOut(message, hint=Again(), subject=self.addon)

    def covered(self) -> Awaited:
        """Wait until every node that should run the agent has a Ready pod of it. Raise AgentFailed if that is useless;
        a failed read is `unknown`, with the reason."""
        agents, unread = None, ""
        for _ in self.patience.rounds(0.5, longest=5.0):
            try:
                agents, unread = AgentPods.read(self.how.clients.kube), ""
            except PodidError as error:
                unread = f"the agent's pods were not checked: {error.message}"
                if not error.passing:
                    break
                self.patience.say(f"{error.message}; trying again")
                continue
            if agents.complete:
                if (trouble := self._refused([pod for pod in agents.pods if pod.ready][:_SAMPLE])) is not None:
                    raise trouble.error(self.cluster)
                known = agents.coverage is not None and agents.coverage.expected
                return Awaited(agents.words, True if known else None)
            # pods of an older template are still to be replaced
            rolling = any(ds.observed_generation < ds.generation or ds.updated < ds.desired for ds in agents.sets)
            if (trouble := self._trouble(agents, self.before if rolling else ())) is not None:
                raise trouble.error(self.cluster)
            if not agents.sets and not self._states:
                raise deleted(self.cluster)
            self.patience.say(f"{agents.words}; waiting for {agents.lacking}")
        if agents is None or unread:
            return Awaited(unread, None)
        return Awaited(f"{agents.words} after {self.patience.seconds:g} s; missing: {agents.lacking}", False)

    def _trouble(self, agents: AgentPods | None, spared: Collection[str] = ()) -> Trouble | None:
        """Return the trouble of the pods, None also if they could not be read."""
        if agents is None:
            return None
        reader = self.how.clients.kube.reader
        trouble = of_sets(reader, agents.sets, agents.pods, self.began)
        return trouble or of_pods(reader, agents.sets, agents.pods, self.patience.clock.now(), spared=spared)

    def _find_pods(self) -> AgentPods | None:
        """Return the agent's pods; None if they cannot be read or do not matter."""
        watching = self.addon == AGENT_ADDON and self.how.checks_cluster
        return AgentPods.find(self.how.clients.kube) if watching else None

    def _refused(self, pods: Sequence[Pod]) -> Trouble | None:
        """Return the trouble of a Ready agent that EKS Auth refuses, by the end of its log. None if no log shows that,
        or logs cannot be read: possibly no pod has asked it yet."""
        reader = self.how.clients.kube.reader
        # earlier refusals may have the cause that this run has fixed
        age = max(1, math.ceil((self.patience.clock.now() - self.began).total_seconds())) if self.result.done else None
        for pod in pods:
            try:
                text = reader.read_log(pod.namespace, pod.name, container=CONTAINER, tail=_LINES, since_seconds=age)
            except PodidError:
                return None
            for line in reversed(text.splitlines()):
                if _SERVED in line.lower():
                    break
                rule = rule_of(line)
                if rule is not None and rule.id in _REFUSALS:
                    return _of([pod], rule.id, f"is refused by EKS Auth: {line[:400]}")
        return None

    def _failed(self, addon: Addon) -> PodidError:
        """Return the error of a failed add-on. If it reports too few replicas, the pods show the cause."""
        trouble = of_addon(addon)
        if {issue.code for issue in addon.issues} == {"InsufficientNumberOfReplicas"}:
            agents = self._find_pods()
            if (cause := self._trouble(agents)) is not None:
                trouble = replace(trouble, mode=cause.mode, message=f"{trouble.message}; {cause.message}")
            elif agents is not None:
                trouble = replace(trouble, message=f"{trouble.message}; {agents.words}")
        return trouble.error(self.cluster, self.reading)


FAILED = ("CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED", "DEGRADED")
DEGRADED_OR_FAILED = "addon-degraded-or-failed"
UNHEALTHY = "agent-pod-unhealthy"
CONTAINER = AGENT_ADDON

# issue codes of https://docs.aws.amazon.com/eks/latest/APIReference/API_AddonIssue.html with a page of their own
_MODES = {
    "ConfigurationConflict": "addon-config-conflict",
    "AdmissionRequestDenied": POLICY_BLOCKS_AGENT,
    "UnsupportedAddonModification": "addon-config-conflict",
}
_MEANS = {
    "AccessDenied": "EKS may not change the cluster's objects",
    "AddonPermissionFailure": "the add-on lacks IAM permissions",
    "AddonSubscriptionNeeded": "the account has not subscribed to the add-on",
    "AdmissionRequestDenied": "an admission policy of the cluster refused the add-on's objects",
    "ClusterUnreachable": "EKS cannot reach the cluster's API server",
    "ConfigurationConflict": "fields of the add-on have another field manager",
    "InsufficientNumberOfReplicas": "too few of its pods are ready",
    "InternalFailure": "EKS itself failed",
    "K8sResourceNotFound": "an object that the add-on needs does not exist",
    "UnsupportedAddonModification": "a field of the add-on was changed that EKS does not allow to change",
}
# a new agent may preempt the pod on its port; after this time it has not
_PLACING = timedelta(seconds=30)
_LINES = 50


class AgentFailed(PodidError, code="AgentFailed", exit_code=ExitCode.ATTENTION):
    """The agent, or another add-on, will not start without a fix. The sentence begins with the failure mode's id."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """`mode` is the failure mode's id, `message` a sentence about `subject`."""

    mode: str
    message: str
    subject: str = AGENT_ADDON

    def error(self, cluster: str, reading: tuple[str, str] = ("agent", "status")) -> AgentFailed:
        """Return the error; the command `reading` shows the current state."""
        return AgentFailed(
            f"{self.mode}: {self.message}",
            hint=Other(reading, flags=("--cluster", cluster)),
            subject=self.subject,
            advice=f"podid explain {self.mode} shows the cause and the fix. Then run the command again.",
        )


def issue_words(issue: AddonIssue) -> str:
    """Return the issue explained: EKS's code and text, its meaning, and its resources."""
    means = _MEANS.get(issue.code, "")
    where = f" ({short_list(issue.resource_ids)})" if issue.resource_ids else ""
    text = issue.message or means
    return f"{issue.code}{f', {means}' if means and issue.message else ''}: {text}{where}"


def of_addon(addon: Addon, errors: Sequence[str] = ()) -> Trouble:
    """Return the trouble of an add-on in a failed state; `errors` are those of its update."""
    modes = dict.fromkeys(_MODES[issue.code] for issue in addon.issues if issue.code in _MODES)
    modes |= dict.fromkeys(mode for code, mode in _MODES.items() for error in errors if error.startswith(code))
    reasons = [issue_words(issue) for issue in addon.issues]
    reasons += [error for error in errors if not any(error.startswith(issue.code) for issue in addon.issues)]
    why = f": {'; '.join(reasons)}" if reasons else ""
    message = f"the add-on {addon.name} {addon.version} is {addon.status}{why}"
    return Trouble(next(iter(modes), DEGRADED_OR_FAILED), message, addon.name)


def deleted(cluster: str) -> AgentFailed:
    """Return the error for an ACTIVE add-on without a DaemonSet, which EKS does not recreate."""
    return AgentFailed(
        f"agent-not-on-node: the add-on {AGENT_ADDON} is ACTIVE, but its DaemonSet was deleted",
        hint=Other(("uninstall-agent",), flags=("--cluster", cluster)),
        subject=AGENT_ADDON,
        advice="The DaemonSet is created on install only. Uninstall the add-on, then install it again.",
    )


def of_pods(
    reader: KubeReader,
    sets: Collection[DaemonSet],
    pods: Collection[Pod],
    now: datetime,
    *,
    spared: Collection[str] = (),
) -> Trouble | None:
    """Return the first trouble that waiting does not fix, None if there is none. `spared` are the uids of pods about to
    be replaced. Never raise for a log or for pods that cannot be read."""
    judged = [pod for pod in pods if live(pod) and not pod.ready and pod.uid not in spared]
    if stuck := _waiting(judged, NO_IMAGE):
        image = next(c.image for c in stuck[0].containers if c.waiting in NO_IMAGE)
        return _of(stuck, "agent-image-pull", f"cannot pull the image {image}")
    if stuck := _waiting(judged, (CRASHING,)):
        return _crash(reader, stuck)
    if stuck := _waiting(judged, CANNOT_START):
        reason = next(c.waiting for c in stuck[0].containers if c.waiting in CANNOT_START)
        return _of(stuck, UNHEALTHY, f"cannot start: {reason}")
    if stuck := [pod for pod in judged if waits_for_port(pod) and now - pod.created_at > _PLACING]:
        others = known_or(attempt(reader.list_pods), ())
        return _of(stuck, port_conflict(sets, others, tuple(pods)), f"cannot be scheduled: {stuck[0].message}")
    return None


def _crash(reader: KubeReader, stuck: Sequence[Pod]) -> Trouble:
    container = next(c for c in stuck[0].containers if c.waiting == CRASHING)
    try:
        mode, line = mode_of(end_of_log(reader, stuck[0], container.name))
    except PodidError:
        mode, line = "", ""
    ended = f" ({container.ended})" if container.ended not in ("", "Error") else ""
    why = f"; its log says: {line}" if line else ""
    are = "is" if len(stuck) == 1 else "are"
    return _of(stuck, mode or UNHEALTHY, f"{are} in CrashLoopBackOff after {container.restarts} restarts{ended}{why}")


def of_sets(reader: KubeReader, sets: Sequence[DaemonSet], pods: Sequence[Pod], since: datetime) -> Trouble | None:
    """Return the trouble of a DaemonSet whose pods an admission rule refuses, by its controller's events since then.
    Never raise for events that cannot be read."""
    for ds in sets:
        if sum(map(live, pods_of((ds,), pods))) >= ds.desired:
            continue
        try:
            messages = refusals(reader.list_warnings(ds.namespace, "DaemonSet", ds.name, since=since))
        except PodidError:
            continue
        if messages:
            message = cut(messages[-1], 300)
            sentence = f"an admission policy refuses the pods of DaemonSet {ds.namespace}/{ds.name}: {message}"
            return Trouble(POLICY_BLOCKS_AGENT, sentence)
    return None


def _waiting(pods: Sequence[Pod], reasons: Collection[str]) -> list[Pod]:
    return [pod for pod in pods if any(c.waiting in reasons for c in pod.containers)]


def _of(pods: Sequence[Pod], mode: str, words: str) -> Trouble:
    """Return the trouble of these pods, named after the first."""
    first, *more = pods
    who = f"the agent pod {first.name}" + (f" on {first.node}" if first.node else "")
    who += f" and {len(more)} more" if more else ""
    return Trouble(mode, f"{who} {words}", f"{first.namespace}/{first.name}")


_SERVED = "successfully fetched credentials"
_REFUSALS = (
    *("node-role-missing-eks-auth", "scp-denies-eks-auth", "permissions-boundary-denies"),
    *("self-managed-cluster-name-wrong", "agent-imds-unavailable"),
)
