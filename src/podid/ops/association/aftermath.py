"""Wait for the effect of a change of associations and replace pods that missed it. After a deletion, wait until new
pods get no credentials.

A change reaches each API server at a different time. A pod created with dryRun=All passes the webhook and is not
created: it shows the state of one API server. Several rounds, seconds apart, show the state of all.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from podid.calls import pacing
from podid.calls.patience import Patience
from podid.domain.errors import (
    AccessDenied,
    Conflict,
    ExitCode,
    NotFound,
    PodidError,
    TimedOut,
    Unavailable,
    WebhookFailed,
)
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Awaited, ChangeResult, Place, Status, Verb, Wait
from podid.domain.section import FREE, READS, Cost, Known, Missing, attempt, error_of, known_or, required
from podid.domain.snapshot import Snapshot
from podid.domain.status import IdentityState, IdentityStatus
from podid.domain.text import short_list
from podid.domain.workloads import injected
from podid.ops.association.plan import changed_associations
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ASSOCIATION
from podid.ops.change.kinds.addon import OF_ADDONS, owned_accounts
from podid.ops.change.kinds.association import ref_of
from podid.ops.clients import Clients, KubeAccess
from podid.ops.reading.collect import collect
from podid.ops.reading.trials import PODS_PER_ROUND, ROUNDS, SECONDS_BETWEEN_ROUNDS, images_of
from podid.ops.restart.rollout import Restarting, replace_pods
from podid.ops.status.diagnose import Adjust, Diagnosis, diagnosis_of, unchanged, wanted_for
from podid.ops.status.facts import late_pods
from podid.ops.status.verify import wait

ASSOCIATION_SECONDS = 300.0
_COSTS = {Wait.VERIFIED: Cost.DRY_RUN | Cost.TOKEN, Wait.PROVEN: Cost.DRY_RUN | Cost.TOKEN | Cost.TRAIL}
# the sections that a restart changes, with the nodes of the new pods, and the access that these pods require
_AFTER_RESTART = (
    *("pods", "workloads", "nodes", "daemon_sets", "agent_pods", "agent_addon", "agent_warnings"),
    *("webhook", "associations", "roles", "target_roles", "changes"),
)
# the sections that no change of associations affects, and the time for which an earlier reading of them is used
_UNAFFECTED = frozenset(
    (
        *("agent_versions", "agent_next_versions", "upgrade_insights", "node_groups", "node_classes", "instances"),
        *("other_node_roles", "node_role_allowed", "node_role_policies", "egress", "clocks", "products", "csi_drivers"),
    )
)
_USED_FOR = timedelta(seconds=60)

_NOT_REACHED = (ExitCode.UNAVAILABLE, ExitCode.ATTENTION)
_UNLISTED = {
    Verb.CREATE: "EKS has not listed the association of {} yet",
    Verb.UPDATE: "EKS has not shown the change of the association of {} yet",
    Verb.DELETE: "EKS still lists the deleted association of {}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The extent and the time of the wait after a change of associations. `restarting` is set if pods that missed the
    change are to be replaced. With `all_pods` the token of every pod is redeemed, else that of one pod of each
    workload. `adjust` changes each report before its identities are judged. `before` is the reading for the plan."""

    clients: Clients
    place: Place
    patience: Patience
    wait: Wait | None
    journal: Journal
    restarting: Restarting | None = None
    all_pods: bool = False
    adjust: Adjust = unchanged
    before: Snapshot | None = None

    @property
    def checks_cluster(self) -> bool:
        return self.wait not in (Wait.NONE, Wait.API)

    @property
    def state(self) -> IdentityState:
        return (self.wait.state if self.wait is not None else None) or IdentityState.READY


def after_associate(
    how: Waiting, result: ChangeResult, refs: Collection[ServiceAccountRef], diagnosis: Diagnosis | None = None
) -> ChangeResult:
    """Return the result once new pods are in the awaited state, by `diagnosis` or a new one, then with the old pods
    replaced if requested, and once EKS lists the associations. A failed change is returned unchanged. An error while
    waiting becomes the result's error."""
    began = how.patience.clock.monotonic()
    return listed(_later(how, began), _associated(how, result, refs, diagnosis), refs)


