"""Looks at the effect of a change, as far as --wait asks and the cluster lets us, and says which code that makes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from podid.cli.options import Wait
from podid.domain.exit_codes import ExitCode
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Done, Effect, EffectState

if TYPE_CHECKING:
    from podid.cli.invocation import Invocation
    from podid.ops.clients import KubeAccess

ASSOCIATION_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found after a change: its effect, the code that it makes, and what was done on the way (restarts)."""

    effect: Effect | None
    code: ExitCode = ExitCode.OK
    done: tuple[Done, ...] = ()


def look(run: Invocation, watch: Callable[[KubeAccess], Effect]) -> Effect | None:
    """The effect as `watch` sees it; None when --wait none or api leaves it alone."""
    if run.options.wait in (Wait.NONE, Wait.API):
        return None
    access = run.kube()
    if access.failure is not None:
        return Effect(EffectState.UNKNOWN, f"the cluster could not be looked at: {access.failure.what}")
    try:
        return watch(access)
    finally:
        run.progress.done()


def effect_code(run: Invocation, effect: Effect | None) -> ExitCode:
    """7 when it was not seen in time; 9 when it was asked for by name and could not be looked at."""
    if effect is None:
        return ExitCode.OK
    if effect.state is EffectState.NOT_IN_EFFECT:
        return ExitCode.UNAVAILABLE
    if effect.state is EffectState.UNKNOWN and run.options.wait is Wait.EFFECT:
        return ExitCode.UNDETERMINED
    return ExitCode.OK


def association_effect(
    run: Invocation, refs: Collection[ServiceAccountRef], *, gone: bool = False, since: datetime | None = None
) -> Effect | None:
    """Whether new pods of the service accounts get credentials (or, with `gone`, no longer do)."""
    from podid.ops.association.effect import combine, wait_for_effect, wait_for_no_effect

    def watch(access: KubeAccess) -> Effect:
        wait = wait_for_no_effect if gone else partial(wait_for_effect, since=since)
        found = wait(
            access.reader,
            access.writer,
            refs,
            timeout=run.options.timeout_seconds(ASSOCIATION_SECONDS),
            monotonic=run.runtime.monotonic,
            sleep=run.runtime.sleep,
            progress=run.progress.update,
        )
        effect = combine(found.values())
        assert effect is not None  # refs is never empty
        return effect

    return look(run, watch)


def pods_effect(run: Invocation, refs: Collection[ServiceAccountRef]) -> Effect | None:
    """What the running pods show after a restart: proof when each of them carries the injected fields."""
    from podid.ops.association.effect import live_pods_effect

    def watch(access: KubeAccess) -> Effect:
        return live_pods_effect(access.reader, refs)

    return look(run, watch)
