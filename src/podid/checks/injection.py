"""Link 3: the webhook put the credentials' variables and token into the pod when it was created.

It does so only at creation, only while the association is visible to it, and is skipped without a word when it is
slow (failurePolicy Ignore): https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html and
https://github.com/aws/amazon-eks-pod-identity-webhook.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from functools import lru_cache

from podid.checks.base import EVERYONE, Check, check
from podid.checks.facts import by_workload, index, podid_command
from podid.domain.findings import FixClass, Severity, Subject, Verdict
from podid.domain.model import Association, Node, Pod
from podid.domain.snapshot import Known, Missing, Snapshot, known, known_or
from podid.domain.words import short_list
from podid.domain.workloads import carries_irsa, injected, live, on_fargate, on_windows, opted_out

# associations reach the webhook some seconds after the API has answered
PROPAGATION = timedelta(seconds=60)
WEBHOOK = "pod-identity-webhook"
RESTARTED = ("Deployment", "StatefulSet", "DaemonSet")


class State(Enum):
    """Where a pod of an associated service account stands; every pod is in exactly one state."""

    INJECTED = auto()
    ENDED = auto()
    OPTED_OUT = auto()
    NO_AGENT_POSSIBLE = auto()
    IRSA = auto()
    PREDATES = auto()
    RACED = auto()
    MISSED = auto()
    UNDATED = auto()


@dataclass(frozen=True, slots=True)
class Group:
    """The pods of one workload that run as an associated service account, by state."""

    association: Association
    workload: Subject
    states: Mapping[State, tuple[Pod, ...]]

    @property
    def total(self) -> int:
        return sum(len(pods) for state, pods in self.states.items() if state is not State.ENDED)


def state_of(pod: Pod, association: Association, nodes: Mapping[str, Node]) -> State:
    """Kubernetes cuts creation times to whole seconds, EKS does not: the association's is cut as well."""
    if not live(pod):
        return State.ENDED
    if injected(pod):
        return State.INJECTED
    if on_fargate(pod, nodes) or on_windows(pod, nodes):
        return State.NO_AGENT_POSSIBLE
    if opted_out(pod):
        return State.OPTED_OUT
    if carries_irsa(pod):
        return State.IRSA
    if association.created_at is None:
        return State.UNDATED
    created = association.created_at.replace(microsecond=0)
    modified = (association.modified_at or created).replace(microsecond=0)
    if pod.created_at < created:
        return State.PREDATES
    if any(start <= pod.created_at <= start + PROPAGATION for start in (created, modified)):
        return State.RACED
    return State.MISSED


@lru_cache(maxsize=1)
def groups(snapshot: Snapshot) -> tuple[Group, ...]:
    facts = index(snapshot)
    found = []
    for ref, association in sorted(facts.associations.items()):
        for workload, pods in by_workload(facts.pods.get(ref, ())).items():
            states: dict[State, list[Pod]] = defaultdict(list)
            for pod in pods:
                states[state_of(pod, association, facts.nodes)].append(pod)
            found.append(Group(association, workload, {state: tuple(members) for state, members in states.items()}))
    return tuple(found)


def _judge(rule: Check, snapshot: Snapshot, state: State, say: str) -> Iterable[Verdict]:
    """One verdict per workload: failing when any of its pods is in `state`."""
    for group in groups(snapshot):
        chain = (str(group.association.ref),)
        pods = group.states.get(state, ())
        undated = group.states.get(State.UNDATED, ())
        if pods:
            yield _broken(rule, snapshot, group, pods, say)
        elif undated:
            dateless = Missing(f"association {group.association.association_id} carries no creation time")
            yield rule.unknown(group.workload, dateless, chain=chain)
        elif State.INJECTED in group.states:
            count = len(group.states[State.INJECTED])
            yield rule.ok(group.workload, f"{count} of {group.total} pod(s) carry the credentials", chain=chain)
        else:
            names = ", ".join(sorted(s.name.lower().replace("_", " ") for s in group.states))
            yield rule.skip(group.workload, f"its pods are judged elsewhere ({names})", chain=chain)