def _associated(
    how: Waiting, result: ChangeResult, refs: Collection[ServiceAccountRef], diagnosis: Diagnosis | None
) -> ChangeResult:
    if result.error is not None or not refs or not how.checks_cluster:
        return result
    began = how.patience.clock.monotonic()
    result = replace(result, wait=how.wait)
    try:
        if _late_of_addons(how, result, refs) and (late := until_listed(how, result, refs)):
            return _not_listed(result, late)
        diagnosis = diagnosis or reach(_later(how, began), refs)
        result = _judged(how, result, diagnosis)
        if result.exit_code in _NOT_REACHED and (late := _unlisted(how, result, refs)):
            # judge it again once EKS lists the association, on which all else depends
            if late := until_listed(_later(how, began), result, late):
                return _not_listed(result, late)
            diagnosis = reach(_later(how, began), refs)
            result = _judged(how, result, diagnosis)
        broken = result.exit_code in _NOT_REACHED
        if how.restarting is None or (broken and not how.restarting.insist):
            return result
        result = _restart(how, how.restarting, result, diagnosis)
        if result.error is not None or any(item.status in (Status.FAILED, Status.BLOCKED) for item in result.done):
            return result
        return replace(_judged(how, result, reach(_later(how, began), refs, before_restart=diagnosis)), restarted=True)
    except PodidError as error:
        return replace(result, error=error)


def _later(how: Waiting, began: float) -> Waiting:
    """Return how to wait for what is left of the time."""
    remaining = max(how.patience.seconds - (how.patience.clock.monotonic() - began), 1.0)
    return replace(how, patience=how.patience.within(remaining))


def _late(how: Waiting, result: ChangeResult, refs: Collection[ServiceAccountRef]) -> list[ServiceAccountRef]:
    """Return the service accounts whose changed associations EKS does not list or describe yet; none if its list
    cannot be read. EKS does not answer the ids of the associations that an add-on gets: they are late until listed."""
    eks, cluster = how.clients.eks, how.place.cluster_name
    late = set(known_or(attempt(lambda: eks.list_late(cluster, refs)), []))
    return sorted(late | _late_of_addons(how, result, refs))


def _late_of_addons(
    how: Waiting, result: ChangeResult, refs: Collection[ServiceAccountRef]
) -> frozenset[ServiceAccountRef]:
    last = {item.action.target: owned_accounts(item.action) for item in result.done if item.action.kind in OF_ADDONS}
    owned = frozenset[ServiceAccountRef]().union(*last.values()) & frozenset(refs)
    if not owned:
        return owned
    eks, cluster = how.clients.eks, how.place.cluster_name
    known = attempt(lambda: frozenset(item.ref for item in eks.list_association_summaries(cluster)))
    return owned - known.value if isinstance(known, Known) else frozenset()


def _unlisted(how: Waiting, result: ChangeResult, refs: Collection[ServiceAccountRef]) -> list[ServiceAccountRef]:
    """Return those that are late, or that have no association any more."""
    late, eks, cluster = _late(how, result, refs), how.clients.eks, how.place.cluster_name
    known = attempt(lambda: {item.ref for item in eks.list_association_summaries(cluster)})
    return late or [ref for ref in refs if isinstance(known, Known) and ref not in known.value]


def until_listed(how: Waiting, result: ChangeResult, refs: Collection[ServiceAccountRef]) -> list[ServiceAccountRef]:
    """Wait until EKS lists and describes the changed associations as they are. Return those that it does not."""
    late = list(refs)
    for _ in how.patience.rounds(1.0, longest=5.0):
        late = _late(how, result, refs)
        if not late:
            break
        how.patience.say(f"waiting until EKS lists the change of {short_list(map(str, late), 1)}")
    return late


def _not_listed(result: ChangeResult, late: Sequence[ServiceAccountRef]) -> ChangeResult:
    return replace(result, after=(), error=TimedOut(_unlisted_words(result, late), subject=str(late[0])))


def _unlisted_words(result: ChangeResult, late: Collection[ServiceAccountRef]) -> str:
    done = (item.action for item in result.done if item.action.kind == ASSOCIATION.name)
    verbs = {action.target: action.verb for action in done}
    return short_list(_UNLISTED[verbs.get(str(ref), Verb.CREATE)].format(ref) for ref in late)


def listed(how: Waiting, result: ChangeResult, refs: Collection[ServiceAccountRef]) -> ChangeResult:
    """Wait until EKS lists the changed associations as they are: other tools, and podid elsewhere, read the list. A
    failure that the result has already takes precedence."""
    done = result.error is None and refs and how.checks_cluster
    if not done or result.exit_code in _NOT_REACHED or not _late(how, result, refs):
        return result
    late = until_listed(how, result, refs)
    return replace(result, awaited=Awaited(_unlisted_words(result, late), reached=False)) if late else result


