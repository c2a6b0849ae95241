"""Link 3: the webhook put the credentials' variables and token into the pod when it was created.

It does so only at creation, only while the association is visible to it, and is skipped without a word when it is
slow (failurePolicy Ignore): https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html and
https://github.com/aws/amazon-eks-pod-identity-webhook.
"""

from collections.abc import Iterable

from podid.checks.base import Case, Check, Known, Missing, Severity, Snapshot, Subject, Verdict
from podid.domain.aws import Association, Listed, UnreadAssociation
from podid.domain.cluster import Pod
from podid.domain.text import count_of, utc
from podid.facts.index import index, podid_command, why_unread
from podid.facts.injection import PROPAGATION, Group, PodState
from podid.facts.restarts import Hindrance, on_delete, paused
from podid.facts.restarts import hindrance as hindrance_of

NEEDS = ("associations", "pods")
WANTS = ("cluster", "nodes", "workloads", "webhook")
# check -> the state of pods that it is about, and what it says of them
_ABOUT = {
    "pod-predates-association": (
        PodState.PREDATES,
        "started before the association existed, so they carry no credentials",
    ),
    "association-propagation-race": (
        PodState.RACED,
        f"started within {PROPAGATION.seconds} s of a change of the association, before the webhook knew of it",
    ),
    "irsa-env-still-active": (
        PodState.IRSA,
        "still with the web identity of IRSA (AWS_WEB_IDENTITY_TOKEN_FILE) instead of Pod Identity",
    ),
}


def check(id: str) -> Check:
    state, message = _ABOUT[id]
    return Check.of(id, lambda check, snapshot: per_workload(check, snapshot, state, message), needs=NEEDS, wants=WANTS)


def per_workload(check: Check, snapshot: Snapshot, state: PodState, say: str) -> Iterable[Verdict]:
    """One verdict per workload: failing when any of its pods is in `state`."""
    for case, group in check.of_groups(snapshot):
        pods = group.states.get(state, ())
        if pods:
            yield _broken(case, snapshot, group, pods, say)
        elif PodState.UNDATED in group.states:
            yield case.unknown(_undated(group.association))
        elif PodState.INJECTED in group.states:
            count = len(group.states[PodState.INJECTED])
            yield case.ok(f"{count} of {count_of(group.total, 'pod')} with the credentials")
        else:
            names = ", ".join(sorted(s.name.lower().replace("_", " ") for s in group.states))
            yield case.skip(f"its pods are judged elsewhere ({names})")


def _undated(association: Listed) -> Missing:
    if isinstance(association, UnreadAssociation):
        return why_unread(association)
    return Missing(f"association {association.association_id} carries no creation time")


def _broken(case: Case, snapshot: Snapshot, group: Group, pods: tuple[Pod, ...], say: str) -> Verdict:
    association = group.association
    created = utc(association.created_at if isinstance(association, Association) else None)
    oldest = utc(min(pod.created_at for pod in pods))
    fact = f"association {association.association_id} created {created}, oldest of these pods {oldest}"
    return to_be_replaced(case, snapshot, group, pods, say, (fact,))


def to_be_replaced(
    case: Case,
    snapshot: Snapshot,
    group: Group,
    pods: tuple[Pod, ...],
    say: str,
    evidence: tuple[str, ...],
    severity: Severity | None = None,
) -> Verdict:
    """Of pods of a workload that others have to take the place of: with the commands that make new ones, and what to
    know about it; none while new pods would get no credentials."""
    commands: tuple[tuple[str, ...], ...] = ()
    if until := _in_vain(snapshot, pods):
        note = f"new pods get credentials only once {until}: before that a restart mends nothing"
    elif (hindrance := _instead(snapshot, group.workload, pods)) is not None:
        commands, note = (hindrance.command,) if hindrance.command else (), hindrance.reason
    else:
        commands, note = (podid_command(snapshot, "restart", str(group.association.ref)),), ""
    evidence = (*evidence, *((note,) if note else ()))
    return case.fail_pods(pods, group.total, say, severity=severity, evidence=evidence, commands=commands, pods=pods)


def _in_vain(snapshot: Snapshot, pods: tuple[Pod, ...]) -> str:
    """What has to be mended of the webhook's registration before a restart, as webhook-config-altered or
    injection-missed-webhook say by themselves; empty for one that serves these pods, or that was not read."""
    if not isinstance(snapshot.webhook, Known):
        return ""
    webhook = snapshot.webhook.value
    if webhook is None:
        return "the webhook is registered again"
    if not webhook.on_create:
        return "the webhook is asked about new pods again"
    left = dict.fromkeys(webhook.leaves_out(pod.namespace, pod.labels) for pod in pods)
    return next((f"the webhook's {selector.removeprefix('its ')} lets them in" for selector in left if selector), "")


def _instead(snapshot: Snapshot, workload: Subject, pods: tuple[Pod, ...]) -> Hindrance | None:
    facts = index(snapshot)
    if workload in facts.on_delete:
        return on_delete(workload.namespace, (pod.name for pod in pods))
    if workload in facts.paused:
        return paused(workload.kind, workload.namespace, workload.name)
    return hindrance_of(workload.kind, workload.namespace, workload.name, pods, stale=True)