def _broken(rule: Check, snapshot: Snapshot, group: Group, pods: tuple[Pod, ...], say: str) -> Verdict:
    association, workload = group.association, group.workload
    commands, note = _replace_pods(snapshot, association, workload, pods)
    created = association.created_at.isoformat(timespec="seconds") if association.created_at else "unknown"
    oldest = min(pod.created_at for pod in pods).isoformat(timespec="seconds")
    return rule.fail(
        workload,
        f"{len(pods)} of {group.total} pod(s) {say}",
        chain=(str(association.ref),),
        evidence=(
            f"pods: {short_list(pod.name for pod in pods)}",
            f"association {association.association_id} created {created}, oldest of these pods {oldest}",
            *((note,) if note else ()),
        ),
        commands=commands,
    )


def _replace_pods(
    snapshot: Snapshot, association: Association, workload: Subject, pods: tuple[Pod, ...]
) -> tuple[tuple[tuple[str, ...], ...], str]:
    """The commands that make new pods, and what to know about it."""
    if workload.kind not in RESTARTED:
        return (), f"nothing restarts a {workload.kind}: delete it and create it again"
    if any(
        w.on_delete and (w.kind, w.namespace, w.name) == (workload.kind, workload.namespace, workload.name)
        for w in known_or(snapshot.workloads, ())
    ):
        delete = ("kubectl", "-n", workload.namespace, "delete", "pod", *(pod.name for pod in pods))
        return (delete,), "its update strategy is OnDelete: a restart replaces no pod, deleting the pods does"
    return (podid_command(snapshot, "restart", str(association.ref)),), ""


@check(
    id="pod-predates-association",
    severity=Severity.ERROR,
    link=3,
    title="every pod is younger than its association",
    needs=("associations", "pods"),
    wants=("cluster", "nodes", "workloads"),
    fix=FixClass.ASK,
)
def pod_predates_association(snapshot: Snapshot) -> Iterable[Verdict]:
    return _judge(
        pod_predates_association,
        snapshot,
        State.PREDATES,
        "started before the association existed, so they carry no credentials",
    )


@check(
    id="association-propagation-race",
    severity=Severity.ERROR,
    link=3,
    title="no pod started while its association was still on its way to the webhook",
    needs=("associations", "pods"),
    wants=("cluster", "nodes", "workloads"),
    fix=FixClass.ASK,
)
def association_propagation_race(snapshot: Snapshot) -> Iterable[Verdict]:
    return _judge(
        association_propagation_race,
        snapshot,
        State.RACED,
        f"started within {PROPAGATION.seconds} s of a change of the association, before the webhook knew of it",
    )


@check(
    id="injection-missed-webhook",
    severity=Severity.ERROR,
    link=3,
    title="the webhook is registered and has seen every pod",
    needs=("associations", "pods"),
    wants=("webhook_present", "cluster", "nodes", "workloads"),
    fix=FixClass.ASK,
)
def injection_missed_webhook(snapshot: Snapshot) -> Iterable[Verdict]:
    rule, present = injection_missed_webhook, snapshot.webhook_present
    subject = Subject("MutatingWebhookConfiguration", WEBHOOK)
    if not known(snapshot.associations):
        yield rule.skip(subject, "no association asks for an injection", chain=EVERYONE)
        return
    if isinstance(present, Missing):
        yield rule.unknown(subject, present, chain=EVERYONE)
    elif present.value:
        yield rule.ok(subject, "the webhook is registered", chain=EVERYONE)
    else:
        yield rule.fail(
            subject,
            "the webhook that injects credentials is not registered: new pods get none",
            chain=EVERYONE,
            evidence=(f"MutatingWebhookConfiguration {WEBHOOK} does not exist or has no webhooks",),
            commands=(("kubectl", "get", "mutatingwebhookconfiguration", WEBHOOK, "-o", "yaml"),),
        )
    gone = isinstance(present, Known) and not present.value
    why = "which is not registered" if gone else "which is skipped in silence when it is slow"
    yield from _judge(
        rule, snapshot, State.MISSED, f"are younger than the association and yet were missed by the webhook, {why}"
    )


@check(
    id="irsa-env-still-active",
    severity=Severity.ERROR,
    link=4,
    title="no pod of an associated service account still carries the credentials of IRSA alone",
    needs=("associations", "pods"),
    wants=("cluster", "nodes", "workloads"),
    fix=FixClass.ASK,
)
def irsa_env_still_active(snapshot: Snapshot) -> Iterable[Verdict]:
    return _judge(
        irsa_env_still_active,
        snapshot,
        State.IRSA,
        "still carry the web identity of IRSA (AWS_WEB_IDENTITY_TOKEN_FILE) instead of Pod Identity",
    )
