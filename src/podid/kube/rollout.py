"""The progress of a rollout, by the rules of `kubectl rollout status`
(https://github.com/kubernetes/kubectl/blob/master/pkg/polymorphichelpers/rollout_status.go)."""

from dataclasses import dataclass

from podid.domain.foreign import Object, flag_or, inner, inner_or_empty, inners_or_none, number_or, text_or

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """The state of a Deployment, StatefulSet or DaemonSet. `waiting` is the unfinished step, "" for none; `failed` is
    the controller's reason for a failure. `held_back` is the number of replicas that a StatefulSet's partition does not
    update, those with an ordinal below `kept_below`; `service_account` is the one in the pod template."""

    kind: str
    namespace: str
    name: str
    desired: int
    updated: int
    available: int
    waiting: str = ""
    failed: str = ""
    paused: bool = False
    on_delete: bool = False
    held_back: int = 0
    kept_below: int = 0
    restarted_at: str = ""
    service_account: str = "default"

    @property
    def done(self) -> bool:
        return not self.waiting and not self.failed


def rollout(kind: str, item: Object) -> Rollout:
    metadata, spec, status = inner(item, "metadata"), inner(item, "spec"), inner_or_empty(item, "status")
    strategy = inner_or_empty(spec, "updateStrategy")
    template = inner_or_empty(spec, "template")
    partition = number_or(inner_or_empty(strategy, "rollingUpdate"), "partition") if kind == "StatefulSet" else 0
    if kind == "DaemonSet":
        desired = number_or(status, "desiredNumberScheduled")
        updated, available = (number_or(status, k) for k in ("updatedNumberScheduled", "numberAvailable"))
    else:
        desired = number_or(spec, "replicas", 1)
        updated, available = (number_or(status, k) for k in ("updatedReplicas", "availableReplicas"))
    held_back, on_delete = min(partition, desired), text_or(strategy, "type") == "OnDelete"
    first_ordinal = number_or(inner_or_empty(spec, "ordinals"), "start")
    observed = number_or(status, "observedGeneration") >= number_or(metadata, "generation")
    return Rollout(
        kind=kind,
        namespace=text_or(metadata, "namespace"),
        name=text_or(metadata, "name"),
        desired=desired,
        updated=updated,
        available=available,
        # pods of a previous revision stay until they are deleted
        waiting=_waiting(kind, status, desired, updated, available, desired if on_delete else held_back)
        if observed
        else "the controller has not observed the change yet",
        failed=_condition(status, "Progressing", "ProgressDeadlineExceeded") if observed else "",
        paused=flag_or(spec, "paused"),
        on_delete=on_delete,
        held_back=held_back,
        kept_below=held_back and first_ordinal + held_back,
        restarted_at=text_or(inner_or_empty(template, "metadata", "annotations"), RESTARTED_AT),
        service_account=text_or(inner_or_empty(template, "spec"), "serviceAccountName") or "default",
    )


def _waiting(kind: str, status: Object, desired: int, updated: int, available: int, held_back: int) -> str:
    if updated < desired - held_back:
        refusal = _condition(status, "ReplicaFailure", "FailedCreate")
        return f"{updated} of {desired - held_back} pods are updated" + (f": {refusal}" if refusal else "")
    if kind == "Deployment":
        old = number_or(status, "replicas") - updated
        if old > 0:
            return f"{old} old {'pod is' if old == 1 else 'pods are'} pending termination"
    if available < desired:
        return f"{available} of {desired} pods are available"
    if kind == "StatefulSet" and not held_back:
        update, current = (text_or(status, f"{which}Revision") for which in ("update", "current"))
        return "the new revision is not current yet" if update != current else ""
    return ""


def _condition(status: Object, kind: str, reason: str) -> str:
    """Return the message of the condition of this type and reason; empty without one."""
    for condition in inners_or_none(status, "conditions"):
        if text_or(condition, "type") == kind and text_or(condition, "reason") == reason:
            return text_or(condition, "message") or reason
    return ""
