"""What follows once associations are as wanted: their effect is looked at, and pods that missed it are replaced."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from podid.domain.errors import PodidError
from podid.domain.exit_codes import ExitCode
from podid.domain.model import Association
from podid.domain.names import ServiceAccountRef
from podid.domain.patience import Patience
from podid.domain.place import Place
from podid.domain.plan import ChangeResult, Effect, EffectState, Plan, Status, Wait
from podid.domain.workloads import live
from podid.ops.association.effect import combine, live_pods_effect, wait_for_effect, wait_for_no_effect
from podid.ops.association.plan import changed_associations
from podid.ops.association.proving import prove_effect
from podid.ops.change.journal import Journal
from podid.ops.change.look import look
from podid.ops.clients import Clients, KubeAccess
from podid.ops.reading.changes import recent_changes
from podid.ops.restart.journalled import Restarting, replace_pods

ASSOCIATION_SECONDS = 300.0

# longer than any control plane is known to take (AWS: "several seconds"; 10 s in its blog on session policies)
HEARD_EVERYWHERE = timedelta(seconds=120)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """How the effect of a change of associations is looked at, and how long; `restarting` is set where the pods that
    the change did not reach are to be replaced."""

    clients: Clients
    place: Place
    patience: Patience
    wait: Wait | None
    journal: Journal
    restarting: Restarting | None = None


def after_associate(
    how: Looking,
    result: ChangeResult,
    before: Mapping[ServiceAccountRef, Association | None],
    *,
    seen: Effect | None = None,
) -> ChangeResult:
    """Waits until new pods would get the role, unless that was `seen`, then, if asked, replaces the old ones and looks
    at the new; with Wait.PROOF ends with what verify says of the pods.

    `before` are the associations that the plan was made from. Nothing is looked at after a change that failed, nor
    where the plan was about none. What is met on the way is the result's error.
    """
    if result.error is not None or not before:
        return result
    refs, patience = tuple(before), how.patience
    result, began = replace(result, wait=how.wait), patience.clock.monotonic()
    since = _settled_since(result.plan, before, patience.clock.now())
    try:
        watch = partial(wait_for_effect, since=since)
        result = replace(result, effect=seen or _effect(how, refs, watch))
        if result.exit_code is ExitCode.UNAVAILABLE:
            return result
        if how.restarting is not None:
            result = _restart(how, how.restarting, result, refs)
            if _left_undone(result):
                return result
        if result.plan.broken is not None and result.effect is not None:
            # whatever the pods carry: the role lets nobody in with it
            result = replace(result, effect=result.plan.broken)
        left = patience.within(max(patience.seconds - (patience.clock.monotonic() - began), 1.0))
        return after_proof(replace(how, patience=left), result, refs)
    except PodidError as error:
        return replace(result, error=error)


def after_proof(how: Looking, result: ChangeResult, refs: Collection[ServiceAccountRef] | None = None) -> ChangeResult:
    """With Wait.PROOF, the result with what verify says of the pods of `refs`, or of all associations of the cluster;
    it mints credentials. Else, and where there is no way into the cluster, as it was. What is met on the way is the
    result's error."""
    if how.wait is not Wait.PROOF or how.clients.kube.failure is not None:
        return result
    result = replace(result, wait=how.wait)
    try:
        if refs is None:
            refs = [item.ref for item in how.clients.eks.list_association_summaries(how.place.cluster_name)]
        if not refs:
            none = "the cluster has no association, so there is no pod to prove it with"
            return replace(result, effect=Effect(EffectState.UNKNOWN, none))
        changes = recent_changes(how.journal, how.place.the_cluster, how.patience.clock.now())
        effect, proofs = prove_effect(how.clients, how.place, tuple(refs), how.patience, changes)
    except PodidError as error:
        return replace(result, error=error)
    return replace(result, effect=effect, proofs=proofs)


def _restart(
    how: Looking, restarting: Restarting, result: ChangeResult, refs: Collection[ServiceAccountRef]
) -> ChangeResult:
    """Replaces the pods that the change did not reach, and looks at the new ones."""
    clients, place = how.clients, how.place
    changed = [ref for ref in refs if _holds_old_role(clients, place, ref)]
    rest = [ref for ref in refs if ref not in changed]
    for chosen, stale in ((rest, True), (changed, False)):
        found = replace_pods(clients, place, chosen, restarting, stale=stale, expect_injected=True)
        result = replace(result, done=(*result.done, *found.done))
    if _left_undone(result):
        return result
    seen = look(clients, how.wait, lambda kube: live_pods_effect(kube.reader, refs))
    return replace(result, effect=seen or result.effect)


def _left_undone(result: ChangeResult) -> bool:
    return any(item.status in (Status.FAILED, Status.BLOCKED) for item in result.done)


def after_disassociate(how: Looking, result: ChangeResult) -> ChangeResult:
    """Waits until new pods would no longer get the role, then, if asked, replaces those that hold it."""
    _, refs = changed_associations(result.plan)
    result = without_effect(how, result, refs)
    if how.restarting is None or not refs or result.error is not None or result.exit_code is ExitCode.UNAVAILABLE:
        return result
    try:
        found = replace_pods(how.clients, how.place, refs, how.restarting, stale=False, expect_injected=False)
        return replace(result, done=(*result.done, *found.done))
    except PodidError as error:
        return replace(result, error=error)


def without_effect(how: Looking, result: ChangeResult, refs: Collection[ServiceAccountRef]) -> ChangeResult:
    """Waits until new pods of these service accounts would no longer get the role."""
    if result.error is not None or not refs:
        return result
    result = replace(result, wait=how.wait)
    try:
        return replace(result, effect=_effect(how, refs, wait_for_no_effect))
    except PodidError as error:
        return replace(result, error=error)


def after_change(how: Looking, result: ChangeResult, *, seen: Effect | None = None) -> ChangeResult:
    """What follows a change of associations in whatever direction: both of the above."""
    kept, deleted = changed_associations(result.plan)
    effects = []
    if kept:
        result = after_associate(how, result, dict.fromkeys(kept), seen=seen)
        effects.append(result.effect)
    if deleted:
        result = after_disassociate(how, result)
        effects.append(result.effect)
    return replace(result, effect=combine(effect for effect in effects if effect is not None))


def _effect(
    how: Looking,
    refs: Collection[ServiceAccountRef],
    watch: Callable[[KubeAccess, Collection[ServiceAccountRef], Patience], Mapping[ServiceAccountRef, Effect]],
) -> Effect | None:
    return look(how.clients, how.wait, lambda kube: combine(watch(kube, refs, how.patience).values()))


def _settled_since(
    plan: Plan, before: Mapping[ServiceAccountRef, Association | None], now: datetime
) -> datetime | None:
    """When the associations were made, if this run left them alone and every API server must have heard of them: then
    pods that are younger prove the effect at once. None: it has to be looked at."""
    made = [association.created_at for association in before.values() if association is not None]
    times = [moment for moment in made if moment is not None and now - moment > HEARD_EVERYWHERE]
    return max(times) if not plan.actions and len(times) == len(before) else None


def _holds_old_role(clients: Clients, place: Place, ref: ServiceAccountRef) -> bool:
    """Whether pods are older than the last change of an association that had been there: they carry the injected
    fields already, and the old role's credentials for hours."""
    association = clients.eks.find_association(place.cluster_name, ref)
    if association is None or association.modified_at is None or association.modified_at == association.created_at:
        return False
    pods = clients.kube.reader.list_pods(ref.namespace, service_account=ref.name)
    return any(live(pod) and pod.created_at < association.modified_at for pod in pods)
