"""Pods that must be replaced: pods with credentials from before a change of their association, workloads whose pods a
restart does not replace, and a running pod as its controller would create it now.

Credentials last up to six hours, and 59 minutes from a target role. The agent caches them for three hours, and an
update does not clear the cache: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html and
https://github.com/aws/eks-pod-identity-agent. The longer time applies to all, because the target role may be new.

Kinds of workload: https://kubernetes.io/docs/concepts/workloads/controllers/. The injected fields:
https://github.com/aws/amazon-eks-pod-identity-webhook (README, pkg/handler). The webhook does not replace fields that
a pod's own template sets.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from podid.domain import workloads
from podid.domain.aws import Association
from podid.domain.cluster import Container, Pod
from podid.domain.evidence import NO_CHANGES, RecentChanges
from podid.domain.findings import Subject
from podid.domain.snapshot import Known, Snapshot, known_or
from podid.domain.workloads import WebhookRegistration

LIFETIME = timedelta(hours=6)
OF_TARGET = timedelta(minutes=59)


def lifetime_words(lifetime: timedelta) -> str:
    minutes = int(lifetime.total_seconds() // 60)
    return f"{minutes} minutes" if minutes % 60 else f"{minutes // 60} hours"


def changed_at(association: Association, now: datetime, changes: RecentChanges = NO_CHANGES) -> datetime | None:
    """Return when the association was created or last changed, in whole seconds, if older credentials can still be in
    use: a pod that was injected before the creation got them by an association that was deleted. None otherwise.
    Changes by podid that keep the credentials the same do not count. EKS does not report what was changed: role, target
    role, session policy or tags."""
    changed = changes.changed_at(association)
    return changed.replace(microsecond=0) if changed is not None and now - changed < LIFETIME else None


def precedes(pod: Pod, changed: datetime | None) -> bool:
    """Return whether the pod started before the change, so that it may still use the previous credentials."""
    return changed is not None and pod.created_at < changed


@dataclass(frozen=True, slots=True)
class Hindrance:
    """The reason why podid does not replace the pods, the command that helps, and the id of the failure mode that
    explains it. Command and id may be empty."""

    reason: str
    command: tuple[str, ...] = ()
    mode: str = ""


def hindrance(kind: str, namespace: str, name: str, pods: Sequence[Pod], *, stale: bool) -> Hindrance | None:
    """Return why a restart does not replace the pods; None if it does, by their kind. `stale` is whether the restart is
    to give them Pod Identity credentials."""
    for place, mode, runs_on in (
        ("Fargate", "fargate-pod", workloads.on_fargate),
        ("Windows", "windows-pod", workloads.on_windows),
    ):
        if stale and all(runs_on(pod, {}) for pod in pods):
            reason = f"it runs on {place}, where Pod Identity does not work; a restart would only remove IRSA"
            return Hindrance(reason, mode=mode)
    if kind in workloads.RESTARTABLE:
        return None
    if workloads.static(pods[0]):
        reason = (
            f"it is a static pod, which cannot use a service account: remove its manifest from node {pods[0].node}, "
            "and run it as a DaemonSet or a Deployment"
        )
        return Hindrance(reason, mode="injection-opted-out")
    return _of_kind(kind, namespace, name, pods)


def _of_kind(kind: str, namespace: str, name: str, pods: Sequence[Pod]) -> Hindrance:
    kubectl = ("kubectl", "-n", namespace)
    match kind:
        case "Pod":
            reason = "no controller replaces the pod: delete it and create it again"
            return Hindrance(reason, (*kubectl, "get", "pod", name, "-o", "yaml"))
        case "ReplicaSet" | "ReplicationController":
            reason = f"a {kind} has no rollout: it only replaces pods that are deleted"
            return Hindrance(reason, _delete(namespace, (pod.name for pod in pods)))
        case "CronJob":
            return Hindrance("its next run gets new pods; the current run is not changed")
        case "Job":
            return Hindrance("the pods of a Job are not replaced: let it finish, or delete the Job and create it again")
        case "Rollout":
            reason = "it is an Argo Rollout, which podid does not restart"
            return Hindrance(reason, ("kubectl", "argo", "rollouts", "restart", name, "-n", namespace))
        case "StrimziPodSet":
            # https://strimzi.io/docs/operators/latest/deploying#assembly-rolling-updates-str
            reason = "the Strimzi operator manages its pods and restarts them in an order that is safe for Kafka"
            mark = "strimzi.io/manual-rolling-update=true"
            return Hindrance(reason, (*kubectl, "annotate", "strimzipodset", name, mark))
    return Hindrance(f"podid does not support restarts of a {kind}; use its own tool")


def on_delete(namespace: str, pods: Iterable[str]) -> Hindrance:
    """Return the hindrance of a workload with the update strategy OnDelete."""
    reason = "its update strategy is OnDelete: its pods are replaced only when they are deleted (podid restart --evict)"
    return Hindrance(reason, _delete(namespace, pods))


def partitioned(workload: Subject, partition: int, pods: Collection[str]) -> Hindrance | None:
    """Return the hindrance of pods that the partition of a StatefulSet keeps; None if a restart replaces one of them.
    https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#partitions"""
    if not pods or not all(is_kept(pod, partition) for pod in pods):
        return None
    reason = f"the partition of its update strategy excludes the pods with an ordinal below {partition}"
    patch = '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}'
    return Hindrance(reason, ("kubectl", "-n", workload.namespace, "patch", "statefulset", workload.name, "-p", patch))


def is_kept(pod: str, partition: int) -> bool:
    """Return whether the pod of a StatefulSet has an ordinal below the partition: a rollout does not replace it."""
    number = pod.rpartition("-")[2]
    return number.isdecimal() and int(number) < partition


