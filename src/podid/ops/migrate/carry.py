"""Carry out a migration batch by batch: trust policy, association, effect, restart, proof. Roll back the items that
fail.

IRSA stays unchanged, so a pod that starts at any moment gets credentials by IRSA or by Pod Identity.
"""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from podid.calls.patience import Patience
from podid.domain.errors import Conflict, ExitCode, Partial, PodidError
from podid.domain.findings import EVERYONE, Verdict
from podid.domain.migration import MigrationItem, OlderWay, Stage, sources_words
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.plan import Action, ChangeResult, Done, Place, Plan, Skipped, Status, Wait, text
from podid.domain.report import DoctorReport
from podid.domain.status import IdentityState, IdentityStatus, missing_words
from podid.domain.text import count_of
from podid.ops.agent.waiting import INSTALL_SECONDS, after_install
from podid.ops.association.aftermath import ASSOCIATION_SECONDS, Waiting, reach, wait_until_stopped
from podid.ops.change.apply import apply
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ADDON_ASSOCIATIONS, ASSOCIATION, POD_TEMPLATE, SERVICE_ACCOUNT, TARGET_TRUST
from podid.ops.change.kinds.association import ref_of
from podid.ops.change.kinds.kubernetes import service_account_of
from podid.ops.clients import Clients
from podid.ops.migrate.addons import created_by, listed, without
from podid.ops.migrate.items import Migration
from podid.ops.migrate.request import ApplyOptions
from podid.ops.migrate.rollback import pods_not_back
from podid.ops.restart.rollout import Restarting, replace_pods
from podid.ops.status.diagnose import Diagnosis
from podid.ops.status.facts import late_pods