def reach(
    how: Waiting,
    refs: Collection[ServiceAccountRef] = (),
    *,
    running: bool = False,
    before_restart: Diagnosis | None = None,
) -> Diagnosis:
    """Wait until new pods of the service accounts, or their `running` ones, are in the awaited state, as long as
    waiting can help. Without `refs`: those of all associations. After a restart of the same service accounts, only the
    sections are read again that the restart changes; the dry runs before it are evidence of new pods."""
    cost = READS | _COSTS.get(how.wait or Wait.READY, FREE if running else Cost.DRY_RUN)
    request = replace(wanted_for(refs, cost=cost), all_pods=how.all_pods)

    def reached(status: IdentityStatus) -> bool:
        state, _ = status.judged(running=running or how.state is IdentityState.PROVEN)
        return state is not None and state.reaches(how.state)

    def read(base: Snapshot | None, again: Collection[str]) -> Snapshot:
        now = how.patience.clock.now()
        return collect(how.clients, how.place, request, now=now, base=base, again=again, journal=how.journal)

    def judge(snapshot: Snapshot) -> Diagnosis:
        return diagnosis_of(snapshot, request, how.adjust)

    base, again = how.before, request.names
    if before_restart is not None:
        base, again = before_restart.snapshot, set(_AFTER_RESTART)
    elif base is None or how.patience.clock.now() - base.taken_at > _USED_FOR:
        base = None
    else:
        again = {name for name in again if name not in _UNAFFECTED or isinstance(getattr(base, name), Missing)}
    return wait(read, judge, how.patience, reached, base, again)


def _judged(how: Waiting, result: ChangeResult, diagnosis: Diagnosis) -> ChangeResult:
    failure = how.clients.kube.failure
    unchecked = f"the cluster was not checked: {failure.message}" if failure is not None else ""
    return replace(result, after=diagnosis.report.identities, unchecked=unchecked)


def after_all(how: Waiting, result: ChangeResult) -> ChangeResult:
    """Return the result with the status of all associations of the cluster, if --wait specifies a state."""
    if how.wait is None or how.wait.state is None or result.error is not None:
        return result
    try:
        return _judged(how, replace(result, wait=how.wait), reach(how))
    except PodidError as error:
        return replace(result, error=error)


def _restart(how: Waiting, restarting: Restarting, result: ChangeResult, diagnosis: Diagnosis) -> ChangeResult:
    """Replace stale pods, and with `insist` the pods of broken identities, and pods that nothing can replace. Raise the
    error if pods were not read."""
    required(diagnosis.snapshot.pods)
    states = (IdentityState.STALE, IdentityState.BROKEN) if restarting.insist else (IdentityState.STALE,)
    chosen = [status for status in diagnosis.report.identities if status.state in states]
    restarting.leave_out(status.ref for status in diagnosis.report.identities if status not in chosen)
    dry_runs = {} if restarting.insist else known_or(diagnosis.snapshot.dry_runs, {})
    refused = {
        status.ref: section
        for status in chosen
        if isinstance(section := dry_runs.get(str(status.ref)), Missing) and section.error_code == WebhookFailed.code
    }
    if refused:
        first = next(iter(refused.values()))
        reason = f"pods of {short_list(map(str, refused))} were not replaced: {first.reason}"
        result = replace(result, error=error_of(replace(first, reason=reason)))
    refs = [status.ref for status in chosen if status.ref not in refused]
    if not refs:
        return result
    restarts = replace_pods(
        how.clients, how.place, refs, restarting, stale=True, expect_injected=True, late=late_pods(diagnosis)
    )
    return replace(result, done=(*result.done, *restarts.done))


def after_restart(how: Waiting, result: ChangeResult, refs: Collection[ServiceAccountRef]) -> ChangeResult:
    """Return the result of restarts with the status of the service accounts that have an association."""
    restarted = any(item.status is Status.DONE for item in result.done)
    if result.error is not None or not restarted or not refs or not how.checks_cluster:
        return result
    try:
        diagnosis = reach(how, refs, running=True)
    except PodidError as error:
        return replace(result, error=error)
    result = _judged(how, replace(result, wait=how.wait, restarted=True), diagnosis)
    return replace(result, after=tuple(status for status in result.after if status.state is not IdentityState.NONE))


