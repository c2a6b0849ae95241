"""An agent that waiting will not mend: which failure mode it shows, told from its pods, its DaemonSet and its log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from podid.domain.admission import POLICY_BLOCKS_AGENT, refusals
from podid.domain.aws import Addon, AddonIssue
from podid.domain.cluster import DaemonSet, Pod
from podid.domain.errors import ExitCode, Other, PodidError
from podid.domain.names import AGENT_ADDON
from podid.domain.text import cut, short_list
from podid.domain.workloads import live, pods_of
from podid.facts.agent import NO_FREE_PORT
from podid.facts.agent_logs import mode_of, rule_of
from podid.ops.agent.logs import end_of_log

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader

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
    "AdmissionRequestDenied": "an admission policy of the cluster refused what the add-on made",
    "ClusterUnreachable": "EKS cannot reach the cluster's API server",
    "ConfigurationConflict": "somebody else has set fields that the add-on sets",
    "InsufficientNumberOfReplicas": "too few of its pods are ready",
    "InternalFailure": "EKS itself failed",
    "K8sResourceNotFound": "an object that the add-on needs is gone",
    "UnsupportedAddonModification": "something of the add-on was changed that may not be",
}
_NO_IMAGE = ("ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_CRASHING = ("CrashLoopBackOff",)
_CANNOT_START = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
# a new agent may push aside what holds its port; one that waits longer than this has not
_PLACING = timedelta(seconds=30)
_LINES = 50


class AgentFailed(PodidError):
    """The agent will not come up by itself. The sentence begins with the failure mode's id."""

    code = "AgentFailed"
    exit_code = ExitCode.ATTENTION


@dataclass(frozen=True, slots=True)
class Trouble:
    """`mode` is the failure mode's id, `message` a sentence about `subject`."""

    mode: str
    message: str
    subject: str = AGENT_ADDON

    def error(self, cluster: str) -> AgentFailed:
        return AgentFailed(
            f"{self.mode}: {self.message}",
            hint=Other(("agent", "status"), flags=("--cluster", cluster)),
            subject=self.subject,
            advice=f"podid explain {self.mode} says why, and what to do; then run the command again.",
        )


def issue_words(issue: AddonIssue) -> str:
    """The issue decoded: EKS's code and words, what that means, and what it is about."""
    means = _MEANS.get(issue.code, "")
    where = f" ({short_list(issue.resource_ids)})" if issue.resource_ids else ""
    said = issue.message or means
    return f"{issue.code}{f', {means}' if means and issue.message else ''}: {said}{where}"


def of_addon(addon: Addon, errors: Sequence[str] = ()) -> Trouble:
    """What an add-on in a failed state shows; `errors` are those of its update."""
    modes = dict.fromkeys(_MODES[issue.code] for issue in addon.issues if issue.code in _MODES)
    modes |= dict.fromkeys(mode for code, mode in _MODES.items() for error in errors if error.startswith(code))
    reasons = [issue_words(issue) for issue in addon.issues]
    reasons += [error for error in errors if not any(error.startswith(issue.code) for issue in addon.issues)]
    why = f": {'; '.join(reasons)}" if reasons else ""
    message = f"the add-on {addon.name} {addon.version} is {addon.status}{why}"
    return Trouble(next(iter(modes), DEGRADED_OR_FAILED), message)


def deleted(cluster: str) -> AgentFailed:
    """What an add-on shows that was ACTIVE before, and has no DaemonSet: EKS does not look after it."""
    return AgentFailed(
        f"agent-not-on-node: the add-on {AGENT_ADDON} is ACTIVE, and no DaemonSet runs the agent: it was deleted",
        hint=Other(("uninstall-agent",), flags=("--cluster", cluster)),
        subject=AGENT_ADDON,
        advice="The add-on makes it when it is made: uninstall it, then install it again.",
    )


def of_pods(
    reader: KubeReader, pods: Collection[Pod], now: datetime, *, spared: Collection[str] = ()
) -> Trouble | None:
    """The first trouble that no waiting mends, None where there is none. `spared` are the uids of pods that are about
    to be replaced. Never raises for a log that cannot be read."""
    judged = [pod for pod in pods if live(pod) and not pod.ready and pod.uid not in spared]
    if stuck := _waiting(judged, _NO_IMAGE):
        image = next(c.image for c in stuck[0].containers if c.waiting in _NO_IMAGE)
        return _of(stuck, "agent-image-pull", f"cannot pull the image {image}")
    if stuck := _waiting(judged, _CRASHING):
        return _crash(reader, stuck)
    if stuck := _waiting(judged, _CANNOT_START):
        reason = next(c.waiting for c in stuck[0].containers if c.waiting in _CANNOT_START)
        return _of(stuck, UNHEALTHY, f"cannot start: {reason}")
    if stuck := [p for p in judged if not p.node and NO_FREE_PORT in p.message and now - p.created_at > _PLACING]:
        return _of(stuck, "agent-port80-conflict", f"cannot be scheduled: {stuck[0].message}")
    return None


def _crash(reader: KubeReader, stuck: Sequence[Pod]) -> Trouble:
    container = next(c for c in stuck[0].containers if c.waiting in _CRASHING)
    try:
        mode, line = mode_of(end_of_log(reader, stuck[0], container.name))
    except PodidError:
        mode, line = "", ""
    ended = f" ({container.ended})" if container.ended not in ("", "Error") else ""
    why = f"; its log says: {line}" if line else ""
    are = "is" if len(stuck) == 1 else "are"
    return _of(stuck, mode or UNHEALTHY, f"{are} in CrashLoopBackOff after {container.restarts} restarts{ended}{why}")


def of_sets(reader: KubeReader, sets: Sequence[DaemonSet], pods: Sequence[Pod], since: datetime) -> Trouble | None:
    """A DaemonSet whose pods an admission rule refuses, by what its controller complains of since then. Never raises
    for events that cannot be read."""
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
    """Of these pods, of which the first is named."""
    first, *more = pods
    who = f"the agent pod {first.name}" + (f" on {first.node}" if first.node else "")
    who += f" and {len(more)} more" if more else ""
    return Trouble(mode, f"{who} {words}", f"{first.namespace}/{first.name}")


def refused(reader: KubeReader, pods: Sequence[Pod]) -> Trouble | None:
    """An agent that is Ready and that EKS Auth does not let in, by the end of its log. Nothing where no log says so,
    and where logs cannot be read: nobody may have asked it yet."""
    for pod in pods:
        try:
            text = reader.read_log(pod.namespace, pod.name, container=CONTAINER, tail=_LINES)
        except PodidError:
            return None
        for line in reversed(text.splitlines()):
            rule = rule_of(line)
            if rule is not None and rule.id in _REFUSALS:
                return _of([pod], rule.id, f"is refused by EKS Auth: {line[:400]}")
    return None


_REFUSALS = (
    *("node-role-missing-eks-auth", "scp-denies-eks-auth", "permissions-boundary-denies"),
    *("self-managed-cluster-name-wrong", "agent-imds-unavailable"),
)


def rolling(sets: Sequence[DaemonSet]) -> bool:
    """Whether pods of an older template are still to be replaced."""
    return any(ds.observed_generation < ds.generation or ds.updated < ds.desired for ds in sets)