_CARRIED_OUT = (Status.DONE, Status.UNCHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenItems:
    """The items to migrate, after the plan `agent`, which installs the agent. `blocked` are the skipped ones, with the
    reasons."""

    migration: Migration
    items: tuple[MigrationItem, ...]
    blocked: Mapping[ServiceAccountRef, str]
    agent: Plan

    @property
    def plan(self) -> Plan:
        """Return the whole plan; empty without items."""
        chosen = self.migration.only(self.items).plan
        return self.agent.then(chosen) if self.items else chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrying:
    """The settings of a migration. `patience` returns the limit of a wait from its default; `restarting` are the
    settings of restarts; `at_place` completes a command line. `agree`, if set, is called just before the first change
    of each item, one item after another."""

    clients: Clients
    journal: Journal
    command: tuple[str, ...]
    patience: Callable[[float], Patience]
    restarting: Restarting
    at_place: Callable[[tuple[str, ...]], tuple[str, ...]]
    options: ApplyOptions
    agree: Callable[[ServiceAccountRef], bool] | None


@dataclass(slots=True)
class _MigrationRun:
    """One run. `carried` are the planned actions that were carried out, `done` all outcomes, `earlier` the changes of
    interrupted runs that it continues. `failures` are the reasons of items that did not reach the requested stage."""

    how: Carrying
    migration: Migration
    earlier: tuple[Done, ...] = ()
    run_id: str = ""
    carried: list[Action] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    after: dict[ServiceAccountRef, IdentityStatus] = field(default_factory=dict)
    failures: dict[ServiceAccountRef, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def place(self) -> Place:
        return self.migration.place

    @property
    def patience(self) -> Patience:
        """Return the limit of each wait for credentials, and of the changes before it."""
        return self.how.patience(ASSOCIATION_SECONDS)

    def batch(self, items: Sequence[MigrationItem]) -> None:
        """Migrate one batch as far as possible. Raise PodidError if the run cannot continue."""
        until, plan = self.how.options.until, self._plan_of(items)
        part = _part(plan, items, until)
        actions = tuple(action for action in plan.actions if part(action) and action not in self.carried)
        result = self._apply(replace(plan, actions=actions, unchanged=(), skipped=(), notes=()))
        failed = {item.ref: reason for item in items if (reason := self._failure(result, item))}
        self.failures |= failed
        if result.error is not None and not failed:
            raise result.error
        refs = [item.ref for item in items if item.ref not in failed]
        if until.rank < Stage.ASSOCIATED.rank or not refs:
            return
        ready, reasons, diagnosis = self._reach(refs, Wait.READY, running=False)
        if until.rank >= Stage.MOVED.rank and ready:
            reasons |= self._patch_templates(ready)
            ready = [ref for ref in ready if ref not in reasons]
        if until.rank >= Stage.MOVED.rank and ready:
            self._restart(ready, diagnosis)
            wait = Wait.VERIFIED if until is Stage.PROVEN else Wait.READY
            same = diagnosis if ready == refs else None
            _, late, _ = self._reach(ready, wait, running=True, before_restart=same)
            reasons |= late
        if reasons:
            self.failures |= reasons
            if not self.how.options.keep_failed:
                self._take_back([ref for ref in refs if ref in reasons])

    def _failure(self, result: ChangeResult, item: MigrationItem) -> str:
        """Return the reason why one of the item's changes failed; empty if none did."""
        part = _part(self.migration.plan, [item])
        failed = (done for done in result.done if done.status in (Status.FAILED, Status.BLOCKED) and part(done.action))
        return next((done.reason for done in failed), "")

    def _plan_of(self, items: Sequence[MigrationItem]) -> Plan:
        """Return the plan with the changes of the items. It changes each role once for all items of the run, unless
        only some of these will be changed."""
        if self.how.agree is None:
            return self.migration.plan
        done = [item.action for item in self.done if item.status in _CARRIED_OUT]
        return self.migration.after(done).only(items).plan

    def _apply(self, plan: Plan) -> ChangeResult:
        how = self.how
        result = apply(plan, how.clients, how.journal, self.patience, command=how.command, part_of=self.run_id)
        outcomes = zip(plan.actions, result.done, strict=True)
        self.carried += [action for action, item in outcomes if item.status in _CARRIED_OUT]
        self.done += result.done
        self.run_id = self.run_id or result.run_id
        self.notes += result.notes
        return result

    def _reach(
        self,
        refs: Sequence[ServiceAccountRef],
        wait: Wait,
        *,
        running: bool,
        before_restart: Diagnosis | None = None,
    ) -> tuple[list[ServiceAccountRef], dict[ServiceAccountRef, str], Diagnosis]:
        """Wait until the service accounts are in the state. Return those that are, and the reasons of the others."""
        how = self.how
        waiting = Waiting(
            clients=how.clients,
            place=self.place,
            patience=self.patience,
            wait=wait,
            journal=how.journal,
            all_pods=wait is Wait.VERIFIED,
            adjust=partial(self._without_accepted, running=running),
            before=self.migration.snapshot,
        )
        reached, reasons = [], {}
        diagnosis = reach(waiting, refs, running=running, before_restart=before_restart)
        for status in diagnosis.report.identities:
            self.after[status.ref] = status
            required = IdentityState.READY if wait is Wait.READY or not status.pods else IdentityState.VERIFIED
            state, cause = status.judged(running=running)
            if state is not None and state.reaches(required):
                reached.append(status.ref)
            else:
                why = f"not checked completely{missing_words((status,))}"
                if cause is not None:
                    why = f"{cause.full_message if cause.message else cause.reason} ({cause.check})"
                reasons[status.ref] = f"{state or 'unknown'}: {why}"
        return reached, reasons, diagnosis

    def _without_accepted(self, report: DoctorReport, *, running: bool) -> DoctorReport:
        """Remove findings that are accepted for all service accounts of the run that they concern. Before the restart,
        also remove that workloads use another service account: they get their own only when it has credentials."""
        accepted, items = self.migration.judge.accepted, {item.target: item.ref for item in self.migration.items}

        def counts(verdict: Verdict) -> bool:
            if verdict.check == "sa-mismatch" and not running:
                return False
            if verdict.error_code == "OtherAccount":
                return False  # a redeemed token shows whether the target role allows the role
            chain = items if verdict.chain == EVERYONE else (name for name in verdict.chain if name in items)
            refs = [items[name] for name in chain]
            return not refs or not all(accepted(ref, verdict.check) for ref in refs)

        return replace(report, verdicts=tuple(filter(counts, report.verdicts)))

    def _patch_templates(self, refs: Sequence[ServiceAccountRef]) -> dict[ServiceAccountRef, str]:
        """Set the new service accounts of the workloads, and wait for their rollouts. Return the reasons of
        failures."""
        items = [item for item in self.migration.items if item.ref in refs and item.copy_of]
        failed = {}
        for item in items:
            actions = tuple(action for action in self.migration.plan.actions if _template_of(action, item.ref))
            result = self._apply(Plan(header=self.place.header, actions=actions))
            if result.error is not None:
                failed[item.ref] = result.error.message
        return failed

    def _restart(self, refs: Sequence[ServiceAccountRef], diagnosis: Diagnosis) -> None:
        """Restart the workloads whose pods lack Pod Identity."""
        how = self.how
        result = replace_pods(
            how.clients,
            self.place,
            refs,
            how.restarting.of(self.run_id),
            stale=True,
            expect_injected=True,
            late=late_pods(diagnosis),
        )
        self.done += result.done
        self.run_id = self.run_id or result.run_id
        for item in result.done:
            if item.status in (Status.FAILED, Status.BLOCKED):
                self.notes.append(f"{item.action.target}: {item.reason}")

    def _take_back(self, refs: Sequence[ServiceAccountRef]) -> None:
        """Delete the associations of failed items and restart their pods, which then get the fields of the previous
        mechanism again. The trust policy keeps allowing both."""
        changed = (item for item in (*self.earlier, *self.done) if item.changed)
        latest = {(item.action.kind, item.action.target): item for item in changed}.values()
        created = {ref for item in latest if item.status is Status.DONE for ref in created_by(item.action)}
        back = tuple(ref for ref in refs if ref in created)
        if not back:
            return
        old = sources_words(item.source for item in self.migration.items if item.ref in back)
        self.patience.say(f"rolling {count_of(len(back), 'service account')} back to {old}")
        # first the previous service accounts, which have no association: their new pods use the previous mechanism
        failures: dict[ServiceAccountRef, PodidError] = {}
        for ref in back:
            own = (item.action for item in latest if _template_of(item.action, ref))
            reverse = tuple(POD_TEMPLATE.action(action.after, action.before) for action in own)
            if error := self._apply(Plan(header=self.place.header, actions=reverse)).error:
                failures[ref] = error
        back = tuple(ref for ref in back if ref not in failures)
        lists = {item.action.target: item.action for item in latest if not listed(item.action).isdisjoint(back)}
        states = ((action.after or {}) for action in lists.values())
        removals = tuple(ADDON_ASSOCIATIONS.action(state, without(state, back)) for state in states)
        alone = {str(ref) for ref in back if not any(ref in listed(action) for action in lists.values())}
        # as they were created: not an association that another tool has changed since
        deletions = tuple(
            ASSOCIATION.action(item.after or item.action.after, None)
            for item in latest
            if (item.action.kind, item.status) == (ASSOCIATION.name, Status.DONE) and item.action.target in alone
        )
        result = self._apply(Plan(header=self.place.header, actions=(*deletions, *removals), separate=True))
        for item in result.done:
            if item.status not in _CARRIED_OUT and (error := item.error or result.error):
                kept = {ref_of(item.action.keys)} if item.action.kind == ASSOCIATION.name else listed(item.action)
                failures |= dict.fromkeys(kept, error)
        for ref, error in failures.items():
            self.after.pop(ref, None)
            self.failures[ref] += f"; not rolled back: {error.message}: run {self._rollback(ref)}"
        self._restart_previous([ref for ref in back if ref not in failures], old)
        if failures:
            raise next(iter(failures.values()))

    def _restart_previous(self, back: Sequence[ServiceAccountRef], old: str) -> None:
        """Restart the workloads of the service accounts without associations, and report which use `old` again."""
        how = self.how
        if not back:
            return
        wait_until_stopped(how.clients.kube, back, self.patience)
        made_again = replace_pods(
            how.clients, self.place, back, how.restarting.of(self.run_id), stale=False, expect_injected=False
        )
        self.done += made_again.done
        irsa = {i.ref for i in self.migration.items if i.source is OlderWay.IRSA and i.state.annotations}
        remaining = pods_not_back(how.clients, back, irsa)
        for ref in back:
            self.after.pop(ref, None)
            outcome = f"rolled back to {old}"
            if ref in remaining:
                pods = count_of(remaining[ref], "running pod")
                deleted = "its association was deleted"
                outcome = f"{deleted}, but {pods} could not be replaced: run {self._rollback(ref)}"
            self.failures[ref] += f"; {outcome}"

    def _rollback(self, ref: ServiceAccountRef) -> str:
        return shlex.join(self.how.at_place(("podid", "migrate", "rollback", str(ref))))


def carry_out(chosen: ChosenItems, how: Carrying) -> ChangeResult:
    """Install the agent, and migrate the items. Return both results as one. They are two runs, because an undo of the
    migration must not remove the agent from other pods."""
    if how.agree is not None and not any(how.agree(item.ref) for item in chosen.items):
        chosen = replace(chosen, items=())
    if not chosen.items or not chosen.agent.actions:
        return _migrate(chosen, how)
    place = chosen.migration.place
    patience = how.patience(INSTALL_SECONDS)
    waiting = Waiting(clients=how.clients, place=place, patience=patience, wait=None, journal=how.journal)
    installed = apply(chosen.agent, how.clients, how.journal, patience, command=how.command)
    installed = after_install(waiting, installed)
    if installed.exit_code is not ExitCode.OK:
        return installed
    migrated = _migrate(chosen, how)
    return replace(
        migrated,
        plan=installed.plan.then(migrated.plan),
        done=(*installed.done, *migrated.done),
        notes=(*installed.notes, *migrated.notes),
    )


def _migrate(chosen: ChosenItems, how: Carrying) -> ChangeResult:
    """Migrate the items without blockers, in batches, and report every item, also those that are blocked, with the
    reason. A failure stops neither the rest of its batch nor, up to `max_failures`, the next batch."""
    migration, items, blocked = chosen.migration, chosen.items, chosen.blocked
    run = _MigrationRun(how, migration.only(items), how.journal.interrupted(how.command, migration.place.header))
    agreed: list[MigrationItem] = []
    error: PodidError | None = None
    try:
        for batch in _batches(items, how.options.parallel if how.agree is None else 1):
            if len(run.failures) > how.options.max_failures:
                error = Partial(f"Stopped after {count_of(len(run.failures), 'failure')}")
                break
            if how.agree is None or all(how.agree(item.ref) for item in batch):
                agreed += batch
                run.batch(batch)
    except PodidError as stopped:
        error = stopped
    plan = run.migration.plan if how.agree is None else migration.only(agreed).plan
    return ChangeResult(
        plan=replace(plan, skipped=tuple(Skipped(ASSOCIATION.unread(ref), reason) for ref, reason in blocked.items())),
        done=tuple(run.done),
        run_id=run.run_id,
        notes=tuple(dict.fromkeys((*run.notes, *(f"{ref}: {why}" for ref, why in run.failures.items())))),
        error=error or _error(run, blocked, done=bool(agreed)),
        after=tuple(run.after[ref] for ref in sorted(run.after)),
        restarted=how.options.until.rank >= Stage.MOVED.rank,
    )


def _error(run: _MigrationRun, blocked: Mapping[ServiceAccountRef, str], *, done: bool) -> PodidError | None:
    if run.failures:
        first = next((item.error for item in run.done if item.error is not None), None)
        if first is not None and not any(item.status in _CARRIED_OUT for item in run.done):
            return first
        lines = tuple(f"{ref}: {why}" for ref, why in run.failures.items())
        return Partial(f"{count_of(len(run.failures), 'service account')} did not reach the stage", lines=lines)
    if blocked:
        words = f"{count_of(len(blocked), 'service account')} blocked; see podid migrate plan"
        lines = tuple(f"{ref}: {reason}" for ref, reason in blocked.items())
        return Partial(words, lines=lines) if done else Conflict(f"Nothing to do: {words}", lines=lines)
    return None


def _batches(items: Sequence[MigrationItem], size: int) -> Iterator[Sequence[MigrationItem]]:
    """Yield a first item alone, to prove that one works before the others are changed; then `size` at a time."""
    if items:
        yield items[:1]
    for start in range(1, len(items), size):
        yield items[start : start + size]


def _part(plan: Plan, items: Sequence[MigrationItem], until: Stage = Stage.PROVEN) -> Callable[[Action], bool]:
    """Return whether an action is part of these items: the trust policies of their roles, and what `until` requires of
    their service accounts, associations and target roles."""
    refs, arns = {item.ref for item in items}, {item.role_arn for item in items}
    own = (action for action in plan.actions if action.kind == ASSOCIATION.name and ref_of(action.keys) in refs)
    # of an association with a target role, also the base role. A role of another account may have the same name
    at_home = (arn for arn in arns if f":iam::{plan.header.account}:" in arn)
    names = {*(role_name(text(action.after, "roleArn")) for action in own), *map(role_name, at_home)}

    def belongs(action: Action) -> bool:
        keys = action.keys
        if "roleName" in keys:
            return keys["roleName"] in names
        if until.rank < Stage.ASSOCIATED.rank:
            return False
        if action.kind == TARGET_TRUST.name:
            return keys["targetRoleArn"] in arns
        if action.kind == SERVICE_ACCOUNT.name:
            return service_account_of(keys) in refs
        return (action.kind == ASSOCIATION.name and ref_of(keys) in refs) or not listed(action).isdisjoint(refs)

    return belongs


def _template_of(action: Action, ref: ServiceAccountRef) -> bool:
    """Return whether the action gives a workload this service account."""
    account = text(action.after, "serviceAccount")
    return action.kind == POD_TEMPLATE.name and (action.keys["namespace"], account) == (ref.namespace, ref.name)
