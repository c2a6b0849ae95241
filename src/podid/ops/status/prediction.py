"""Predict the result of a plan: change the snapshot as the plan would, and judge it by the same checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from podid.checks.all import ALL, BY_ID
from podid.domain.aws import Association, described
from podid.domain.cluster import Pod
from podid.domain.errors import Conflict
from podid.domain.findings import Subject, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Place, Plan
from podid.domain.report import DoctorReport
from podid.domain.section import READS, Cost
from podid.domain.snapshot import NOT_READ, SERVICES, Known, Snapshot, known_or
from podid.domain.status import (
    CredentialSource,
    CredentialUse,
    IdentityState,
    IdentityStatus,
    Outlook,
    PodStatus,
    UseChange,
)
from podid.domain.text import count_of, short_list
from podid.domain.workloads import RESTARTABLE, injected, live, opted_out, workload_subject
from podid.facts.credentials import main_use
from podid.facts.index import index
from podid.facts.restarts import NewPods, without_injection
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ASSOCIATION, RESTART, kind_of
from podid.ops.change.kinds.association import late_changes, ref_of
from podid.ops.change.kinds.workloads import workload_of
from podid.ops.change.planned import with_changed
from podid.ops.clients import Clients
from podid.ops.reading.collect import ReadRequest, collect
from podid.ops.reading.scope import EVERYTHING, DoctorScope
from podid.ops.status.diagnose import Adjust, Checks, Diagnosis, judge, unchanged


def overlaid(snapshot: Snapshot, actions: Iterable[Action], now: datetime) -> Snapshot:
    """Return the snapshot as it would be read after the actions, in order."""
    for kind, group in groupby(actions, lambda action: action.kind):
        snapshot = kind_of(kind).predict_all(snapshot, group, now)
    return replace(snapshot, taken_at=now)


def planned_associations(place: Place, plan: Plan, now: datetime) -> tuple[Association, ...]:
    sections: dict[str, Any] = dict.fromkeys(SERVICES, NOT_READ)
    sections |= {"cluster": Known(place.the_cluster), "associations": Known(())}
    empty = Snapshot(taken_at=now, **sections)
    return described(known_or(overlaid(empty, plan.actions, now).associations, ()))


def examine_before(
    clients: Clients,
    place: Place,
    plan: Plan,
    refs: Collection[ServiceAccountRef] = (),
    *,
    now: datetime,
    journal: Journal | None,
    cost: Cost = READS,
    checks: Checks = ALL,
    by_name: bool = False,
    adjust: Adjust = unchanged,
) -> Diagnosis:
    """Read and judge the subject of a plan before it is applied: these service accounts, whether they exist or not, or
    the whole cluster. With `by_name` no association is described. Never raise for a failed read."""
    scope, planned = DoctorScope.of(refs) if refs else EVERYTHING, planned_associations(place, plan, now)
    selection = ReadRequest(checks=checks, scope=scope, cost=cost, planned=planned, by_name=by_name)
    snapshot = replace(collect(clients, place, selection, now=now, journal=journal), targets=scope.named)
    return Diagnosis(judge(snapshot, checks=checks, scope=scope, adjust=adjust), snapshot, adjust)


@dataclass(frozen=True, slots=True)
class Forecast:
    """The cluster as it is, and the plan with the restarts that follow it."""

    diagnosis: Diagnosis
    plan: Plan
    now: datetime

    @classmethod
    def read(
        cls,
        clients: Clients,
        place: Place,
        plan: Plan,
        refs: Collection[ServiceAccountRef],
        *,
        restart: bool,
        now: datetime,
        **how: Any,
    ) -> Forecast:
        """Read as `examine_before` does; `restart` adds the restarts of pods that the plan does not reach."""
        diagnosis = examine_before(clients, place, plan, refs, now=now, **how)
        more = restarts(diagnosis.snapshot, plan) if restart else ()
        return cls(diagnosis, replace(plan, actions=(*plan.actions, *more)), now)

    def outlook(self, missed: Collection[Subject] = ()) -> tuple[Outlook, tuple[Harm, ...]]:
        """Return the outlook, and the workloads that a restart would harm. `missed` are workloads whose dry-run pods
        the webhook did not inject."""
        outlook = predict(self.diagnosis, self.plan, self.now, missed=missed)
        return outlook, harmed(outlook, self.plan)


def predict(diagnosis: Diagnosis, plan: Plan, now: datetime, *, missed: Collection[Subject] = ()) -> Outlook:
    """Return the outlook; pure. `missed` are workloads whose dry-run pods the webhook did not inject."""
    before = diagnosis.snapshot
    # the clock of EKS may be ahead of this machine's, and new pods are younger than each change that it reported
    now = max([now, *(item.modified_at or now for item in described(known_or(before.associations, ())))])
    after = _without(overlaid(before, plan.actions, now), missed, now)
    scope = DoctorScope.of(before.targets) if before.targets else EVERYTHING
    checks = tuple(BY_ID[name] for name in diagnosis.report.checks)
    report = judge(after, checks=checks, scope=scope, adjust=diagnosis.adjust)
    old, new = _failing(diagnosis.report), _failing(report)
    concerned = _concerned(diagnosis.report.identities, report.identities, named=bool(before.targets))
    return Outlook(
        before=tuple(status for status in diagnosis.report.identities if status.ref in concerned),
        after=tuple(status for status in report.identities if status.ref in concerned),
        brings=tuple(verdict for key, verdict in new.items() if key not in old),
        ends=tuple(verdict for key, verdict in old.items() if key not in new),
        stands=tuple(verdict for key, verdict in new.items() if key in old),
        uses=tuple(_uses(before, after, concerned, now)),
    )


def _without(snapshot: Snapshot, missed: Collection[Subject], now: datetime) -> Snapshot:
    """Return the snapshot with the new pods of the `missed` workloads as the webhook left them."""

    def new_pod(pod: Pod) -> Pod:
        new = pod.created_at == now.replace(microsecond=0)
        return without_injection(pod) if new and workload_subject(pod) in missed else pod

    return with_changed(snapshot, "pods", lambda pods: tuple(map(new_pod, pods))) if missed else snapshot


Failing = dict[tuple[str, Subject, tuple[str, ...]], Verdict]


def _failing(report: DoctorReport) -> Failing:
    """Return the findings, worst first."""
    return {(verdict.check, verdict.subject, verdict.chain): verdict for verdict in report.findings}


def _concerned(
    before: Iterable[IdentityStatus], after: Sequence[IdentityStatus], *, named: bool
) -> frozenset[ServiceAccountRef]:
    """Return the service accounts that have an association before or after; if none was specified, those with a state
    afterwards."""
    silent = (IdentityState.NONE,) if named else (IdentityState.NONE, None)
    statuses = (*before, *after) if named else after
    return frozenset(status.ref for status in statuses if status.state not in silent)


def of_role(outlook: Outlook, arn: str) -> Outlook:
    """Restrict the outlook to associations that name the role, also as target role, or that could not be read."""

    def uses(status: IdentityStatus) -> bool:
        association = status.association
        if isinstance(association, Association):
            return arn in (association.role_arn, association.target_role_arn)
        return status.state is not IdentityState.NONE

    users = {status.ref for status in (*outlook.before, *outlook.after) if uses(status)}

    def about(verdict: Verdict) -> bool:
        return any(str(ref) in verdict.chain for ref in users)

    return replace(
        outlook,
        before=tuple(status for status in outlook.before if status.ref in users),
        after=tuple(status for status in outlook.after if status.ref in users),
        brings=tuple(filter(about, outlook.brings)),
        ends=tuple(filter(about, outlook.ends)),
        stands=tuple(filter(about, outlook.stands)),
    )


# links on the pod and its network, and platforms without an agent: a new pod has the same failure
_POD_LINKS = (2, 3, 4, 5)
_NO_AGENT = ("fargate-pod", "windows-pod")
_OWN_CREDENTIALS = (
    *(CredentialSource.STATIC_KEYS, CredentialSource.PROFILE, CredentialSource.IRSA),
    CredentialSource.CREDENTIALS_FILE,
)


def restarts(snapshot: Snapshot, plan: Plan) -> tuple[Action, ...]:
    """Return the restarts that `--restart` adds to a change of associations: the workloads of the snapshot's targets
    whose pods the change does not reach."""
    late = late_changes(plan.actions)
    gone = {ref_of(action.keys) for action in plan.actions if action.kind == ASSOCIATION.name and action.after is None}
    workloads: dict[Subject, None] = {}
    for ref in snapshot.targets:
        for pod in index(snapshot).pods.get(ref, ()):
            replaced = injected(pod) if ref in gone else ref in late or not injected(pod)
            workload = workload_subject(pod)
            if replaced and live(pod) and not opted_out(pod) and workload.kind in RESTARTABLE:
                workloads[workload] = None
    return tuple(RESTART.action(None, RESTART.state_of(item)) for item in workloads)


@dataclass(frozen=True, slots=True)
class Harm:
    """A workload whose new pods would be broken because of `cause`, while `pods` of its running ones may have
    credentials."""

    ref: ServiceAccountRef
    workload: Subject
    cause: Verdict
    pods: int

    @property
    def why(self) -> str:
        return f"{self.cause.full_message.partition(';')[0]} ({self.cause.check})"


def refusal(harms: Sequence[Harm]) -> Conflict:
    """Return why nothing is restarted, with the command that fixes the first cause."""
    first, pods = harms[0], sum(harm.pods for harm in harms)
    names = short_list(dict.fromkeys(str(harm.ref) for harm in harms))
    if pods:
        keep = f"{count_of(pods, 'running pod')} {'keep theirs' if pods > 1 else 'keeps its credentials'}"
        message = f"New pods of {names} would get no credentials: {first.why}. {keep}"
    else:
        message = f"A restart does not fix the pods of {names}: {first.why}"
    return Conflict(
        f"{message}. Nothing was changed",
        hint=_fix_of(first.cause),
        advice="Pass --force to restart them anyway.",
        subject=str(first.workload),
        id=first.cause.check,
    )


def obstacle(harm: Harm) -> Conflict:
    """Return why one of several workloads is skipped."""
    effect = "new pods would get no credentials" if harm.pods else "a restart does not fix its pods"
    message = f"{effect}: {harm.why}"
    return Conflict(message, hint=_fix_of(harm.cause), subject=str(harm.workload), id=harm.cause.check)


def _fix_of(cause: Verdict) -> tuple[str, ...]:
    """Return the first command that fixes the cause, except a restart, which podid has just refused."""
    commands = cause.fix.commands if cause.fix is not None else ()
    return next((command for command in commands if command[:2] != ("podid", "restart")), ())


def harmed(outlook: Outlook, plan: Plan) -> tuple[Harm, ...]:
    """Return the restarted workloads whose new pods would be broken."""
    harms = []
    for action in plan.actions:
        if action.kind != RESTART.name:
            continue
        workload = workload_of(action.keys)
        for status in outlook.after:
            present = next((item for item in outlook.before if item.ref == status.ref), None)
            old = {pod.name: pod for pod in (present.pods if present is not None else None) or ()}
            new = [pod for pod in status.pods or () if pod.workload == workload and pod.name in old]
            failing = [pod for pod in new if _breaks(old[pod.name], pod)]
            if failing and failing[0].cause is not None:
                losing = sum(_may_lose(old[pod.name], pod) for pod in failing)
                harms.append(Harm(status.ref, workload, failing[0].cause, losing))
    return tuple(harms)


def _breaks(old: PodStatus, new: PodStatus) -> bool:
    """Return whether the new pod is broken, and does not have the same credentials of its own as the running pod."""
    if new.state not in (IdentityState.BROKEN, IdentityState.STALE) or new.cause is None:
        return False
    return _same_source(old, new) not in _OWN_CREDENTIALS


def _may_lose(old: PodStatus, new: PodStatus) -> bool:
    """Return whether the running pod may have credentials that the new one, which is broken, does not get."""
    if _same_source(old, new) not in (None, CredentialSource.POD_IDENTITY):
        return False
    if old.state is not IdentityState.BROKEN or old.cause is None or new.cause is None:
        return True
    own = new.cause.link in _POD_LINKS or new.cause.check in _NO_AGENT
    return not (own and old.cause.check == new.cause.check)


def _same_source(old: PodStatus, new: PodStatus) -> CredentialSource | None:
    """Return the source of the credentials of both pods, as far as it is known; None if it differs or is not known."""
    sources = {pod.uses.uses for pod in (old, new) if pod.uses is not None}
    return sources.pop() if len(sources) == 1 else None


def _uses(before: Snapshot, after: Snapshot, refs: Collection[ServiceAccountRef], now: datetime) -> Iterator[UseChange]:
    make, later = NewPods(after, now), {(pod.namespace, pod.name): pod for pod in known_or(after.pods, ())}
    for ref in sorted(refs):
        changes: Counter[tuple[CredentialUse, CredentialUse, bool]] = Counter()
        for pod in index(before).pods.get(ref, ()):
            then = later.get((pod.namespace, pod.name))
            if not live(pod) or opted_out(pod) or then is None:
                continue
            old, new = _use(before, pod), _use(after, make(pod))
            if old != new:
                changes[old, new, _use(after, then) != new] += 1
        for (old, new, restart), count in sorted(changes.items()):
            yield UseChange(ref=ref, before=old, after=new, pods=count, restart=restart)


def _use(snapshot: Snapshot, pod: Pod) -> CredentialUse:
    use = main_use(pod, snapshot.config_map_keys)
    if use is None:
        return CredentialUse(CredentialSource.NONE)
    if use.uses is CredentialSource.POD_IDENTITY:
        association = index(snapshot).associations.get(pod.ref)
        return CredentialUse(use.uses, association.pods_role_arn if isinstance(association, Association) else "")
    detail = next(item.detail for item in use.candidates if item.source is use.uses)
    return CredentialUse(use.uses, detail if use.uses is CredentialSource.IRSA and detail.startswith("arn:") else "")
