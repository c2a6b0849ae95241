"""Find the workloads to restart for service accounts, those that podid cannot restart, and those whose new pods would
lack the credentials of the running ones, by the checks and by dry-run pods.

Facts: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html (pods are changed at creation only).
"""

import shlex
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from podid.calls import pacing
from podid.calls.patience import Patience
from podid.domain.cluster import OwnerRef, Pod
from podid.domain.errors import AccessDenied, Again, Conflict, PodidError, WebhookFailed
from podid.domain.findings import Bearing, Subject
from podid.domain.grouping import grouped
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Place, Plan, Skipped
from podid.domain.section import required
from podid.domain.workloads import injected, is_injected, live, opted_out, static, workload_subject
from podid.facts.injection import missed_by_webhook
from podid.facts.restarts import LIFETIME, Hindrance, hindrance, lifetime_words
from podid.kube.reader import KubeReader
from podid.ops.association.read import association_not_found, list_refs
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import RESTART
from podid.ops.clients import Clients, KubeAccess
from podid.ops.reading.trials import images_of
from podid.ops.status.prediction import Forecast, Harm, obstacle, refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A workload, or a pod without a controller, with the `pods` to replace, of `live` running ones. `expect_injected`:
    new pods should have the injected fields. `obstacle` is the reason why podid cannot restart it, with a command as
    its hint. `labels` are those of the newest of these pods."""

    workload: Subject
    refs: tuple[ServiceAccountRef, ...]
    pods: tuple[str, ...]
    uids: tuple[str, ...] = ()
    live: int
    newest: datetime
    expect_injected: bool = True
    obstacle: Conflict | None = None
    labels: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def action(self) -> Action:
        return RESTART.action(None, RESTART.state_of(self.workload), f"{len(self.pods)} of {self.live} pods")


def find_targets(
    reader: KubeReader,
    refs: Collection[ServiceAccountRef],
    *,
    stale: bool,
    expect_injected: bool = True,
    late: Collection[str] = (),
) -> tuple[Target, ...]:
    """Return the workloads whose pods use one of `refs`, which have an association. With `stale`, only those with pods
    that lack the injected fields or are in `late` ("ns/name"). Without `expect_injected` the refs have no association
    any more, and only pods that still have the fields count. Raise AccessDenied if pods cannot be listed."""
    targets: list[Target] = []
    by_workload = group(reader, refs)
    for workload in sorted(by_workload, key=lambda item: (item.namespace, item.kind, item.name)):
        pods = by_workload[workload]
        chosen = _chosen(pods, stale, expect_injected, late)
        if not chosen:
            continue
        newest = max(chosen, key=lambda pod: pod.created_at)
        reason = hindrance(workload.kind, workload.namespace, workload.name, chosen, stale=stale)
        targets.append(
            Target(
                workload=workload,
                refs=tuple(sorted({pod.ref for pod in chosen})),
                pods=tuple(pod.name for pod in chosen),
                uids=tuple(pod.uid for pod in chosen),
                live=len(pods),
                newest=newest.created_at,
                expect_injected=expect_injected,
                obstacle=None if reason is None else conflict(workload, reason),
                labels=newest.labels,
            )
        )
    return tuple(targets)


def find_associated_targets(
    clients: Clients,
    place: Place,
    refs: Sequence[ServiceAccountRef],
    *,
    namespace: str | None,
    stale: bool,
    now: datetime,
    journal: Journal | None,
) -> tuple[Target, ...]:
    """Return the same for `refs`, or for all service accounts with an association, in a namespace or everywhere; with
    `stale`, the workloads with stale pods. Raise NotFound, with the nearest names, for one of `refs` that has no
    association and no pods with injected fields, and for a namespace without any association."""
    if namespace and not refs:
        associated = set(list_refs(clients, place, namespace=namespace))
    else:
        associated = {item.ref for item in clients.eks.list_association_summaries(place.cluster_name)}
    reader = clients.kube.reader
    gone = [ref for ref in refs if ref not in associated]
    leftovers = find_targets(reader, gone, stale=stale, expect_injected=False)
    for ref in gone:
        if not any(ref in target.refs for target in leftovers):
            raise association_not_found(clients, place, ref, associated)
    kept = [ref for ref in refs or sorted(associated) if ref in associated]
    late: Collection[str] = ()
    if stale and kept:
        from podid.checks.all import ALL
        from podid.ops.reading.collect import collect
        from podid.ops.status.diagnose import diagnosis_of, wanted_for
        from podid.ops.status.facts import late_pods

        checks = tuple(check for check in ALL if check.bearing is Bearing.RESTART)
        request = replace(wanted_for(refs, namespace=namespace or ""), checks=checks)
        diagnosis = diagnosis_of(collect(clients, place, request, now=now, journal=journal), request)
        required(diagnosis.snapshot.pods)
        late = late_pods(diagnosis)
    return (*find_targets(reader, kept, stale=stale, late=late), *leftovers)


def left_behind(
    reader: KubeReader,
    refs: Collection[ServiceAccountRef],
    changed: Collection[ServiceAccountRef],
    at_place: Callable[[tuple[str, ...]], tuple[str, ...]],
) -> tuple[str, ...]:
    """Return notes on running pods of `refs` without credentials, and of `changed` with the previous role, each with
    the command, completed by `at_place`. Empty if pods cannot be listed."""
    try:
        targets = find_targets(reader, refs, stale=True)
        others = find_targets(reader, changed, stale=False)
    except PodidError:
        return ()
    late = f"may keep the previous role for up to {lifetime_words(LIFETIME)}"
    without = {name for target in targets for name in target.pods}
    carrying = {name for target in others for name in target.pods} - without
    notes = []
    for behind, pods, say in ((targets, without, "still have no credentials"), (others, carrying, late)):
        if pods:
            names = sorted({str(ref) for target in behind for ref in target.refs})
            one, many = f"1 running pod {say.replace('have', 'has')}", f"{len(pods)} running pods {say}"
            command = shlex.join(at_place(("podid", "restart", *names, "--stale")))
            notes.append(f"{one if len(pods) == 1 else many}: {command}")
    return tuple(notes)


def _chosen(pods: list[Pod], stale: bool, expect_injected: bool, late: Collection[str]) -> list[Pod]:
    if not expect_injected:
        return [pod for pod in pods if injected(pod)]
    if not stale:
        return pods
    return [pod for pod in pods if static(pod) or missed_by_webhook(pod) or f"{pod.namespace}/{pod.name}" in late]


def conflict(workload: Subject, hindrance: Hindrance) -> Conflict:
    return Conflict(hindrance.reason, hint=hindrance.command, subject=str(workload), id=hindrance.mode)


def group(reader: KubeReader, refs: Collection[ServiceAccountRef]) -> dict[Subject, list[Pod]]:
    """Return the live pods of the service accounts by the workload at the end of their owner chain: those that the
    webhook serves, and static pods, which need a message."""
    chosen = frozenset(refs)
    if not chosen:
        return {}
    own = (pod for pod in _pods(reader, chosen) if pod.ref in chosen and live(pod))
    pods = [pod for pod in own if static(pod) or not opted_out(pod)]
    owners = _owners(reader, pods)
    return grouped((_workload(pod, owners), pod) for pod in pods)


def _pods(reader: KubeReader, refs: frozenset[ServiceAccountRef]) -> list[Pod]:
    """List the pods with as few requests as the permissions allow."""
    namespaces = sorted({ref.namespace for ref in refs})
    (ref, *more) = refs
    if not more and ref.name != "default":  # pods without a name use it
        return list(reader.list_pods(ref.namespace, service_account=ref.name))
    if len(namespaces) > 1:
        try:
            return list(reader.list_pods())
        except AccessDenied:
            pass  # the caller may list the namespaces one by one
    listed = dict(pacing.fan_out(lambda namespace: list(reader.list_pods(namespace)), namespaces))
    return [pod for namespace in namespaces for pod in listed[namespace]]


def _owners(reader: KubeReader, pods: list[Pod]) -> dict[str, OwnerRef | None]:
    """Return uid of a ReplicaSet or Job -> its controller, None if it has none; absent if it could not be read."""
    owned: dict[tuple[str, str], set[str]] = defaultdict(set)
    for pod in pods:
        if pod.owner is not None and pod.owner.kind in ("ReplicaSet", "Job"):
            owned[pod.owner.kind, pod.namespace].add(pod.owner.uid)

    def list_owners(place: tuple[str, str]) -> Mapping[str, OwnerRef]:
        kind, namespace = place
        return reader.list_owners(namespace, kind)

    owners: dict[str, OwnerRef | None] = {}
    for place, controllers in pacing.fan_out(pacing.attempt(list_owners), owned):
        if isinstance(controllers, AccessDenied):
            continue  # the name of a Deployment's pod shows it as well
        if isinstance(controllers, PodidError):
            raise controllers
        owners.update((uid, controllers.get(uid)) for uid in owned[place])
    return owners


def _workload(pod: Pod, owners: Mapping[str, OwnerRef | None]) -> Subject:
    if pod.owner is None or static(pod):
        return pod.subject
    if pod.owner.uid in owners:
        controller = owners[pod.owner.uid] or pod.owner
        return Subject(controller.kind, controller.name, pod.namespace)
    return workload_subject(pod)


def restart_plan(place: Place, targets: Sequence[Target]) -> Plan:
    """Return the restarts of the targets; one with an obstacle is skipped."""
    free = tuple(target.action for target in targets if target.obstacle is None)
    skipped = tuple(
        Skipped(target.action, target.obstacle.message, target.obstacle.id) for target in targets if target.obstacle
    )
    return Plan(header=place.header, actions=free, skipped=skipped)


@dataclass(frozen=True, slots=True)
class Tried:
    """The results of dry runs: the workloads whose new pods lack the injected fields, those for which the API server
    creates no pods at all, and notes on other dry runs that failed."""

    missed: frozenset[Subject] = frozenset()
    refused: Mapping[Subject, WebhookFailed] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def choose(
    place: Place,
    targets: tuple[Target, ...],
    forecast: Callable[[Plan, Sequence[ServiceAccountRef]], Forecast],
    try_pods: Callable[[Sequence[Target]], Tried],
    *,
    force: bool,
) -> tuple[tuple[Target, ...], Plan]:
    """Return the targets, each skipped one with its obstacle, and the plan with its outlook. `try_pods` returns the
    results of dry runs. Raise Conflict if every restart would break or remove pods, unless `force`."""
    free = [target for target in targets if target.obstacle is None]
    if not free:
        return targets, restart_plan(place, targets)
    ahead = forecast(restart_plan(place, targets), sorted({ref for target in free for ref in target.refs}))
    outlook, harms = ahead.outlook()
    harmed = _by_workload(harms)
    remaining = [target for target in free if target.workload not in harmed]
    tried = try_pods(remaining)
    if tried.missed:
        outlook, harms = ahead.outlook(tried.missed)
        harmed = _by_workload(harms)
    obstacles = {workload: obstacle(harm) for workload, harm in harmed.items()}
    # nothing would replace a deleted pod
    obstacles |= {
        workload: Conflict(f"no new pods can be created: {error.message}", hint=_WEBHOOKS, subject=str(workload))
        for workload, error in tried.refused.items()
    }
    if obstacles and not force:
        if all(target.workload in obstacles for target in free):
            if harmed:
                raise refusal(tuple(harmed.values()))
            first = next(iter(obstacles.values()))
            raise Conflict(
                f"{first.subject}: {first.message}. Nothing was changed",
                hint=Again(add=("--force",)),
                advice=f"Find the webhook: {shlex.join(_WEBHOOKS)}. Pass --force to restart anyway.",
                subject=first.subject,
            )
        targets = tuple(replace(target, obstacle=obstacles.get(target.workload, target.obstacle)) for target in targets)
        # skipped workloads are shown unchanged
        ahead = replace(ahead, plan=restart_plan(place, targets))
        outlook, _ = ahead.outlook(tried.missed)
    notes = (*tried.notes, *(error.message for error in obstacles.values() if force and error.hint == _WEBHOOKS))
    return targets, replace(restart_plan(place, targets).noting(notes), outlook=outlook)


_WEBHOOKS = ("kubectl", "get", "validatingwebhookconfigurations,mutatingwebhookconfigurations")


def _by_workload(harms: Sequence[Harm]) -> dict[object, Harm]:
    return {harm.workload: harm for harm in harms}


# API servers see a new association after some seconds
SECONDS_OF_DRY_RUNS = 15.0
SECONDS_BETWEEN = 2.0


def try_new_pods(kube: KubeAccess, targets: Sequence[Target], patience: Patience) -> Tried:
    """Try a new pod of each workload, with the labels of its pods, in a dry run."""
    pending = [target for target in targets if target.obstacle is None and target.expect_injected]
    images = images_of(kube.reader, {target.workload.namespace for target in pending})
    notes: dict[str, None] = {}
    refused: dict[Subject, WebhookFailed] = {}

    def tried(target: Target) -> Pod:
        image = images[target.workload.namespace]
        return kube.writer.dry_run_pod(target.refs[0], image=image, labels=target.labels)

    for _ in patience.within(SECONDS_OF_DRY_RUNS).rounds(SECONDS_BETWEEN):
        answers = dict(pacing.fan_out(pacing.attempt(tried), pending))
        refused |= {t.workload: answer for t, answer in answers.items() if isinstance(answer, WebhookFailed)}
        failed = (answer for answer in answers.values() if isinstance(answer, PodidError))
        errors = {error.message for error in failed if not isinstance(error, WebhookFailed)}
        notes |= dict.fromkeys(f"the webhook was not checked in a dry run: {message}" for message in sorted(errors))
        pending = [target for target in pending if isinstance(pod := answers[target], Pod) and not is_injected(pod)]
        if not pending:
            break
        patience.say(f"new pods of {pending[0].refs[0]} would get no credentials yet")
    return Tried(frozenset(target.workload for target in pending), refused, tuple(notes))
