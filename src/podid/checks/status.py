"""Folds the verdicts on a snapshot into one state for each service account and each of its pods.

Pure, and one pass over the verdicts: which verdict concerns which identity is told by its chain, which of the pods by
its subject or by the pods and nodes that it names. The states and their order are those of `podid.domain.status`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from podid.checks.all import ALL, BY_ID
from podid.checks.base import EVERYONE, Check
from podid.checks.shared.agent import agents
from podid.checks.shared.facts import index
from podid.checks.shared.uses import main_use
from podid.domain.findings import Bearing, Outcome, Severity, Subject, Verdict
from podid.domain.model import Association, Listed, Pod
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import ON_REQUEST, SERVICES, Known, Snapshot, known_or
from podid.domain.staleness import LIFETIME, changed_at
from podid.domain.status import IdentityState, IdentityStatus, NotChecked, PodStatus, worst
from podid.domain.workloads import live, opted_out, runs_in, workload_subject

PERMISSIONS_LINK = 10
# evidence of a token or a probe that was asked for and not to be had: no link is unknown because of it
NO_EVIDENCE = "NoEvidence"
# what is true of pods that are made from now on
_OF_NEW_PODS = ("MutatingWebhookConfiguration", "PodTemplate")
_WORKLOADS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController")
# inferred from settings alone, so that a session of the pod itself counts for more
_INFERRED = (5, 7, 8)


@dataclass(frozen=True, slots=True)
class AffectedPods:
    """Which pods of its identities a verdict concerns: those in `pods` ("ns/name"), on `nodes` or of `workload`, where
    these are given, and the pods that are made from now on if `new`."""

    pods: frozenset[str] | None = None
    nodes: frozenset[str] | None = None
    workload: Subject | None = None
    running: bool = True
    new: bool = True

    @property
    def of_nodes(self) -> bool:
        """Whether a running pod is covered for its node's sake, of which there may be a thousand."""
        return self.running and self.pods is None and self.nodes is not None

    @property
    def keys(self) -> Iterable[Hashable]:
        """One of them is among the keys of every other running pod that it covers."""
        if not self.running or self.of_nodes:
            return ()
        return (self.workload,) if self.pods is None else self.pods


def _keys(pod: Pod) -> tuple[Hashable, ...]:
    return (None, f"{pod.namespace}/{pod.name}", workload_subject(pod))


def deciding(check: Check) -> bool:
    """Whether no state from `ready` on can be claimed without the check."""
    return (
        check.severity is Severity.ERROR
        and 1 <= check.link < PERMISSIONS_LINK
        and check.bearing is not Bearing.ADVICE
        and ON_REQUEST.isdisjoint(check.needs)
    )


def concerned(verdict: Verdict, snapshot: Snapshot) -> AffectedPods:
    """The pods of the verdict's identities that it is about. Which identities these are is its `chain`."""
    new = _bearing(verdict) is not Bearing.RESTART
    subject = verdict.subject
    if verdict.pods:
        return AffectedPods(pods=frozenset(verdict.pods), new=new)
    if verdict.nodes:
        return AffectedPods(nodes=frozenset(verdict.nodes), new=new)
    if subject.kind in _OF_NEW_PODS:
        return AffectedPods(running=False)
    if subject.kind == "Node":
        return AffectedPods(nodes=frozenset({subject.name}), new=new)
    if subject.kind == "Pod":
        node = _agent_nodes(snapshot).get(f"{subject.namespace}/{subject.name}")
        if node is not None:
            return AffectedPods(nodes=frozenset({node}), new=new)
        return AffectedPods(pods=frozenset({f"{subject.namespace}/{subject.name}"}), new=new)
    # of a workload that harms everybody, such as one that changes the nodes' packet filter
    if subject.kind in _WORKLOADS and verdict.chain != EVERYONE:
        nodes = _nodes_of_agent(snapshot, subject)
        return AffectedPods(nodes=nodes, new=new) if nodes is not None else AffectedPods(workload=subject, new=new)
    return AffectedPods(new=new)


