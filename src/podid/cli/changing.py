"""The steps of every change: settle earlier runs, forecast, show the plan, ask, apply, wait, report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from podid.cli.hints import hint_words
from podid.domain.errors import Again, NotYet, PodidError, UsageError
from podid.domain.plan import ChangeResult, Consent, Plan, Wait
from podid.domain.section import READS, Cost
from podid.ops.change.apply import Ahead, apply, check_deletions
from podid.ops.change.guard import check_guards
from podid.ops.change.owners import owner_notes
from podid.ops.change.settle import settle
from podid.render.changes import plan_lines, plan_view, result_view

if TYPE_CHECKING:
    from podid.cli.access import Access
    from podid.domain.aws import Role
    from podid.domain.errors import Hint
    from podid.domain.names import ServiceAccountRef
    from podid.domain.plan import Action, Place, TargetTrustChange
    from podid.ops.association.aftermath import Waiting
    from podid.ops.migrate.rollback import Rollback
    from podid.ops.reading.probes import Probe, Probing
    from podid.ops.restart.rollout import Restarting
    from podid.ops.status.foresee import Forecast

# limit for retried calls; waits have their own limits
CHANGE_SECONDS = 300.0
# per step, for thousands of steps at a throttled service
_STEP_SECONDS = 2.0
# for roles with more users, the status of each is too expensive
MOST_USERS = 100

After = Callable[[ChangeResult], ChangeResult]


def settle_interrupted(access: Access, place: Place) -> None:
    """Settle interrupted runs and report them. A dry run changes nothing, not even the journal."""
    if not access.shared.dry_run:
        settled, runtime = settle(access.clients, place, access.journal), access.runtime
        runtime.settled = settled if runtime.settled is None else runtime.settled.joined(settled)
        access.terminal.note(*settled.sentences)


def refuse_state(access: Access) -> None:
    """Raise UsageError for --wait verified or proven, for a command that removes credentials."""
    if access.shared.wait in (Wait.VERIFIED, Wait.PROVEN):
        message = f"--wait {access.shared.wait} waits for pods to get credentials, and this command removes them"
        raise UsageError(message, hint=Again(swap=(access.shared.wait, Wait.READY)))


def run(
    access: Access,
    plan: Plan,
    after: After = lambda result: result,
    *,
    consent: Consent | None = None,
    undoes: str = "",
    restarts: Restarting | None = None,
    ahead: Ahead = lambda action: None,
    taken_over: bool = False,
) -> None:
    """Show the plan, ask for `consent`, apply, and report the result of `after`. With --dry-run the plan is the
    result. `taken_over` is whether an earlier run took over what other tools own."""
    check_guards(access.clients, plan)
    plan = plan.noting(beside(access, plan, taken_over=taken_over))
    if access.shared.dry_run:
        access.terminal.emit(plan_view(plan))
        return
    if plan.actions:
        agree(access, plan, consent)
    else:
        access.terminal.note(*(f"note: {note}" for note in plan.notes))
    restart_actions = restarts.planned if restarts is not None else ()
    try:
        result = carry_out(access, plan, undoes=undoes, restarts=restart_actions, ahead=ahead)
    finally:
        access.terminal.progress.done()
    report(access, after(result))


def beside(access: Access, plan: Plan, *, taken_over: bool = False) -> tuple[str, ...]:
    """Return notes about the tools that own resources of the plan. Raise Conflict if there are any, except with
    --take-over or if an earlier run has `taken_over`."""
    if not plan.actions:
        return ()
    take_over = access.shared.take_over or taken_over
    # only if the command has read the cluster for other reasons
    return owner_notes(access.clients, plan, take_over=take_over, custom="kube" in vars(access))


def roll_back(
    access: Access, place: Place, planned: Rollback, *, consent: Consent, undoes: str = "", taken_over: bool = False
) -> None:
    """Return service accounts to the previous mechanism: the first part, restarts, and the last part once all pods use
    it."""
    from podid.ops.association.aftermath import after_disassociate
    from podid.ops.migrate.rollback import with_pods_back

    notes = beside(access, planned.whole, taken_over=taken_over)
    planned = replace(planned, before=planned.before.noting(notes))
    if access.shared.dry_run:
        access.terminal.emit(plan_view(planned.whole))
        return
    if not planned.whole.actions and not planned.pods_left:
        report(access, ChangeResult(plan=planned.whole))
        return
    show(access, planned.whole)
    access.terminal.consent(consent)
    check_deletions(access.clients, planned.before)
    try:
        result = carry_out(access, planned.before, undoes=undoes)
        how = waiting(access, place, result, restarting(access))
        result = after_disassociate(how, result, planned.refs)
        if result.awaited is not None and result.awaited.reached:
            result = replace(result, awaited=replace(result.awaited, summary=planned.back))
        if result.error is None:
            result = with_pods_back(result, access.clients, planned.refs)
        if result.error is None and planned.after.actions:
            last = carry_out(access, planned.after, part_of=result.run_id, undoes=undoes)
            done, notes = (*result.done, *last.done), (*result.notes, *last.notes)
            result = replace(result, done=done, notes=notes, error=last.error)
    finally:
        access.terminal.progress.done()
    report(access, result)


def agree(access: Access, plan: Plan, consent: Consent | None) -> None:
    """Show the plan and ask for consent. Raise Declined if the user declines, and Conflict if an object to delete has
    changed since the plan."""
    show(access, plan, draft=access.runtime.guard is None)
    if access.runtime.guard is not None:
        access.runtime.guard(access.terminal)
    elif consent is not None:
        access.terminal.consent(consent)
    check_deletions(access.clients, plan)


def show(access: Access, plan: Plan, *, draft: bool = False) -> None:
    """Show the plan on stderr. On a terminal, the result may replace a `draft`."""
    access.terminal.note(*plan_lines(plan, brief=not access.terminal.verbose), draft=draft)


def carry_out(
    access: Access,
    plan: Plan,
    *,
    undoes: str = "",
    restarts: Sequence[Action] = (),
    ahead: Ahead = lambda action: None,
    part_of: str = "",
) -> ChangeResult:
    """Apply the plan and record it in the journal, with `part_of` as a part of that run."""
    access.runtime.changing = True
    patience = access.patience(max(CHANGE_SECONDS, len(plan.actions) * _STEP_SECONDS))
    command = access.runtime.argv
    return apply(
        plan,
        access.clients,
        access.journal,
        patience,
        command=command,
        undoes=undoes,
        restarts=restarts,
        ahead=ahead,
        part_of=part_of,
    )


def report(access: Access, result: ChangeResult, *, nothing: str = "nothing to change") -> None:
    """Write the result to stdout and exit with its code; `nothing` is the text for a result without actions. Raise the
    error of a result without completed actions."""
    terminal = access.terminal
    if result.error is not None and not result.worked and not isinstance(result.error, NotYet):
        raise result.error
    whole = terminal.erase_draft()
    terminal.emit(result_view(result, settled=terminal.take_settled(), nothing=nothing, whole=whole))
    terminal.note(*(f"note: {note}" for note in result.notes))
    if result.error is not None:
        terminal.tell_failure(result.error)
    terminal.leave(result.exit_code)


# --- before -----------------------------------------------------------------------------------------------------------


def forecast(
    access: Access,
    place: Place,
    plan: Plan,
    refs: Collection[ServiceAccountRef] = (),
    *,
    restart: bool = False,
    checks: Sequence[str] = (),
    by_name: bool = False,
    aws: bool = False,
) -> Forecast:
    """Read the service accounts of a plan, or the whole cluster, as far as `checks` (default: all) need it; with `aws`
    nothing from Kubernetes. With `restart` all pods are replaced. Failed reads do not raise."""
    from podid.ops.status.diagnose import select
    from podid.ops.status.foresee import Forecast

    blind = aws or (access.shared.wait in (Wait.NONE, Wait.API) and not restart)
    with access.terminal.working("checking the effect"):
        return Forecast.read(
            access.clients,
            place,
            plan,
            refs,
            restart=restart,
            now=access.runtime.now(),
            cost=Cost.AWS if blind or access.kube.failure is not None else READS,
            checks=select(checks),
            by_name=by_name,
            journal=access.journal,
            adjust=access.with_commands,
        )


def with_outlook(
    access: Access,
    place: Place,
    plan: Plan,
    refs: Collection[ServiceAccountRef] = (),
    *,
    restart: bool = False,
    force: bool = False,
    checks: Sequence[str] = (),
    by_name: bool = False,
) -> Plan:
    """Return the plan with its effect. Raise Conflict if new pods would be broken and running pods are not, unless
    `force`."""
    if not plan.actions and not restart:
        return plan
    from podid.ops.status.foresee import refusal

    outlook, harms = forecast(access, place, plan, refs, restart=restart, checks=checks, by_name=by_name).outlook()
    if harms and not force:
        raise refusal(harms)
    return replace(plan, outlook=outlook) if plan.actions else plan


def with_outlook_of_role(access: Access, plan: Plan, role: Role) -> Plan:
    """Return the plan for a role with its effect on the associations of the cluster that have the role, from AWS alone.
    Without a cluster, return the plan unchanged."""
    if not plan.actions or access.named is None:
        return plan
    from podid.ops.role.uses import may_use
    from podid.ops.status.foresee import of_role

    try:
        place = access.place()
        summaries = access.aws.eks.list_association_summaries(place.cluster_name)
    except PodidError as error:
        users = f"the service accounts that use the role in cluster {access.named.name}"
        return plan.noting((f"{users} were not checked: {error.message}",))
    refs = may_use(role, place.the_cluster, (item.ref for item in summaries))
    if len(refs) > MOST_USERS:
        return plan.noting(
            (f"{len(refs)} service accounts of cluster {place.cluster_name} may use the role and were not checked",)
        )
    if not refs:
        return plan
    outlook, _ = forecast(access, place, plan, refs, aws=True).outlook()
    return replace(plan, outlook=of_role(outlook, role.arn))


def absent_notes(access: Access, refs: Collection[ServiceAccountRef], *, strict: bool = False) -> tuple[str, ...]:
    """Return a sentence for each service account that does not exist, whatever --wait is. With `strict`, raise
    NotFound. A failed read is reported with the effect, and here with -v."""
    from podid.ops.association.read import absent_accounts

    kube = access.kube  # raises for an invalid --context before any change
    try:
        return absent_accounts(refs, kube, strict=strict)
    except PodidError as error:
        if strict:
            raise
        access.terminal.explain(f"not checked: whether the service accounts exist ({error.message})")
        return ()


def with_next_commands(access: Access, plan: Plan, hint: Callable[[TargetTrustChange], Hint]) -> Plan:
    """Return the plan with the command for each change that another account's owner must make."""
    owner_changes = tuple(replace(item, command=hint_words(hint(item), access.argv)) for item in plan.owner_changes)
    return replace(plan, owner_changes=owner_changes)


