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
from podid.facts.agent_logs import mode_of, rule_of
from podid.ops.reading.log_ends import end_of_log

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
    """`mode` is the failure mode's id, `what` a sentence about `pods`."""

    mode: str
    what: str
    pods: tuple[str, ...] = ()

    def error(self, cluster: str) -> AgentFailed:
        return AgentFailed(
            f"{self.mode}: {self.what}",
            hint=Other(("agent", "status"), flags=("--cluster", cluster)),
            subject=self.pods[0] if self.pods else AGENT_ADDON,
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
    told = [issue_words(issue) for issue in addon.issues]
    told += [error for error in errors if not any(error.startswith(issue.code) for issue in addon.issues)]
    what = f"the add-on {addon.name} {addon.version} is {addon.status}" + (f": {'; '.join(told)}" if told else "")
    return Trouble(next(iter(modes), DEGRADED_OR_FAILED), what)


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
    for of in (_image, _crash, _start, _place):
        if (found := of(reader, judged, now)) is not None:
            return found
    return None


def _image(_: KubeReader, pods: Sequence[Pod], __: datetime) -> Trouble | None:
    stuck = _waiting(pods, _NO_IMAGE)
    if not stuck:
        return None
    image = next(c.image for c in stuck[0].containers if c.waiting in _NO_IMAGE)
    return Trouble("agent-image-pull", f"{_who(stuck)} cannot pull the image {image}", _names(stuck))


def _crash(reader: KubeReader, pods: Sequence[Pod], _: datetime) -> Trouble | None:
    stuck = _waiting(pods, ("CrashLoopBackOff",))
    if not stuck:
        return None
    pod = stuck[0]
    container = next(c for c in pod.containers if c.waiting == "CrashLoopBackOff")
    mode, line = mode_of(last_lines(reader, pod, container.name))
    ended = f" ({container.ended})" if container.ended not in ("", "Error") else ""
    why = f"; its log says: {line}" if line else ""
    are = "is" if len(stuck) == 1 else "are"
    what = f"{_who(stuck)} {are} in CrashLoopBackOff after {container.restarts} restarts{ended}{why}"
    return Trouble(mode or UNHEALTHY, what, _names(stuck))


def _start(_: KubeReader, pods: Sequence[Pod], __: datetime) -> Trouble | None:
    stuck = _waiting(pods, _CANNOT_START)
    if not stuck:
        return None
    reason = next(c.waiting for c in stuck[0].containers if c.waiting in _CANNOT_START)
    return Trouble(UNHEALTHY, f"{_who(stuck)} cannot start: {reason}", _names(stuck))


def _place(_: KubeReader, pods: Sequence[Pod], now: datetime) -> Trouble | None:
    stuck = [pod for pod in pods if not pod.node and "free ports" in pod.message and now - pod.created_at > _PLACING]
    if not stuck:
        return None
    return Trouble("agent-port80-conflict", f"{_who(stuck)} cannot be scheduled: {stuck[0].message}", _names(stuck))


def of_sets(reader: KubeReader, sets: Sequence[DaemonSet], pods: Sequence[Pod], since: datetime) -> Trouble | None:
    """A DaemonSet whose pods an admission rule refuses, by what its controller complains of since then. Never raises
    for events that cannot be read."""
    for ds in sets:
        if sum(map(live, pods_of((ds,), pods))) >= ds.desired:
            continue
        try:
            told = refusals(reader.list_warnings(ds.namespace, "DaemonSet", ds.name, since=since))
        except PodidError:
            continue
        if told:
            what = f"an admission policy refuses the pods of DaemonSet {ds.namespace}/{ds.name}: {cut(told[-1], 300)}"
            return Trouble(POLICY_BLOCKS_AGENT, what)
    return None


def _waiting(pods: Sequence[Pod], reasons: Collection[str]) -> list[Pod]:
    return [pod for pod in pods if any(c.waiting in reasons for c in pod.containers)]


def _who(pods: Sequence[Pod]) -> str:
    first = f"the agent pod {pods[0].name}" + (f" on {pods[0].node}" if pods[0].node else "")
    return first + (f" and {len(pods) - 1} more" if len(pods) > 1 else "")


def _names(pods: Sequence[Pod]) -> tuple[str, ...]:
    return tuple(f"{pod.namespace}/{pod.name}" for pod in pods)


def last_lines(reader: KubeReader, pod: Pod, container: str) -> list[str]:
    """As of end_of_log; empty where it cannot be read."""
    try:
        return end_of_log(reader, pod, container)
    except PodidError:
        return []


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
                return Trouble(rule.id, f"{_who([pod])} is refused by EKS Auth: {line[:400]}", _names([pod]))
    return None


_REFUSALS = (
    *("node-role-missing-eks-auth", "scp-denies-eks-auth", "permissions-boundary-denies"),
    *("self-managed-cluster-name-wrong", "agent-imds-unavailable"),
)


def rolling(sets: Sequence[DaemonSet]) -> bool:
    """Whether pods of an older template are still to be replaced."""
    return any(ds.observed_generation < ds.generation or ds.updated < ds.desired for ds in sets)