def _agent_nodes(snapshot: Snapshot) -> Mapping[str, str]:
    return {f"{pod.namespace}/{pod.name}": pod.node for pod in known_or(snapshot.agent_pods, ()) if pod.node}


def _nodes_of_agent(snapshot: Snapshot, subject: Subject) -> frozenset[str] | None:
    """Where the agent's DaemonSet of this name runs; None for any other workload."""
    found = [ds for ds in agents(snapshot) if Subject("DaemonSet", ds.name, ds.namespace) == subject]
    if not found:
        return None
    pods = known_or(snapshot.agent_pods, ())
    return frozenset(pod.node for pod in pods if live(pod) and any(runs_in(pod, ds) for ds in found))


def _bearing(verdict: Verdict) -> Bearing:
    check = BY_ID.get(verdict.check)
    return Bearing.STOPS if check is None else check.bearing


# --- the fold ---------------------------------------------------------------------------------------------------------


def statuses(
    snapshot: Snapshot, verdicts: Iterable[Verdict], refs: Iterable[ServiceAccountRef], ran: Collection[str]
) -> tuple[IdentityStatus, ...]:
    """One for each of the service accounts, in their order. `verdicts` are in causal order; `ran` are the ids of the
    checks that gave them."""
    general, named = _by_identity(snapshot, verdicts)
    ceiling, lacking = _ceiling(frozenset(ran))
    facts = index(snapshot)
    return tuple(
        _Identity(
            snapshot=snapshot,
            ref=ref,
            association=facts.associations.get(ref),
            concerns=sorted((*general, *named.get(str(ref), ())), key=lambda concern: concern.order),
            ceiling=ceiling,
        ).status(facts.pods.get(ref, ()), lacking)
        for ref in refs
    )


@dataclass(frozen=True, slots=True)
class _Concern:
    """A failing or undecided verdict before one identity."""

    order: int
    verdict: Verdict
    bearing: Bearing
    affected: AffectedPods

    @property
    def failed(self) -> bool:
        return self.verdict.outcome is Outcome.FAIL

    @property
    def breaks(self) -> bool:
        return self.failed and self.verdict.severity is Severity.ERROR and self.bearing is Bearing.STOPS

    @property
    def stale(self) -> bool:
        return self.failed and self.verdict.severity is not Severity.INFO and self.bearing is Bearing.RESTART

    @property
    def open(self) -> bool:
        """Whether a link is undecided by it."""
        undecided = self.verdict.outcome is Outcome.UNKNOWN and self.verdict.severity is Severity.ERROR
        return undecided and self.bearing is not Bearing.ADVICE and self.verdict.code != NO_EVIDENCE

    @property
    def doubts(self) -> bool:
        return self.failed and self.verdict.severity is Severity.WARN and self.bearing is Bearing.STOPS


def _by_identity(
    snapshot: Snapshot, verdicts: Iterable[Verdict]
) -> tuple[tuple[_Concern, ...], Mapping[str, Sequence[_Concern]]]:
    """What concerns everybody, and by name what concerns one."""
    general: list[_Concern] = []
    named: dict[str, list[_Concern]] = defaultdict(list)
    for order, verdict in enumerate(verdicts):
        if verdict.outcome not in (Outcome.FAIL, Outcome.UNKNOWN) or verdict.accepted or not verdict.chain:
            continue
        if not 1 <= verdict.link <= PERMISSIONS_LINK:
            continue
        affected = concerned(verdict, snapshot)
        # a restart makes new pods, so it does not help against what shuts these out
        bearing = _bearing(verdict) if affected.running else Bearing.STOPS
        concern = _Concern(order, verdict, bearing, affected)
        if verdict.chain == EVERYONE:
            general.append(concern)
        else:
            for name in verdict.chain:
                named[name].append(concern)
    return tuple(general), named


