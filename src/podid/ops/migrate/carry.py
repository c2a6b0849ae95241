"""Carry out a migration batch by batch: trust policy, association, effect, restart, proof. Roll back the items that
fail.

IRSA stays unchanged, so a pod that starts at any moment gets credentials by IRSA or by Pod Identity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from podid.calls.patience import Patience
from podid.domain.errors import Conflict, Partial, PodidError, TimedOut
from podid.domain.findings import EVERYONE, Verdict
from podid.domain.migration import MigrationItem, Stage, sources_words
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.plan import Action, ChangeResult, Done, Place, Plan, Skipped, Status, Wait, text
from podid.domain.status import IdentityState, IdentityStatus
from podid.domain.text import count_of
from podid.ops.association.aftermath import Waiting, reach, wait_until_stopped
from podid.ops.association.disassociate import plan_disassociate
from podid.ops.association.read import current_associations
from podid.ops.change.apply import apply
from podid.ops.change.kinds import ADDON_ASSOCIATIONS, ASSOCIATION, POD_TEMPLATE, SERVICE_ACCOUNT, TARGET_TRUST
from podid.ops.change.kinds.association import ref_of
from podid.ops.migrate.addons import created_by, listed, without
from podid.ops.restart.rollout import Restarting, replace_pods
from podid.ops.status.diagnose import Diagnosis
from podid.ops.status.facts import stale_pods

if TYPE_CHECKING:
    from podid.domain.report import DoctorReport
    from podid.ops.change.journal import Journal
    from podid.ops.clients import Clients
    from podid.ops.migrate.items import Migration

BATCH = 10
_CARRIED_OUT = (Status.DONE, Status.UNCHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrying:
    """The settings of a migration. `patience` limits the proof of a batch, `restarting` are the settings of
    restarts. `agree`, if set, is called just before the first change of each item, one item after another. At most
    `parallel` items are changed at the same time, and after `max_failures` failed ones no further batch begins. With
    `keep_failed` a failed item is not rolled back."""

    clients: Clients
    journal: Journal
    command: tuple[str, ...]
    patience: Patience
    restarting: Restarting
    until: Stage = Stage.PROVEN
    parallel: int = BATCH
    max_failures: int | None = None
    keep_failed: bool = False
    agree: Callable[[ServiceAccountRef], bool] | None = None


@dataclass(slots=True)
class _MigrationRun:
    """One run. `carried` are the planned actions that were carried out, `done` all outcomes. `failures` are the reasons
    of items that did not reach the requested stage."""

    how: Carrying
    migration: Migration
    run_id: str = ""
    carried: list[Action] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    after: dict[ServiceAccountRef, IdentityStatus] = field(default_factory=dict)
    failures: dict[ServiceAccountRef, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def place(self) -> Place:
        return self.migration.place

    def batch(self, items: Sequence[MigrationItem]) -> None:
        """Migrate one batch as far as possible. Raise PodidError if the run cannot continue."""
        refs = [item.ref for item in items]
        part = _part(self._plan_of(items), items, self.how.until)
        actions = tuple(action for action in part.actions if action not in self.carried)
        result = self._apply(replace(part, actions=actions))
        failed = {ref: reason for ref in refs if (reason := _failure(result, ref, self.migration))}
        self.failures |= failed
        if result.error is not None and not failed:
            raise result.error
        refs = [ref for ref in refs if ref not in failed]
        if self.how.until.rank < Stage.ASSOCIATED.rank or not refs:
            return
        ready, reasons, diagnosis = self._reach(refs, Wait.READY, running=False)
        if self.how.until.rank >= Stage.MOVED.rank and ready:
            reasons |= self._patch_templates(ready)
            ready = [ref for ref in ready if ref not in reasons]
        if self.how.until.rank >= Stage.MOVED.rank and ready:
            self._restart(ready, diagnosis)
            wait = Wait.VERIFIED if self.how.until is Stage.PROVEN else Wait.READY
            _, late, _ = self._reach(ready, wait, running=True)
            reasons |= late
        if reasons:
            self.failures |= reasons
            if not self.how.keep_failed:
                self._take_back([ref for ref in refs if ref in reasons])

    def _plan_of(self, items: Sequence[MigrationItem]) -> Plan:
        """Return the plan with the changes of the items. It changes each role once for all items of the run, unless
        only some of these will be changed."""
        if self.how.agree is None:
            return self.migration.plan
        done = [item.action for item in self.done if item.status in _CARRIED_OUT]
        return self.migration.after(done).only(items).plan

    def _apply(self, plan: Plan) -> ChangeResult:
        how = self.how
        result = apply(plan, how.clients, how.journal, how.patience, command=how.command, part_of=self.run_id)
        outcomes = zip(plan.actions, result.done, strict=True)
        self.carried += [action for action, item in outcomes if item.status in _CARRIED_OUT]
        self.done += result.done
        self.run_id = self.run_id or result.run_id
        self.notes += result.notes
        return result

    def _reach(
        self, refs: Sequence[ServiceAccountRef], wait: Wait, *, running: bool
    ) -> tuple[list[ServiceAccountRef], dict[ServiceAccountRef, str], Diagnosis]:
        """Wait until the service accounts are in the state. Return those that are, and the reasons of the others."""
        how = self.how
        waiting = Waiting(
            clients=how.clients,
            place=self.place,
            patience=how.patience,
            wait=wait,
            journal=how.journal,
            all_pods=wait is Wait.VERIFIED,
            adjust=partial(self._without_accepted, running=running),
        )
        reached, reasons = [], {}
        diagnosis = reach(waiting, refs, running=running)
        for status in diagnosis.report.identities:
            self.after[status.ref] = status
            required = IdentityState.READY if wait is Wait.READY or not status.pods else IdentityState.VERIFIED
            state, cause = status.judged(running=running)
            if state is not None and state.rank >= required.rank:
                reached.append(status.ref)
            else:
                why = "not checked completely"
                if cause is not None:
                    why = f"{cause.message or cause.reason} ({cause.check})"
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
            late=stale_pods(diagnosis),
        )
        self.done += result.done
        self.run_id = self.run_id or result.run_id
        for item in result.done:
            if item.status in (Status.FAILED, Status.BLOCKED):
                self.notes.append(f"{item.action.target}: {item.reason}")

    def _take_back(self, refs: Sequence[ServiceAccountRef]) -> None:
        """Delete the associations of failed items and restart their pods, which then get the fields of the previous
        mechanism again. The trust policy keeps allowing both."""
        how = self.how
        created = {ref for item in self.done if item.status is Status.DONE for ref in created_by(item.action)}
        back = tuple(ref for ref in refs if ref in created)
        if not back:
            return
        old = sources_words(item.source for item in self.migration.items if item.ref in back)
        how.patience.say(f"rolling {count_of(len(back), 'service account')} back to {old}")
        # first the previous service accounts, which have no association: their new pods use the previous mechanism
        changed = [
            item.action
            for item in self.done
            if isinstance(item.error, TimedOut | None) and any(_template_of(item.action, ref) for ref in back)
        ]
        reverse = [POD_TEMPLATE.action(action.after, action.before) for action in changed]
        result = self._apply(Plan(header=self.place.header, actions=tuple(reverse)))
        if result.error is not None:
            raise result.error
        lists = {item.action.target: item.action for item in self.done if not listed(item.action).isdisjoint(back)}
        states = ((action.after or {}) for action in lists.values())
        removals = tuple(ADDON_ASSOCIATIONS.action(state, without(state, back)) for state in states)
        alone = tuple(ref for ref in back if not any(ref in listed(action) for action in lists.values()))
        plan = plan_disassociate(alone, self.place.header, current_associations(how.clients, self.place, alone))
        result = self._apply(replace(plan, actions=(*plan.actions, *removals)))
        if result.error is not None:
            raise result.error
        wait_until_stopped(how.clients.kube, back, how.patience)
        made_again = replace_pods(
            how.clients, self.place, back, how.restarting.of(self.run_id), stale=False, expect_injected=False
        )
        self.done += made_again.done
        for ref in back:
            self.after.pop(ref, None)
            self.failures[ref] += f"; rolled back to {old}"


def carry_out(
    migration: Migration, how: Carrying, items: Sequence[MigrationItem], blocked: Mapping[ServiceAccountRef, str]
) -> ChangeResult:
    """Migrate the items without blockers, in batches, and report every item, also those that are `blocked`, with the
    reason. A failure stops neither the rest of its batch nor, up to `max_failures`, the next batch."""
    run = _MigrationRun(how, migration.only(items))
    agreed: list[MigrationItem] = []
    error: PodidError | None = None
    try:
        for batch in _batches(items, how.parallel if how.agree is None else 1):
            if how.max_failures is not None and len(run.failures) > how.max_failures:
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
        restarted=how.until.rank >= Stage.MOVED.rank,
    )


def _error(run: _MigrationRun, blocked: Mapping[ServiceAccountRef, str], *, done: bool) -> PodidError | None:
    if run.failures:
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


def _part(plan: Plan, items: Sequence[MigrationItem], until: Stage) -> Plan:
    """Return the changes of these items: the complete trust policies of their roles, and their associations."""
    refs = {item.ref for item in items}
    arns = {item.role_arn for item in items}
    own = [action for action in plan.actions if action.kind == ASSOCIATION.name and ref_of(action.keys) in refs]
    # of an association with a target role, also the base role
    names = {role_name(text(action.after, "roleArn")) for action in own} | set(map(role_name, arns))

    def belongs(action: Action) -> bool:
        if "roleName" in action.keys:
            return action.keys["roleName"] in names
        if action.kind == TARGET_TRUST.name:
            return action.keys["targetRoleArn"] in arns and until.rank >= Stage.ASSOCIATED.rank
        if until.rank < Stage.ASSOCIATED.rank:
            return False
        if action.kind == SERVICE_ACCOUNT.name:
            return ServiceAccountRef(action.keys["namespace"], action.keys["name"]) in refs
        return action in own or not listed(action).isdisjoint(refs)

    return replace(plan, actions=tuple(filter(belongs, plan.actions)), unchanged=(), skipped=(), notes=())


def _failure(result: ChangeResult, ref: ServiceAccountRef, migration: Migration) -> str:
    """Return the reason why one of the item's changes failed; empty if none did."""
    arn = next(item.role_arn for item in migration.items if item.ref == ref)
    new = next((a for a in migration.plan.actions if a.kind == ASSOCIATION.name and ref_of(a.keys) == ref), None)
    names = {role_name(arn), role_name(text((new.after if new is not None else None) or {}, "roleArn"))}
    for item in result.done:
        keys = item.action.keys
        own = (
            keys.get("roleName") in names
            or keys.get("targetRoleArn") == arn
            or ref in listed(item.action)
            or (
                (item.action.kind == ASSOCIATION.name and ref_of(item.action.keys) == ref)
                or (item.action.kind == SERVICE_ACCOUNT.name and item.action.target == str(ref))
            )
        )
        if own and item.status in (Status.FAILED, Status.BLOCKED):
            return item.reason
    return ""


def _template_of(action: Action, ref: ServiceAccountRef) -> bool:
    """Return whether the action gives a workload this service account."""
    account = text(action.after, "serviceAccount")
    return action.kind == POD_TEMPLATE.name and (action.keys["namespace"], account) == (ref.namespace, ref.name)