# --- after ------------------------------------------------------------------------------------------------------------


def restarting(access: Access, refs: Collection[ServiceAccountRef] = (), *, insist: bool = False) -> Restarting:
    """Return the restarts of --restart. Raise before any change if the pods cannot be restarted."""
    from podid.ops.restart.rollout import RESTART_SECONDS, Restarting
    from podid.ops.restart.targets import find_targets

    return Restarting(
        patience=access.patience(RESTART_SECONDS),
        journal=access.journal,
        command=access.runtime.argv,
        announce=lambda plan: show(access, plan, draft=True),
        ahead=find_targets(access.kube.reader, refs, stale=False) if refs else (),
        insist=insist,
    )


def waiting(
    access: Access, place: Place, result: ChangeResult | None = None, restarts: Restarting | None = None
) -> Waiting:
    """Return how to wait for a change of associations; `restarts` are part of `result`."""
    from podid.ops.association.aftermath import ASSOCIATION_SECONDS, Waiting

    return Waiting(
        clients=access.clients,
        place=place,
        patience=access.patience(ASSOCIATION_SECONDS),
        wait=access.shared.wait,
        journal=access.journal,
        restarting=restarts.of(result.run_id) if restarts is not None and result is not None else None,
    )


def probing(access: Access, planned: tuple[Probe, ...] = ()) -> Probing:
    """Return how to run and record probe pods."""
    from podid.ops.reading.probes import PROBE_SECONDS, Probing

    access.runtime.changing = True
    return Probing(
        patience=access.patience(PROBE_SECONDS),
        journal=access.journal,
        command=access.runtime.argv,
        planned=planned,
    )


