"""The steps of every change: settle earlier runs, forecast, show the plan, ask, apply, wait, report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING

from podid.cli.client_requests import check_client, with_grave
from podid.cli.hints import hint_words
from podid.cli.incomplete import incomplete_notes, with_undo
from podid.domain.errors import Again, Hint, NotYet, PodidError, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, ChangeResult, Consent, Place, Plan, TargetTrustChange, Wait
from podid.domain.section import READS, Cost
from podid.ops.change.apply import Ahead, apply
from podid.ops.change.granting import granting_notes
from podid.ops.change.guard import check_guards, owner_notes
from podid.ops.change.narrowing import check_planned_again, examined
from podid.ops.change.settle import settle
from podid.render.changes import plan_lines, plan_view, result_view

if TYPE_CHECKING:
    from podid.cli.access import Access
    from podid.domain.aws import Role
    from podid.ops.association.aftermath import Waiting
    from podid.ops.migrate.rollback import Rollback
    from podid.ops.reading.probes import Probe, Probing
    from podid.ops.restart.rollout import Restarting
    from podid.ops.status.prediction import Forecast

# limit for retried calls; waits have their own limits
CHANGE_SECONDS = 300.0
# per step, for thousands of steps at a throttled service
_STEP_SECONDS = 2.0
# for roles with more users, the status of each is too expensive
MOST_USERS = 100


@dataclass
class Change:
    """The change that a command makes at one place. With `restart`, pods that started before the change are replaced;
    with `force` also by pods without credentials. `undoes` is the run that it undoes. `taken_over` is whether an
    earlier run took over what other tools own, `accepted` are the unread parts that a signed plan accepts.
    `restarting` are the planned restarts, `last` is the last forecast."""

    access: Access
    place: Place
    _: KW_ONLY
    restart: bool = False
    force: bool = False
    undoes: str = ""
    taken_over: bool = False
    accepted: tuple[str, ...] = ()
    restarting: Restarting | None = field(default=None, init=False)
    last: Forecast | None = field(default=None, init=False)

    @classmethod
    def begin(cls, access: Access, place: Place | None = None) -> Change:
        """Settle interrupted runs and return the change at `place`, by default at the cluster of the options."""
        change = cls(access, place or access.place(for_change=True))
        change.settle()
        return change

    def settle(self) -> None:
        """Settle interrupted runs and report them. A dry run changes nothing, not even the journal."""
        access = self.access
        if not access.shared.dry_run:
            settled, runtime = settle(access.clients, self.place, access.journal), access.runtime
            runtime.settled = settled if runtime.settled is None else runtime.settled.joined(settled)
            access.terminal.note(*settled.sentences)

    def alone(self) -> AbstractContextManager[None]:
        """Allow one migration of the cluster at a time on this machine."""
        from podid.ops.migrate.items import alone

        return alone(self.access.journal, self.place, self.access.patience(CHANGE_SECONDS))

    def run(
        self,
        plan: Plan,
        after: Callable[[ChangeResult], ChangeResult] = lambda result: result,
        *,
        consent: Consent | None = None,
        ahead: Ahead = lambda action: None,
        again: Callable[[], Plan] | None = None,
    ) -> None:
        """Show the plan, ask for `consent`, apply, and report the result of `after`. With --dry-run the plan is the
        result. `again` makes the plan once more after consent: what it no longer contains must not be done."""
        access, terminal = self.access, self.access.terminal
        plan, grave = self._examined(plan)
        if access.shared.dry_run:
            terminal.emit(plan_view(plan))
            return
        if plan.actions:
            self.agree(plan, with_grave(consent, grave))
            if again is not None:
                check_planned_again(plan, again())
        else:
            terminal.note(*(f"note: {note}" for note in plan.notes))
        restarts = self.restarting.planned if self.restarting is not None else ()
        try:
            result = self.carry_out(plan, undoes=self.undoes, later=restarts, ahead=ahead)
        finally:
            terminal.progress.done()
        self.report(after(result))

    def roll_back(self, planned: Rollback, consent: Consent) -> None:
        """Return service accounts to the previous mechanism: the first part, restarts, and the last part once all pods
        use it."""
        from podid.ops.association.aftermath import after_disassociate
        from podid.ops.migrate.rollback import check_unmoved, with_pods_back

        access, terminal = self.access, self.access.terminal
        whole, grave = self._examined(planned.whole)
        planned = planned.examined(whole)
        if access.shared.dry_run:
            terminal.emit(plan_view(planned.whole))
            return
        if not planned.whole.actions and not planned.pods_left:
            self.report(ChangeResult(plan=planned.whole))
            return
        self.show(planned.whole)
        terminal.consent(with_grave(consent, grave) or consent)
        check_unmoved(access.clients, self.place, planned)
        try:
            result = self.carry_out(planned.before, undoes=self.undoes, later=planned.after.actions)
            self.plan_restarts()
            result = after_disassociate(self.waiting(result), result, planned.refs)
            if result.awaited is not None and result.awaited.reached:
                result = replace(result, awaited=replace(result.awaited, summary=planned.back))
            if result.error is None:
                result = with_pods_back(result, access.clients, planned)
            if result.error is None and planned.after.actions:
                last = self.carry_out(planned.after, part_of=result.run_id, undoes=self.undoes)
                done, notes = (*result.done, *last.done), (*result.notes, *last.notes)
                result = replace(result, done=done, notes=notes, error=last.error)
        finally:
            terminal.progress.done()
        self.report(result)

    def _examined(self, plan: Plan) -> tuple[Plan, tuple[str, ...]]:
        """Return the plan with notes, and the notes that require a person's consent. Raise if a guard, an owner, a user
        or an unread part forbids the plan."""
        access = self.access
        check_guards(access.clients, plan)
        grave = check_client(access, plan)
        plan = plan.noting(self.owner_notes(plan)).noting((*grave, *granting_notes(plan)))
        return examined(plan, access.clients, accept=access.shared.accept_unread, known=self.accepted), grave

    def owner_notes(self, plan: Plan) -> tuple[str, ...]:
        """Return notes about the tools that own resources of the plan. Raise Conflict if there are any, except with
        --take-over or if an earlier run took them over."""
        if not plan.actions:
            return ()
        access = self.access
        take_over = access.shared.take_over or self.taken_over
        # only if the command has read the cluster for other reasons
        return owner_notes(access.clients, plan, take_over=take_over, custom="kube" in vars(access))

    def absent_notes(self, refs: Collection[ServiceAccountRef], *, strict: bool = False) -> tuple[str, ...]:
        """Return a sentence for each service account that does not exist, whatever --wait is. With `strict`, raise
        NotFound. A failed read is reported with the effect, and here with -v."""
        from podid.ops.association.read import absent_accounts

        kube = self.access.kube  # raises for an invalid --context before any change
        try:
            return absent_accounts(refs, kube, strict=strict)
        except PodidError as error:
            if strict:
                raise
            self.access.terminal.explain(f"not checked: whether the service accounts exist ({error.message})")
            return ()

    def with_next_commands(self, plan: Plan, hint: Callable[[TargetTrustChange], Hint]) -> Plan:
        """Return the plan with the command for each change that another account's owner must make."""
        argv = self.access.argv
        owner_changes = tuple(replace(item, command=hint_words(hint(item), argv)) for item in plan.owner_changes)
        return replace(plan, owner_changes=owner_changes)

    def forecast(
        self,
        plan: Plan,
        refs: Collection[ServiceAccountRef] = (),
        *,
        checks: Sequence[str] = (),
        by_name: bool = False,
        aws: bool = False,
    ) -> Forecast:
        """Read the service accounts of a plan, or the whole cluster, as far as `checks` (default: all) need it; with
        `aws` nothing from Kubernetes. Failed reads do not raise."""
        from podid.ops.status.diagnose import select
        from podid.ops.status.prediction import Forecast

        access = self.access
        blind = aws or (access.shared.wait in (Wait.NONE, Wait.API) and not self.restart)
        with access.terminal.working("checking the effect"):
            self.last = Forecast.read(
                access.clients,
                self.place,
                plan,
                refs,
                restart=self.restart,
                now=access.runtime.now(),
                cost=Cost.AWS if blind or access.kube.failure is not None else READS,
                checks=select(checks),
                by_name=by_name,
                journal=access.journal,
                adjust=access.with_commands,
            )
        return self.last

    def with_outlook(
        self,
        plan: Plan,
        refs: Collection[ServiceAccountRef] = (),
        *,
        checks: Sequence[str] = (),
        by_name: bool = False,
    ) -> Plan:
        """Return the plan with its effect. Raise Conflict if new pods would be broken and running pods may not be,
        unless `force`. Other broken pods are not restarted: `after_associate` checks new pods first."""
        if not plan.actions and not self.restart:
            return plan
        from podid.ops.status.prediction import refusal

        outlook, harms = self.forecast(plan, refs, checks=checks, by_name=by_name).outlook()
        if (losing := [harm for harm in harms if harm.pods]) and not self.force:
            raise refusal(losing)
        return replace(plan, outlook=outlook) if plan.actions else plan

    def with_outlook_of_role(self, plan: Plan, role: Role) -> Plan:
        """Return the plan for a role with its effect on the associations of the cluster that have the role, from AWS
        alone. Without a cluster, return the plan unchanged."""
        access = self.access
        if not plan.actions or access.named is None:
            return plan
        from podid.ops.role.uses import may_use
        from podid.ops.status.prediction import of_role

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
        outlook, _ = replace(self, place=place).forecast(plan, refs, aws=True).outlook()
        return replace(plan, outlook=of_role(outlook, role.arn))

    def plan_restarts(self, refs: Collection[ServiceAccountRef] = (), *, evict: bool = False) -> Restarting:
        """Plan the restarts that follow the change, of the pods of `refs`, and return them. Raise before any change if
        the pods cannot be restarted."""
        from podid.ops.restart.rollout import RESTART_SECONDS, Restarting
        from podid.ops.restart.targets import find_targets

        access = self.access
        if refs and (early := access.shared.wait) in (Wait.NONE, Wait.API):
            message = "--restart requires --wait ready: podid checks new pods before it restarts workloads"
            raise UsageError(message, hint=Again(swap=(early, Wait.READY)), subject=early)
        self.restarting = Restarting(
            patience=access.patience(RESTART_SECONDS),
            journal=access.journal,
            command=access.runtime.argv,
            announce=lambda plan: self.show(plan, draft=True),
            ahead=find_targets(access.kube.reader, refs, stale=False) if refs else (),
            evict=evict,
            insist=self.force,
        )
        return self.restarting

    def agree(self, plan: Plan, consent: Consent | None) -> None:
        """Show the plan and ask for consent. Raise Declined if the user declines."""
        terminal, guard = self.access.terminal, self.access.runtime.guard
        self.show(plan, draft=guard is None)
        if guard is not None:
            guard(terminal)
        elif consent is not None:
            terminal.consent(consent)

    def show(self, plan: Plan, *, draft: bool = False) -> None:
        """Show the plan on stderr. On a terminal, the result may replace a `draft`."""
        terminal = self.access.terminal
        terminal.note(*plan_lines(plan, brief=not self.access.shared.verbose), draft=draft)

    def carry_out(
        self,
        plan: Plan,
        *,
        undoes: str = "",
        later: Sequence[Action] = (),
        ahead: Ahead = lambda action: None,
        part_of: str = "",
        late: bool = False,
    ) -> ChangeResult:
        """Apply the plan and record it in the journal, with `part_of` as a part of that run. With `late`, also in the
        grace after --timeout."""
        access = self.access
        access.runtime.changing = True
        return apply(
            plan,
            access.clients,
            access.journal,
            access.patience(max(CHANGE_SECONDS, len(plan.actions) * _STEP_SECONDS), late=late),
            command=access.runtime.argv,
            undoes=undoes,
            later=later,
            ahead=ahead,
            part_of=part_of,
        )

    def take_back(self, result: ChangeResult) -> ChangeResult:
        """Roll back roles that a failed run, or the unfinished runs that it continues, created without using them, and
        return the result. Raise the failure if nothing of them remains."""
        from podid.ops.role.delete import plan_rollback

        access = self.access
        rollback = plan_rollback(result, access.journal, access.runtime.argv)
        if rollback is None or result.error is None:
            return result
        access.terminal.note(f"{result.error.message}; deleting the created {rollback.subject}")
        try:
            failure = self.carry_out(rollback.plan, undoes=result.run_id, late=True).error
        except PodidError as error:
            failure = error
        if failure is not None:
            return rollback.failed(failure)
        if rollback.whole:
            raise rollback.error()
        return rollback.after()

    def waiting(self, result: ChangeResult | None = None, seconds: float | None = None) -> Waiting:
        """Return how to wait for a change, by default of associations; with its `result`, the planned restarts
        follow."""
        from podid.ops.association.aftermath import ASSOCIATION_SECONDS, Waiting

        access, restarting = self.access, self.restarting
        return Waiting(
            clients=access.clients,
            place=self.place,
            patience=access.patience(seconds or ASSOCIATION_SECONDS),
            wait=access.shared.wait,
            journal=access.journal,
            restarting=restarting.of(result.run_id) if restarting is not None and result is not None else None,
            before=self.last.diagnosis.snapshot if self.last is not None else None,
        )

    def followed(
        self,
        result: ChangeResult,
        refs: Collection[ServiceAccountRef],
        wait: Callable[[Waiting, ChangeResult], ChangeResult],
    ) -> ChangeResult:
        """Wait for a change of associations, restart if requested, and return the result. If it has no status of the
        pods of `refs`, a note names the running pods without the change."""
        from podid.ops.change.kinds.association import late_changes
        from podid.ops.restart.targets import left_behind

        result, access = wait(self.waiting(result), result), self.access
        shown = any(status.pods is not None for status in result.after)
        if self.restarting is not None or result.error is not None or shown:
            return result
        if access.kube.failure is not None:
            access.terminal.explain(f"not checked: the running pods ({access.kube.failure.message})")
            return result
        restart = ("--cluster", self.place.cluster_name)
        changed = late_changes(result.plan.actions)
        notes = left_behind(access.kube.reader, refs, changed, lambda command: access.at_place((*command, *restart)))
        return replace(result, notes=(*result.notes, *notes))

    def report(self, result: ChangeResult, *, nothing: str = "nothing to change") -> None:
        """Write the result to stdout and exit with its code; `nothing` is the text for a result without actions. Raise
        the error of a result without completed actions."""
        terminal = self.access.terminal
        if result.error is not None and not result.worked and not isinstance(result.error, NotYet):
            raise with_undo(result.error, result, self.access)
        result = replace(result, notes=(*result.notes, *incomplete_notes(result, self.access)))
        whole = terminal.erase_draft()
        terminal.emit(result_view(result, settled=self.access.runtime.take_settled(), nothing=nothing, whole=whole))
        terminal.note(*(f"note: {note}" for note in result.final_notes))
        if result.error is not None:
            terminal.tell_failure(result.error)
        terminal.leave(result.exit_code)


def refuse_state(access: Access) -> None:
    """Raise UsageError for --wait verified or proven, for a command that removes credentials."""
    if access.shared.wait in (Wait.VERIFIED, Wait.PROVEN):
        message = f"--wait {access.shared.wait} waits for pods to get credentials, and this command removes them"
        raise UsageError(message, hint=Again(swap=(access.shared.wait, Wait.READY)))


def probing(access: Access, planned: tuple[Probe, ...] = ()) -> Probing:
    """Return how to run and record probe pods."""
    from podid.ops.reading.probes import PROBE_SECONDS, Probing

    access.runtime.changing = True
    patience, argv = access.patience(PROBE_SECONDS), access.runtime.argv
    return Probing(patience=patience, journal=access.journal, command=argv, planned=planned)