def paused(kind: str, namespace: str, name: str) -> Hindrance:
    """Return the hindrance of a Deployment with a paused rollout."""
    reason = "its rollout is paused, so a restart replaces no pods until it is resumed"
    return Hindrance(reason, ("kubectl", "-n", namespace, "rollout", "resume", f"{kind.lower()}/{name}"))


def without_account(namespace: str, account: str) -> Hindrance:
    """Return the hindrance of a workload whose pod template names a service account that does not exist."""
    reason = f"service account {namespace}/{account} does not exist, so a deleted pod could not be replaced"
    command = ("kubectl", "-n", namespace, "create", "serviceaccount", account)
    return Hindrance(reason, command, mode="association-sa-not-found")


def _delete(namespace: str, pods: Iterable[str]) -> tuple[str, ...]:
    return ("kubectl", "-n", namespace, "delete", "pod", *pods)


ROLE_ARN = "AWS_ROLE_ARN"
_ENABLED = {"eks.amazonaws.com/pod-identity": "enabled"}
_IRSA_TOKEN = "eks.amazonaws.com/serviceaccount/token"
_IRSA_FILE = f"/var/run/secrets/{_IRSA_TOKEN}"


class NewPods:
    """Makes the pods that replace running ones, with their names and nodes, ready, from a snapshot. The snapshot gives
    associations, service accounts and the webhook's registration. If one of them is missing, the new pod is like the
    running pod in that respect; a webhook that could not be read injects all pods."""

    def __init__(self, snapshot: Snapshot, now: datetime) -> None:
        associations, accounts, cluster = snapshot.associations, snapshot.service_accounts, snapshot.cluster
        self._now = now
        self._associated = {a.ref for a in associations.value} if isinstance(associations, Known) else None
        self._irsa = {a.ref: a.irsa_role_arn for a in accounts.value} if isinstance(accounts, Known) else None
        self._webhook = known_or(snapshot.webhook, WebhookRegistration())
        self._ipv6 = isinstance(cluster, Known) and cluster.value.ip_family == "ipv6"

    def __call__(self, pod: Pod) -> Pod:
        plain = without_injection(pod)
        new = replace(
            plain,
            uid=f"{pod.uid}-anew",
            phase="Running",
            created_at=self._now.replace(microsecond=0),
            containers=tuple(
                replace(c, ready=True, waiting="", restarts=0, ended="", exit_code=None, failed=None)
                for c in plain.containers
            ),
            ready=True,
            ready_since=self._now,
            deleting=False,
            ephemeral=(),
            reason="",
            message="",
        )
        webhook = self._webhook
        if webhook is None or not webhook.on_create or webhook.excluding_selector(new.namespace, new.labels):
            return new
        return self._injected(new, pod)

    def _injected(self, new: Pod, running: Pod) -> Pod:
        """Return the new pod with the injected fields. An association overrides the role of an IRSA annotation."""
        if workloads.injected(running) if self._associated is None else running.ref in self._associated:
            values = (workloads.AGENT_ADDRESSES[self._ipv6], f"{workloads.TOKEN_FILES}{workloads.TOKEN_VOLUME}")
            volume, labels = workloads.TOKEN_VOLUME, _ENABLED
            variables = dict(zip(workloads.INJECTED_ENV, values, strict=True))
        elif role := self._irsa_role(running):
            volume, labels, variables = workloads.IRSA_VOLUME, {}, {ROLE_ARN: role, workloads.IRSA_ENV: _IRSA_FILE}
        else:
            return new
        names = {container.name for container in workloads.served(new)}
        if not names:
            return new
        return replace(
            new,
            containers=tuple(
                replace(c, env={**c.env, **variables}) if c.name in names and variables.keys().isdisjoint(c.env) else c
                for c in new.containers
            ),
            volumes=(*new.volumes, volume),
            labels={**new.labels, **labels},
        )

    def _irsa_role(self, pod: Pod) -> str:
        if self._irsa is not None:
            return self._irsa.get(pod.ref, "")
        roles = (container.env.get(ROLE_ARN, "") for container in pod.containers)
        return next(filter(None, roles), "") if workloads.carries_irsa(pod) else ""


def without_injection(pod: Pod) -> Pod:
    """Return the pod without the fields that the webhook injected, as in its template."""
    volumes = tuple(name for name in (workloads.TOKEN_VOLUME, workloads.IRSA_VOLUME) if name in pod.volumes)
    if not volumes:
        return pod
    return replace(
        pod,
        volumes=tuple(name for name in pod.volumes if name not in volumes),
        labels={key: value for key, value in pod.labels.items() if key not in _ENABLED},
        containers=tuple(_plain(container, volumes) for container in pod.containers),
    )


def _plain(container: Container, volumes: tuple[str, ...]) -> Container:
    # the webhook sets both variables of a kind or none; with another value of one, both are the manifest's own
    kept = dict(container.env)
    address, file = (kept.get(name, "") for name in workloads.INJECTED_ENV)
    if workloads.TOKEN_VOLUME in volumes and address in workloads.AGENT_ADDRESSES and workloads.is_injected_path(file):
        for name in workloads.INJECTED_ENV:
            del kept[name]
    if workloads.IRSA_VOLUME in volumes and (kept.get(workloads.IRSA_ENV) or _IRSA_FILE).endswith(_IRSA_TOKEN):
        for name in (ROLE_ARN, workloads.IRSA_ENV):
            kept.pop(name, None)
    return replace(container, env=kept, blank=tuple(name for name in container.blank if name in kept))