def followed(
    access: Access,
    place: Place,
    result: ChangeResult,
    restarts: Restarting | None,
    refs: Collection[ServiceAccountRef],
    wait: Callable[[Waiting, ChangeResult], ChangeResult],
) -> ChangeResult:
    """Wait for a change of associations, restart if requested, and return the result. If it has no status of the pods
    of `refs`, a note names the running pods without the change."""
    from podid.ops.association.plan import late_changes
    from podid.ops.restart.targets import left_behind

    result = wait(waiting(access, place, result, restarts), result)
    shown = any(status.pods is not None for status in result.after)
    if restarts is not None or result.error is not None or shown:
        return result
    if access.kube.failure is not None:
        access.terminal.explain(f"not checked: the running pods ({access.kube.failure.message})")
        return result
    restart = ("--cluster", place.cluster_name)
    changed = late_changes(result.plan)
    notes = left_behind(access.kube.reader, refs, changed, lambda command: access.at_place((*command, *restart)))
    return replace(result, notes=(*result.notes, *notes))


def take_back(access: Access, result: ChangeResult) -> ChangeResult:
    """Roll back roles that a failed run created without using them, and return the result. Raise the failure if nothing
    of the run remains."""
    from podid.ops.role.rollback import plan_rollback, stays

    rollback = plan_rollback(result)
    if rollback is None or result.error is None:
        remaining = stays(result)
        return replace(result, notes=(*result.notes, remaining)) if remaining else result
    access.terminal.note(f"{result.error.message}; deleting the created {rollback.subject}")
    try:
        failure = carry_out(access, rollback.plan, undoes=result.run_id).error
    except PodidError as error:
        failure = error
    if failure is not None:
        return rollback.kept(failure)
    if rollback.whole:
        raise rollback.error()
    return rollback.after()