@cache
def _ceiling(ran: frozenset[str]) -> tuple[IdentityState | None, tuple[int, ...]]:
    """The best state that the checks which ran can give, and the links that others would have judged."""
    missing = [check for check in ALL if deciding(check) and check.id not in ran]
    links = tuple(sorted({check.link for check in missing}))
    if any(all(SERVICES[name] != "kubernetes" for name in check.needs) for check in missing):
        return None, links
    return (IdentityState.CONFIGURED if missing else IdentityState.PROVEN), links


@dataclass(frozen=True, slots=True)
class _Identity:
    """One service account while it is judged. `concerns` are in causal order."""

    snapshot: Snapshot
    ref: ServiceAccountRef
    association: Listed | None
    concerns: Sequence[_Concern]
    ceiling: IdentityState | None

    def status(self, pods: Sequence[Pod], lacking: tuple[int, ...]) -> IdentityStatus:
        running = [pod for pod in pods if live(pod)]
        served = [pod for pod in running if not opted_out(pod)]
        new = self._new_pod(served)
        judged = None
        if isinstance(self.snapshot.pods, Known):
            judged = tuple(self._pods(served, new))
        state, cause = self._whole(new, judged)
        failed = [concern for concern in self.concerns if concern.failed]
        ceilings = (c.verdict for c in failed if c.verdict.link == PERMISSIONS_LINK)
        return IdentityStatus(
            ref=self.ref,
            association=self.association,
            state=state,
            cause=cause,
            new_pod=new,
            pods=judged,
            opted_out=tuple(pod.name for pod in running if opted_out(pod)),
            permissions=next((v for v in ceilings if v.severity is Severity.ERROR), None),
            advice=tuple(c.verdict for c in failed if c.bearing is Bearing.ADVICE),
            checked_links=tuple(self._checked(lacking)),
            not_checked=tuple(self._not_checked(lacking)),
        )

    @property
    def _known_absent(self) -> bool:
        return self.association is None and isinstance(self.snapshot.associations, Known)

    def _whole(self, new: PodStatus, pods: tuple[PodStatus, ...] | None) -> tuple[IdentityState | None, Verdict | None]:
        """The worst pod's; that of a new pod where it is worse than ready, or where there is no other."""
        if self._known_absent:
            first = next((c.verdict for c in self.concerns if c.failed and c.verdict.chain != EVERYONE), None)
            return IdentityState.NONE, first
        members = [*(pods or ())]
        if not members or new.state is None or new.state.rank < IdentityState.READY.rank:
            members.append(new)
        state = worst(member.state for member in members)
        causes = [member.cause for member in members if member.state is state and member.cause is not None]
        return state, min(causes, key=self._place, default=None)

    def _place(self, verdict: Verdict) -> int:
        return next(concern.order for concern in self.concerns if concern.verdict is verdict)

    def _new_pod(self, served: Sequence[Pod]) -> PodStatus:
        """Of errors on some of the nodes only, a new pod may or may not suffer."""
        of_new = [c for c in self.concerns if c.affected.new and c.verdict.link < PERMISSIONS_LINK]
        hosts = {pod.node for pod in served if pod.node}
        shut = [c.affected.nodes for c in of_new if c.breaks and c.affected.nodes]
        perhaps = []
        if any(not any(node in nodes for nodes in shut) for node in hosts):
            perhaps = [c for c in of_new if c.affected.nodes is not None and not hosts <= c.affected.nodes]
        sure = [concern for concern in of_new if concern not in perhaps]
        state, cause = self._state(sure, perhaps, ())
        return PodStatus(
            namespace=self.ref.namespace, name="", node="", workload=None, state=self._or_none(state), cause=cause
        )

    def _pods(self, served: Sequence[Pod], new: PodStatus) -> Iterator[PodStatus]:
        by_key: dict[Hashable, list[_Concern]] = defaultdict(list)
        of_nodes: list[tuple[Collection[str], _Concern]] = []
        for concern in self.concerns:
            if concern.verdict.link >= PERMISSIONS_LINK:
                continue
            for key in concern.affected.keys:
                by_key[key].append(concern)
            if concern.affected.of_nodes:
                of_nodes.append((concern.affected.nodes or (), concern))
        for pod in served:
            found = [concern for key in _keys(pod) for concern in by_key.get(key, ())]
            found += [concern for nodes, concern in of_nodes if pod.node in nodes]
            found.sort(key=lambda concern: concern.order)
            yield self._pod(pod, new, found)

    def _pod(self, pod: Pod, new: PodStatus, found: Sequence[_Concern]) -> PodStatus:
        """`found` are those that concern this pod."""
        state, cause = self._state(found, (), self._decided(pod))
        stale = next((concern for concern in found if concern.stale), None)
        until: datetime | None = None
        if stale is not None and state not in (IdentityState.BROKEN, None):
            # new pods would be no better off: a restart does not help
            if new.state is IdentityState.BROKEN:
                state, cause = IdentityState.BROKEN, new.cause
            elif state is IdentityState.STALE and stale.verdict.check == "cached-credentials-after-change":
                until = self._until()
        return PodStatus(
            namespace=pod.namespace,
            name=pod.name,
            node=pod.node,
            workload=workload_subject(pod),
            state=self._or_none(state),
            cause=cause,
            uses=main_use(pod, self.snapshot.config_map_keys),
            stale_until=until,
        )

    def _or_none(self, state: IdentityState | None) -> IdentityState | None:
        return IdentityState.NONE if self._known_absent else state

    def _until(self) -> datetime | None:
        if not isinstance(self.association, Association):
            return None
        changed = changed_at(self.association, self.snapshot.taken_at)
        return None if changed is None else changed + LIFETIME

    def _decided(self, pod: Pod) -> Collection[int]:
        """The links that evidence of the pod itself decides."""
        return ()

    def _state(
        self, concerns: Sequence[_Concern], perhaps: Sequence[_Concern], decided: Collection[int]
    ) -> tuple[IdentityState | None, Verdict | None]:
        """`perhaps` weigh as warnings; of the links in `decided`, evidence counts for more than what is inferred."""
        open_ = [concern for concern in (*concerns, *perhaps) if concern.open and concern.verdict.link not in decided]
        outranked = [c for c in concerns if c.breaks and c.verdict.link in decided and c.verdict.link in _INFERRED]
        breaks = [concern for concern in concerns if concern.breaks and concern not in outranked]
        doubts = [*outranked, *(c for c in concerns if c.doubts), *(c for c in perhaps if c.breaks or c.doubts)]
        for state, found in (
            (IdentityState.BROKEN, breaks),
            (IdentityState.STALE, [concern for concern in concerns if concern.stale]),
            (IdentityState.UNKNOWN, open_),
            (IdentityState.DOUBTFUL, doubts),
        ):
            if found:
                first = next((c for c in found if not c.verdict.masked_by), found[0])
                return state, first.verdict
        if self.ceiling is None or self.ceiling is IdentityState.CONFIGURED:
            return self.ceiling, None
        return IdentityState.READY, None

    def _checked(self, lacking: Collection[int]) -> Iterator[int]:
        undecided = {concern.verdict.link for concern in self.concerns if concern.open}
        return (link for link in range(1, PERMISSIONS_LINK) if link not in lacking and link not in undecided)

    def _not_checked(self, lacking: Collection[int]) -> Iterator[NotChecked]:
        """What could not be read or decided, each once, then the links that nothing was read for."""
        undecided = (c.verdict for c in self.concerns if c.verdict.outcome is Outcome.UNKNOWN)
        yield from dict.fromkeys(NotChecked(v.link, v.reason or v.message, v.permission) for v in undecided)
        for link in lacking:
            yield NotChecked(link, "")
