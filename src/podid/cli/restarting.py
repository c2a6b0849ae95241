"""Restarts, written to the journal like every other change."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from podid.cli.effects import Seen
from podid.domain.plan import Action, Done, Header, Plan, ResourceKind
from podid.render.changes import plan_text

if TYPE_CHECKING:
    from podid.cli.access import Access
    from podid.cli.terminal import Terminal
    from podid.domain.names import ServiceAccountRef
    from podid.ops.clients import KubeAccess
    from podid.ops.restart.rollout import RestartReport
    from podid.ops.restart.targets import Target

RESTART_SECONDS = 900.0


def need_kubernetes(access: Access) -> KubeAccess:
    """Kubernetes access, or the error that stood in its way: for what makes no sense without."""
    kube = access.kube
    if kube.failure is not None:
        raise kube.failure
    return kube


def restart_plan(header: Header, targets: Sequence[Target]) -> Plan:
    actions = tuple(
        Action(
            ResourceKind.RESTART,
            None,
            {"namespace": target.workload.namespace, "kind": target.workload.kind, "name": target.workload.name},
            note=f"{len(target.pods)} of {target.live} pods" + (f"; {target.obstacle}" if target.obstacle else ""),
        )
        for target in targets
    )
    return Plan(header=header, actions=actions)


def restart_recorded(
    access: Access,
    terminal: Terminal,
    kube: KubeAccess,
    plan: Plan,
    targets: Sequence[Target],
    *,
    expect_injected: bool,
) -> tuple[tuple[Done, ...], RestartReport, str]:
    """Carries out `plan`, which `restart_plan` made of `targets`: intents on disk first, outcomes after."""
    from podid.ops.restart.rollout import restart

    access.runtime.changing = True
    with access.journal.begin(access.runtime.argv, plan.header, access.runtime.now()) as recorder:
        for number, action in enumerate(plan.actions):
            recorder.intent(number, action)
        found = restart(
            kube.reader,
            kube.writer,
            targets,
            expect_injected=expect_injected,
            timeout=access.options.timeout_seconds(RESTART_SECONDS),
            now=access.runtime.now,
            monotonic=access.runtime.monotonic,
            sleep=access.runtime.sleep,
            progress=terminal.progress.update,
        )
        terminal.progress.done()
        by_name = {str(outcome.target.workload): outcome for outcome in found.outcomes}
        done = []
        for number, (action, target) in enumerate(zip(plan.actions, targets, strict=True)):
            outcome = by_name[str(target.workload)]
            item = Done(action, outcome.status, action.after, reason=outcome.message)
            recorder.outcome(number, item)
            done.append(item)
        return tuple(done), found, recorder.run_id


def restart_stale(
    access: Access,
    terminal: Terminal,
    header: Header,
    refs: Collection[ServiceAccountRef],
    *,
    stale: bool,
    expect_injected: bool,
) -> Seen:
    """For --restart of other commands: replaces what needs it, and says what became of it."""
    from podid.ops.restart.rollout import find_targets

    kube = need_kubernetes(access)
    targets = find_targets(kube.reader, refs, stale=stale)
    if not targets:
        return Seen(None)
    plan = restart_plan(header, targets)
    terminal.note(plan_text(plan).rstrip("\n"))
    done, found, _ = restart_recorded(access, terminal, kube, plan, targets, expect_injected=expect_injected)
    return Seen(None, found.exit_code, done)
