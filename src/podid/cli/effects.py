"""Looks at the effect of a change, as far as --wait asks and the cluster lets us, and says which code that makes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from podid.cli.options import Wait
from podid.domain.exit_codes import ExitCode, combine
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Done, Effect, EffectState, Plan

if TYPE_CHECKING:
    from podid.cli.access import Access
    from podid.cli.terminal import Terminal
    from podid.domain.model import Association
    from podid.ops.clients import KubeAccess

ASSOCIATION_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found after a change: its effect, the code that it makes, and what was done on the way (restarts)."""

    effect: Effect | None
    code: ExitCode = ExitCode.OK
    done: tuple[Done, ...] = ()


def look(access: Access, terminal: Terminal, watch: Callable[[KubeAccess], Effect]) -> Effect | None:
    """The effect as `watch` sees it; None when --wait none or api leaves it alone."""
    if access.options.wait in (Wait.NONE, Wait.API):
        return None
    kube = access.kube
    if kube.failure is not None:
        return Effect(EffectState.UNKNOWN, f"the cluster could not be looked at: {kube.failure.what}")
    try:
        return watch(kube)
    finally:
        terminal.progress.done()


def effect_code(access: Access, effect: Effect | None) -> ExitCode:
    """7 when it was not seen in time; 9 when it was asked for by name and could not be looked at."""
    if effect is None:
        return ExitCode.OK
    if effect.state is EffectState.NOT_IN_EFFECT:
        return ExitCode.UNAVAILABLE
    if effect.state is EffectState.UNKNOWN and access.options.wait is Wait.EFFECT:
        return ExitCode.UNDETERMINED
    return ExitCode.OK


def association_effect(
    access: Access,
    terminal: Terminal,
    refs: Collection[ServiceAccountRef],
    *,
    gone: bool = False,
    since: datetime | None = None,
) -> Effect | None:
    """Whether new pods of the service accounts get credentials (or, with `gone`, no longer do)."""
    from podid.ops.association.effect import combine, wait_for_effect, wait_for_no_effect

    def watch(kube: KubeAccess) -> Effect:
        wait = wait_for_no_effect if gone else partial(wait_for_effect, since=since)
        found = wait(
            kube.reader,
            kube.writer,
            refs,
            timeout=access.options.timeout_seconds(ASSOCIATION_SECONDS),
            monotonic=access.runtime.monotonic,
            sleep=access.runtime.sleep,
            progress=terminal.progress.update,
        )
        effect = combine(found.values())
        assert effect is not None  # refs is never empty
        return effect

    return look(access, terminal, watch)


def pods_effect(access: Access, terminal: Terminal, refs: Collection[ServiceAccountRef]) -> Effect | None:
    """What the running pods show after a restart: proof when each of them carries the injected fields."""
    from podid.ops.association.effect import live_pods_effect

    def watch(kube: KubeAccess) -> Effect:
        return live_pods_effect(kube.reader, refs)

    return look(access, terminal, watch)


# longer than any control plane is known to take (AWS: "several seconds"; 10 s in its blog on session policies)
HEARD_EVERYWHERE = timedelta(seconds=120)


def settled_since(
    plan: Plan, current: Mapping[ServiceAccountRef, Association | None], now: datetime
) -> datetime | None:
    """When the associations were made, if this run left them alone and every API server must have heard of them: then
    pods that are younger prove the effect at once. None: it has to be looked at."""
    made = [association.created_at for association in current.values() if association is not None]
    times = [moment for moment in made if moment is not None and now - moment > HEARD_EVERYWHERE]
    return max(times) if not plan.actions and len(times) == len(current) else None


def after_associate(
    access: Access,
    terminal: Terminal,
    plan: Plan,
    refs: Sequence[ServiceAccountRef],
    *,
    since: datetime | None,
    restart: bool,
) -> Seen:
    """Waits until new pods would get the role, then, if asked, replaces the old ones and looks at the new."""
    from podid.cli.restarting import restart_stale

    effect = association_effect(access, terminal, refs, since=since)
    code = effect_code(access, effect)
    if not restart or code is ExitCode.UNAVAILABLE:
        return Seen(effect, code)
    changed = [ref for ref in refs if _holds_old_role(access, plan.header.cluster, ref)]
    rest = [ref for ref in refs if ref not in changed]
    parts = [
        restart_stale(access, terminal, plan.header, chosen, stale=stale, expect_injected=True)
        for chosen, stale in ((rest, True), (changed, False))
        if chosen
    ]
    done = tuple(item for part in parts for item in part.done)
    codes = {part.code for part in parts}
    if codes != {ExitCode.OK}:
        return Seen(effect, combine({code, *codes}), done)
    proof = pods_effect(access, terminal, refs)
    return Seen(proof or effect, code if proof is None else effect_code(access, proof), done)


def _holds_old_role(access: Access, cluster_name: str, ref: ServiceAccountRef) -> bool:
    """Whether pods are older than the last change of an association that had been there: they carry the injected
    fields already, and the old role's credentials for hours."""
    from podid.cli.restarting import need_kubernetes
    from podid.domain.workloads import live

    association = access.aws.eks.find_association(cluster_name, ref)
    if association is None or association.modified_at is None or association.modified_at == association.created_at:
        return False
    pods = need_kubernetes(access).reader.list_pods(ref.namespace, service_account=ref.name)
    return any(live(pod) and pod.created_at < association.modified_at for pod in pods)


def after_disassociate(access: Access, terminal: Terminal, plan: Plan, *, restart: bool) -> Seen:
    refs = [ServiceAccountRef(action.keys["namespace"], action.keys["serviceAccount"]) for action in plan.actions]
    if not refs:
        return Seen(None)
    from podid.cli.restarting import restart_stale

    effect = association_effect(access, terminal, refs, gone=True)
    code = effect_code(access, effect)
    if not restart or code is ExitCode.UNAVAILABLE:
        return Seen(effect, code)
    restarted = restart_stale(access, terminal, plan.header, refs, stale=False, expect_injected=False)
    return Seen(effect, combine({code, restarted.code}), restarted.done)


def coverage_effect(access: Access, terminal: Terminal, seconds: float) -> Seen:
    """ACTIVE is EKS's word; what counts is a Ready agent pod on every node that should have one."""
    from podid.ops.agent.coverage import wait_covered

    def watch(kube: KubeAccess) -> Effect:
        return wait_covered(
            kube.reader,
            timeout=access.options.timeout_seconds(seconds),
            monotonic=access.runtime.monotonic,
            sleep=access.runtime.sleep,
            progress=terminal.progress.update,
        )

    effect = look(access, terminal, watch)
    return Seen(effect, effect_code(access, effect))
