"""How the pods of a workload come to be replaced where a restart does not do it, and what to say of it.

Facts: https://kubernetes.io/docs/concepts/workloads/controllers/ (of each kind its page).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from podid.domain.model import Pod
from podid.domain.workloads import RESTARTABLE, on_fargate, static


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why podid does not replace the pods, the command that does something about it, and the id of a failure mode that
    explains it; each may be empty."""

    what: str
    command: tuple[str, ...] = ()
    mode: str = ""


def hindrance(kind: str, namespace: str, name: str, pods: Sequence[Pod], *, stale: bool) -> Hindrance | None:
    """None where a restart replaces the pods, so far as the kind tells; `stale` is whether they are to get Pod
    Identity's credentials."""
    if stale and all(on_fargate(pod, {}) for pod in pods):
        what = "it runs on Fargate, where Pod Identity does not work; a restart would only take IRSA away"
        return Hindrance(what, mode="fargate-pod")
    if kind in RESTARTABLE:
        return None
    if static(pods[0]):
        what = (
            f"it is a static pod, which cannot use a service account: take its manifest off node {pods[0].node}, "
            "and run it as a DaemonSet or a Deployment"
        )
        return Hindrance(what, mode="injection-opted-out")
    return _of_kind(kind, namespace, name, pods)


def _of_kind(kind: str, namespace: str, name: str, pods: Sequence[Pod]) -> Hindrance:
    kubectl = ("kubectl", "-n", namespace)
    match kind:
        case "Pod":
            what = "no controller would bring the pod back: delete it and create it again"
            return Hindrance(what, (*kubectl, "get", "pod", name, "-o", "yaml"))
        case "ReplicaSet" | "ReplicationController":
            what = f"nothing rolls out a {kind} by itself: it makes pods again that are deleted"
            return Hindrance(what, _delete(namespace, (pod.name for pod in pods)))
        case "CronJob":
            return Hindrance("its next run gets new pods by itself; the one that is running is left alone")
        case "Job":
            what = "the pods of a Job are not replaced: let it finish, or delete the Job and create it again"
            return Hindrance(what)
        case "Rollout":
            what = "it is an Argo Rollout, which podid does not restart"
            return Hindrance(what, ("kubectl", "argo", "rollouts", "restart", name, "-n", namespace))
        case "StrimziPodSet":
            # https://strimzi.io/docs/operators/latest/deploying#assembly-rolling-updates-str
            what = "its pods belong to the Strimzi operator, which restarts them in an order that Kafka survives"
            mark = "strimzi.io/manual-rolling-update=true"
            return Hindrance(what, (*kubectl, "annotate", "strimzipodset", name, mark))
    return Hindrance(f"podid does not know how to restart a {kind}; use its own tool")


def on_delete(namespace: str, pods: Iterable[str]) -> Hindrance:
    """Of a workload whose update strategy is OnDelete."""
    what = "its update strategy is OnDelete: its pods are replaced only when they are deleted (podid restart --evict)"
    return Hindrance(what, _delete(namespace, pods))


def paused(kind: str, namespace: str, name: str) -> Hindrance:
    """Of a Deployment whose roll-out somebody paused."""
    what = "it is paused, so a restart would replace nothing until it is resumed"
    return Hindrance(what, ("kubectl", "-n", namespace, "rollout", "resume", f"{kind.lower()}/{name}"))


def without_account(namespace: str, account: str) -> Hindrance:
    """Of a workload whose pod template names a service account that is not there (any more)."""
    what = f"service account {namespace}/{account} does not exist, so no new pod could take the place of one that goes"
    return Hindrance(
        what, ("kubectl", "-n", namespace, "create", "serviceaccount", account), mode="association-sa-not-found"
    )


def _delete(namespace: str, pods: Iterable[str]) -> tuple[str, ...]:
    return ("kubectl", "-n", namespace, "delete", "pod", *pods)
