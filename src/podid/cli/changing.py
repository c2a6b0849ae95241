"""The skeleton of every change: settle, foresee, show the plan, ask, carry out, wait, say what became of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from podid.cli.hints import hint_words
from podid.domain.errors import Again, NotYet, PodidError, UsageError
from podid.domain.plan import ChangeResult, Consent, Plan, Wait
from podid.domain.section import READS, Cost
from podid.ops.change.apply import Ahead, apply, check_deletions
from podid.ops.change.settle import settle
from podid.render.changes import plan_lines, plan_view, result_view

if TYPE_CHECKING:
    from podid.cli.access import Access
    from podid.domain.aws import Role
    from podid.domain.errors import Hint
    from podid.domain.names import ServiceAccountRef
    from podid.domain.plan import Action, Place, TargetTrustChange
    from podid.ops.association.aftermath import Waiting
    from podid.ops.reading.probes import Probe, Probing
    from podid.ops.restart.rollout import Restarting
    from podid.ops.status.foresee import Forecast

# for calls that are made again; what waits for other things has its own limit
CHANGE_SECONDS = 300.0
# of thousands of steps each, as a throttled service lets them go
_STEP_SECONDS = 2.0
# of a role that admits more, a status of each would cost more than it tells
MOST_USERS = 100

After = Callable[[ChangeResult], ChangeResult]


def settle_interrupted(access: Access, place: Place) -> None:
    """Finds out what became of changes that were cut short, and says so. A dry run touches nothing, the journal
    included."""
    if not access.shared.dry_run:
        settled, runtime = settle(access.clients, place, access.journal), access.runtime
        runtime.settled = settled if runtime.settled is None else runtime.settled.joined(settled)
        access.terminal.note(*settled.sentences)


def refuse_state(access: Access) -> None:
    """For what takes credentials away: raises UsageError for --wait verified or proven."""
    if access.shared.wait in (Wait.VERIFIED, Wait.PROVEN):
        message = f"--wait {access.shared.wait} waits for credentials that pods get, and this takes them away"
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
) -> None:
    """Shows the plan, asks where consent is needed, and applies; reports what it comes to `after` that. With --dry-run
    the plan is the result."""
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


def agree(access: Access, plan: Plan, consent: Consent | None) -> None:
    """Shows the plan, and asks for consent where it is needed. Raises Declined on a no, and Conflict where what is to
    be deleted is no longer what the plan says."""
    show(access, plan, draft=access.runtime.guard is None)
    if access.runtime.guard is not None:
        access.runtime.guard(access.terminal)
    elif consent is not None:
        access.terminal.consent(consent)
    check_deletions(access.clients, plan)


def show(access: Access, plan: Plan, *, draft: bool = False) -> None:
    """Show the plan on stderr; as a `draft` its result may take its place on a terminal."""
    access.terminal.note(*plan_lines(plan, brief=not access.terminal.verbose), draft=draft)


def carry_out(
    access: Access,
    plan: Plan,
    *,
    undoes: str = "",
    restarts: Sequence[Action] = (),
    ahead: Ahead = lambda action: None,
) -> ChangeResult:
    """Applies the plan, and writes it to the journal."""
    access.runtime.changing = True
    patience = access.patience(max(CHANGE_SECONDS, len(plan.actions) * _STEP_SECONDS))
    command = access.runtime.argv
    return apply(
        plan, access.clients, access.journal, patience, command=command, undoes=undoes, restarts=restarts, ahead=ahead
    )


def report(access: Access, result: ChangeResult, *, nothing: str = "nothing to change") -> None:
    """Puts the result on stdout and leaves with its code; `nothing` is said of one without actions. Raises its error
    where nothing was done: there is no result then."""
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
    """Reads what a plan is about: these service accounts, or the whole cluster, as far as some `checks` need it, or
    all; with `aws` nothing of Kubernetes. With `restart` the pods are replaced too that the plan does not reach. Never
    raises for what cannot be read."""
    from podid.ops.status.diagnose import select
    from podid.ops.status.foresee import Forecast

    blind = aws or (access.shared.wait in (Wait.NONE, Wait.API) and not restart)
    with access.terminal.working("checking what comes of it"):
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
    """The plan with what comes of it. Raises Conflict where new pods would be broken and those that run are not, unless
    `force` insists."""
    if not plan.actions and not restart:
        return plan
    from podid.ops.status.foresee import refusal

    outlook, harms = forecast(access, place, plan, refs, restart=restart, checks=checks, by_name=by_name).outlook()
    if harms and not force:
        raise refusal(harms)
    return replace(plan, outlook=outlook) if plan.actions else plan


def with_outlook_of_role(access: Access, plan: Plan, role: Role) -> Plan:
    """The plan, which changes a role, with what comes of it for the associations that name the role in the cluster at
    hand, as far as AWS tells; without a cluster at hand as it was."""
    if not plan.actions or access.named is None:
        return plan
    from podid.ops.role.uses import may_use
    from podid.ops.status.foresee import of_role

    try:
        place = access.place()
        summaries = access.aws.eks.list_association_summaries(place.cluster_name)
    except PodidError as error:
        return plan.noting((f"who uses the role in cluster {access.named.name} was not checked: {error.message}",))
    refs = may_use(role, place.the_cluster, (item.ref for item in summaries))
    if len(refs) > MOST_USERS:
        return plan.noting(
            (f"{len(refs)} service accounts of cluster {place.cluster_name} may use the role: not checked",)
        )
    if not refs:
        return plan
    outlook, _ = forecast(access, place, plan, refs, aws=True).outlook()
    return replace(plan, outlook=of_role(outlook, role.arn))


def absent_notes(access: Access, refs: Collection[ServiceAccountRef], *, strict: bool = False) -> tuple[str, ...]:
    """A sentence for each service account that does not exist, however little is waited for; with `strict` raises
    NotFound. That the cluster cannot be looked at is said with the effect, and with -v."""
    from podid.ops.association.read import absent_accounts

    kube = access.kube  # a wrong --context is known before anything is changed
    try:
        return absent_accounts(refs, kube.reader, strict=strict)
    except PodidError as error:
        if strict:
            raise
        access.terminal.explain(f"not looked at: whether the service accounts exist ({error.message})")
        return ()


def with_next_commands(access: Access, plan: Plan, hint: Callable[[TargetTrustChange], Hint]) -> Plan:
    """The plan, in which each `owner_changes` names the command that makes it."""
    owner_changes = tuple(replace(item, command=hint_words(hint(item), access.argv)) for item in plan.owner_changes)
    return replace(plan, owner_changes=owner_changes)


# --- after ------------------------------------------------------------------------------------------------------------


def restarting(access: Access, refs: Collection[ServiceAccountRef] = (), *, insist: bool = False) -> Restarting:
    """What --restart of a change asks for. Raises what would stand in its way, before anything is changed."""
    from podid.ops.restart.rollout import RESTART_SECONDS, Restarting
    from podid.ops.restart.targets import find_targets

    return Restarting(
        patience=access.patience(RESTART_SECONDS),
        journal=access.journal,
        command=access.runtime.argv,
        announce=lambda plan: show(access, plan),
        ahead=find_targets(access.kube.reader, refs, stale=False) if refs else (),
        insist=insist,
    )


def waiting(
    access: Access, place: Place, result: ChangeResult | None = None, restarts: Restarting | None = None
) -> Waiting:
    """How far, and how long, a change of associations is waited for; `restarts` are part of `result`."""
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
    """How podid's own pods are run, and where they are written down."""
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
    """Return the result of a change of associations once that was waited for; with the restarts that were asked for.
    Where no status tells of the running pods of `refs`, a note names those that the change did not reach."""
    from podid.ops.association.plan import late_changes
    from podid.ops.restart.targets import left_behind

    result = wait(waiting(access, place, result, restarts), result)
    shown = any(status.pods is not None for status in result.after)
    if restarts is not None or result.error is not None or shown:
        return result
    if access.kube.failure is not None:
        access.terminal.explain(f"not looked at: the running pods ({access.kube.failure.message})")
        return result
    restart = ("--cluster", place.cluster_name)
    changed = late_changes(result.plan)
    notes = left_behind(access.kube.reader, refs, changed, lambda command: access.at_place((*command, *restart)))
    return replace(result, notes=(*result.notes, *notes))


def take_back(access: Access, result: ChangeResult, name: str) -> None:
    """Raises the failure of a role that could not be finished, once nothing is left of it."""
    from podid.ops.role.create import plan_rollback, rolled_back

    plan = plan_rollback(result)
    if plan is None or result.error is None:
        return
    access.terminal.note(f"{result.error.message}; deleting role {name} again")
    if carry_out(access, plan, undoes=result.run_id).error is None:
        raise rolled_back(result.error, name)