def after_disassociate(
    how: Waiting, result: ChangeResult, refs: Collection[ServiceAccountRef] | None = None
) -> ChangeResult:
    """Wait until new pods get no credentials, then replace the pods that hold the role, if requested, and wait until
    EKS does not list the associations. `refs` are those whose associations the result deleted, unless specified. After
    a failed change, only pods are replaced whose associations it did delete."""
    if refs is None:
        _, refs = changed_associations(result.plan.actions)
    began = how.patience.clock.monotonic()
    return listed(_later(how, began), _disassociated(how, result, refs), refs)


def _disassociated(how: Waiting, result: ChangeResult, refs: Collection[ServiceAccountRef]) -> ChangeResult:
    if result.error is not None and not isinstance(result.error, Unavailable) and how.restarting is not None:
        gone = [item.action for item in result.done if item.status is Status.DONE and item.action.verb is Verb.DELETE]
        deleted = {ref_of(action.keys) for action in gone if action.kind == ASSOCIATION.name}
        return replace(_disassociated(how, replace(result, error=None), deleted), error=result.error)
    result = without_credentials(how, result, refs)
    if how.restarting is None or not refs or result.error is not None or result.exit_code is ExitCode.UNAVAILABLE:
        return result
    try:
        restarts = replace_pods(how.clients, how.place, refs, how.restarting, stale=False, expect_injected=False)
        return replace(result, done=(*result.done, *restarts.done))
    except PodidError as error:
        return replace(result, error=error)


def without_credentials(how: Waiting, result: ChangeResult, refs: Collection[ServiceAccountRef]) -> ChangeResult:
    """Wait until new pods of these service accounts get no credentials."""
    if result.error is not None or not refs or not how.checks_cluster:
        return result
    result, failure = replace(result, wait=how.wait), how.clients.kube.failure
    if failure is not None:
        return replace(result, unchecked=f"the cluster was not checked: {failure.message}")
    return replace(result, awaited=wait_until_stopped(how.clients.kube, refs, how.patience))


def after_change(how: Waiting, result: ChangeResult, diagnosis: Diagnosis | None = None) -> ChangeResult:
    """Wait after a change that creates, changes or deletes associations."""
    kept, deleted = changed_associations(result.plan.actions)
    result = _associated(how, result, tuple(kept), diagnosis)
    result = _disassociated(how, result, tuple(deleted)) if deleted else result
    return listed(how, result, (*kept, *deleted))


def wait_until_stopped(kube: KubeAccess, refs: Collection[ServiceAccountRef], patience: Patience) -> Awaited:
    """Wait for enough consecutive rounds without an injected pod. Raise nothing if the cluster cannot be read."""
    clean = dict.fromkeys(refs, 0)
    images = images_of(kube.reader, {ref.namespace for ref in refs})
    unreachable: PodidError | None = None

    def gets_credentials(ref: ServiceAccountRef) -> bool:
        return injected(kube.writer.dry_run_pod(ref, image=images[ref.namespace]))

    for _ in patience.rounds(SECONDS_BETWEEN_ROUNDS):
        pending = [ref for ref, rounds in clean.items() if rounds < ROUNDS]
        tries = [ref for ref in pending for _ in range(PODS_PER_ROUND)]
        hits: set[ServiceAccountRef] = set()
        unreachable = None
        for ref, answer in pacing.fan_out(pacing.attempt(gets_credentials), tries):
            if isinstance(answer, NotFound | Conflict):
                clean[ref] = ROUNDS  # no pod without a service account, or in a namespace that is being deleted
            elif isinstance(answer, PodidError) and answer.passing:
                unreachable = answer
            elif isinstance(answer, PodidError):
                denied = isinstance(answer, AccessDenied) and answer.permission
                why = f"requires {answer.permission}" if denied else answer.message
                return Awaited(f"whether new pods still get credentials was not checked: {why}", None)
            elif answer:
                hits.add(ref)
        if unreachable is not None:
            patience.say(f"{unreachable.message}; trying again")
            continue
        for ref in pending:
            clean[ref] = 0 if ref in hits else clean[ref] + 1
        if all(rounds >= ROUNDS for rounds in clean.values()):
            return Awaited(f"new pods of {short_list(map(str, refs))} no longer get credentials", True)
        injected_still = [str(ref) for ref, rounds in clean.items() if rounds < ROUNDS]
        patience.say(f"waiting until new pods of {short_list(injected_still, 1)} get no credentials")
    if unreachable is not None:
        return Awaited(f"whether new pods still get credentials was not checked: {unreachable.message}", None)
    still = [str(ref) for ref, rounds in clean.items() if rounds < ROUNDS]
    return Awaited(f"new pods of {short_list(still)} still got credentials within {patience.seconds:g} s", False)
