"""Restarts, written to the journal like every other change, and what `podid restart` does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from podid.cli import inputs
from podid.cli.change import report, settle_interrupted
from podid.cli.effects import Seen
from podid.domain.errors import UsageError
from podid.domain.plan import Action, Done, Header, Plan, ResourceKind
from podid.ops.change.apply import Applied
from podid.render.changes import plan_text, plan_view

if TYPE_CHECKING:
    from podid.cli.invocation import Invocation
    from podid.domain.names import ServiceAccountRef
    from podid.ops.clients import KubeAccess
    from podid.ops.restart.rollout import RestartReport
    from podid.ops.restart.targets import Target

RESTART_SECONDS = 900.0


def need_kubernetes(run: Invocation) -> KubeAccess:
    """Kubernetes access, or the error that stood in its way: for what makes no sense without."""
    access = run.kube()
    if access.failure is not None:
        raise access.failure
    return access


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
    run: Invocation, access: KubeAccess, plan: Plan, targets: Sequence[Target], *, expect_injected: bool
) -> tuple[tuple[Done, ...], RestartReport, str]:
    """Carries out `plan`, which `restart_plan` made of `targets`: intents on disk first, outcomes after."""
    from podid.ops.restart.rollout import restart

    with run.journal.begin(run.runtime.argv, plan.header, run.runtime.now()) as recorder:
        for number, action in enumerate(plan.actions):
            recorder.intent(number, action)
        found = restart(
            access.reader,
            access.writer,
            targets,
            expect_injected=expect_injected,
            timeout=run.options.timeout_seconds(RESTART_SECONDS),
            now=run.runtime.now,
            monotonic=run.runtime.monotonic,
            sleep=run.runtime.sleep,
            progress=run.progress.update,
        )
        run.progress.done()
        by_name = {str(outcome.target.workload): outcome for outcome in found.outcomes}
        done = []
        for number, (action, target) in enumerate(zip(plan.actions, targets, strict=True)):
            outcome = by_name[str(target.workload)]
            item = Done(action, outcome.status, action.after, reason=outcome.message)
            recorder.outcome(number, item)
            done.append(item)
        return tuple(done), found, recorder.run_id


def restart_stale(
    run: Invocation, header: Header, refs: Collection[ServiceAccountRef], *, stale: bool, expect_injected: bool
) -> Seen:
    """For --restart of other commands: replaces what needs it, and says what became of it."""
    from podid.ops.restart.rollout import find_targets

    access = need_kubernetes(run)
    targets = find_targets(access.reader, refs, stale=stale)
    if not targets:
        return Seen(None)
    plan = restart_plan(header, targets)
    run.note(plan_text(plan).rstrip("\n"))
    done, found, _ = restart_recorded(run, access, plan, targets, expect_injected=expect_injected)
    return Seen(None, found.exit_code, done)


def run_restart(run: Invocation, targets: Sequence[str], *, stale: bool) -> None:
    from podid.ops.restart.rollout import find_targets

    refs = inputs.service_accounts(targets)
    if not refs and run.options.namespace is None and not run.options.all_namespaces:
        raise UsageError(
            "Which pods? Name service accounts, a namespace (-n NS) or the whole cluster (-A)",
            hint=("podid", "restart", "NAMESPACE/NAME"),
        )
    if refs and (run.options.all_namespaces or run.sources.get("namespace") == "--namespace"):
        raise UsageError("Service accounts and -n or -A exclude each other")
    cluster = run.cluster(for_change=True)
    access = need_kubernetes(run)
    header = run.header(cluster=cluster.name)
    settle_interrupted(run, run.resources(), header)
    with run.working("looking for pods"):
        associated = {
            item.ref
            for item in run.aws.eks.list_association_summaries(
                cluster.name, namespace=None if refs else run.options.namespace
            )
        }
        chosen = tuple(ref for ref in refs if ref in associated) if refs else tuple(sorted(associated))
        _check_associated(refs, associated, cluster.name)
        found_targets = find_targets(access.reader, chosen, stale=stale)
    plan = restart_plan(header, found_targets)
    if run.options.dry_run:
        run.emit(plan_view(plan))
        return
    if not found_targets:
        run.note("nothing to restart" + (": every pod carries the injected fields" if stale else ""))
        report(run, plan, Applied("", ()))
        return
    run.note(plan_text(plan).rstrip("\n"))
    done, outcome, run_id = restart_recorded(run, access, plan, found_targets, expect_injected=True)
    report(run, plan, Applied(run_id, done), seen=lambda: Seen(None, outcome.exit_code))


def _check_associated(refs: Sequence[ServiceAccountRef], associated: set[ServiceAccountRef], cluster_name: str) -> None:
    from podid.ops.association.plan import association_not_found

    for ref in refs:
        if ref not in associated:
            raise association_not_found(ref, cluster_name, tuple(associated))
