"""Link 3: verdicts on the states of injection, which are those of `podid.facts.injection`."""

from collections.abc import Iterable

from podid.checks.base import Case, Check, Known, Missing, Severity, Snapshot, Subject, Verdict
from podid.domain.aws import Association, UnreadAssociation
from podid.domain.cluster import Pod
from podid.domain.text import count_of, utc
from podid.facts import restarts
from podid.facts.index import index, podid_command
from podid.facts.injection import RACE_WINDOW, Group, PodState

NEEDS = ("associations", "pods")
WANTS = ("cluster", "nodes", "workloads", "webhook")
_BEFORE = "started before the association existed, so no credentials were injected"
# check -> the state of pods that it reports, and its message about them
_ABOUT = {
    "pod-predates-association": (PodState.PREDATES, _BEFORE),
    "association-propagation-race": (
        PodState.RACED,
        f"started within {RACE_WINDOW.seconds} s of a change of the association, before it reached the webhook",
    ),
    "irsa-env-still-active": (
        PodState.IRSA,
        "started with the IRSA web identity (AWS_WEB_IDENTITY_TOKEN_FILE) instead of Pod Identity",
    ),
}


def of_pod_state(id: str) -> Check:
    """Return the check that reports the pods in the state of injection that `_ABOUT` has for its id."""
    state, message = _ABOUT[id]
    return Check.of(id, lambda check, snapshot: per_workload(check, snapshot, state, message), needs=NEEDS, wants=WANTS)


def per_workload(check: Check, snapshot: Snapshot, state: PodState, say: str) -> Iterable[Verdict]:
    """Yield one verdict per workload. It fails if any of its pods is in `state`."""
    for case, group in check.of_groups(snapshot):
        pods = group.states.get(state, ())
        if pods:
            yield _broken(case, snapshot, group, pods, say)
        elif PodState.UNDATED in group.states:
            if isinstance(group.association, UnreadAssociation):
                yield case.unknown(group.association.unread)
            else:
                reason = f"the creation time of association {group.association.association_id} is not known"
                yield case.unknown(Missing(reason))
        elif PodState.INJECTED in group.states:
            count = len(group.states[PodState.INJECTED])
            yield case.ok(f"credentials injected into {count} of {count_of(group.total, 'pod')}")
        else:
            names = ", ".join(sorted(s.name.lower().replace("_", " ") for s in group.states))
            yield case.skip(f"other checks judge its pods ({names})")


def _broken(case: Case, snapshot: Snapshot, group: Group, pods: tuple[Pod, ...], say: str) -> Verdict:
    association = group.association
    created = utc(association.created_at if isinstance(association, Association) else None)
    oldest = utc(min(pod.created_at for pod in pods))
    fact = f"created: association {association.association_id} {created}, oldest of these pods {oldest}"
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
    """Return the finding on pods of a workload that must be replaced, with the commands that create new pods. There are
    no commands while new pods would get no credentials either."""
    commands: tuple[tuple[str, ...], ...] = ()
    if until := _in_vain(snapshot, pods):
        evidence = (*evidence, f"a restart does not help until {until}: new pods get no credentials before")
    elif (kept := hindrance(snapshot, group.workload, pods)) is not None:
        commands, evidence = (kept.command,) if kept.command else (), (*evidence, kept.reason)
    else:
        commands = (podid_command(snapshot, "restart", str(group.association.ref)),)
    return case.fail_pods(pods, group.total, say, *evidence, severity=severity, commands=commands, pods=pods)


def _in_vain(snapshot: Snapshot, pods: tuple[Pod, ...]) -> str:
    """Return the fix of the webhook's registration that is required before a restart. Empty for a registration that
    includes these pods, or that was not read. webhook-config-altered and injection-missed-webhook report it too."""
    if not isinstance(snapshot.webhook, Known):
        return ""
    webhook = snapshot.webhook.value
    if webhook is None:
        return "the webhook is registered again"
    if not webhook.on_create:
        return "the webhook is called for new pods again"
    selectors = (webhook.excluding_selector(pod.namespace, pod.labels) for pod in pods)
    selector = next(filter(None, selectors), "")
    return f"the webhook's {selector.removeprefix('its ')} includes them" if selector else ""


def hindrance(snapshot: Snapshot, workload: Subject, pods: tuple[Pod, ...]) -> restarts.Hindrance | None:
    """Return the reason that a restart of the workload does not replace these pods; None if it does."""
    facts = index(snapshot)
    names = [pod.name for pod in pods]
    if workload in facts.on_delete:
        return restarts.on_delete(workload.namespace, names)
    if kept := restarts.partitioned(workload, facts.partitions.get(workload, 0), names):
        return kept
    if workload in facts.paused:
        return restarts.paused(workload.kind, workload.namespace, workload.name)
    return restarts.hindrance(workload.kind, workload.namespace, workload.name, pods, stale=True)
