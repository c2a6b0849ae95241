"""Folds the verdicts on a snapshot into one state for each service account and each of its pods.

Pure, in one pass over the verdicts. A verdict's chain gives the identities that it concerns; its subject, or the pods
and nodes that it names, give the affected pods. `podid.domain.status` defines the states and their order.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TypeVar

from podid.checks.affected import AffectedPods, bearing_of, concerned, has_pods, keys_of, shuts_nodes
from podid.checks.all import ALL
from podid.checks.base import Check, on_links
from podid.domain.aws import Association, Listed
from podid.domain.cloudtrail import PodSession, Redemption
from podid.domain.cluster import Pod
from podid.domain.evidence import NO_CHANGES, NO_EVIDENCE, Probed, TokenTrial
from podid.domain.findings import EKS_AUTH, EVERYONE, INJECTION, NO_SERVICE_ACCOUNT, Bearing, Outcome, Severity, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import NOT_READ, ON_REQUEST, SERVICES, Known, Missing, Section, Snapshot, known_or, part
from podid.domain.status import IdentityState, IdentityStatus, NotChecked, PodStatus, worst
from podid.domain.workloads import live, main_opted_out, template_of, workload_subject
from podid.facts.credentials import main_use
from podid.facts.index import index
from podid.facts.restarts import LIFETIME, changed_at

T = TypeVar("T")

PERMISSIONS_LINK = 10
# the links that a state depends on
STATE_LINKS = range(1, PERMISSIONS_LINK)
ABSENT = "association-missing"
# between the redemption of a token and the session that EKS creates for it, by two clocks
SAME_MOMENT = timedelta(seconds=10)
# links whose verdicts are inferred from settings only, so that a session of the pod itself has precedence
_INFERRED = (5, 7, 8)


def deciding(check: Check) -> bool:
    """Return whether the states from `ready` on require this check."""
    return (
        check.severity is Severity.ERROR
        and on_links(check, STATE_LINKS) is not None
        and check.bearing is not Bearing.ADVICE
        and ON_REQUEST.isdisjoint(check.needs)
    )


def statuses(
    snapshot: Snapshot, verdicts: Iterable[Verdict], refs: Iterable[ServiceAccountRef], ran: Collection[str]
) -> tuple[IdentityStatus, ...]:
    """Return one status for each of the service accounts, in their order. `verdicts` are in causal order; `ran` are the
    ids of the checks that gave them."""
    general, named, nodewise = _by_identity(snapshot, verdicts)
    ceiling, lacking = _ceiling(frozenset(ran))
    facts = index(snapshot)
    redemptions = tuple(event for event in known_or(snapshot.redemptions, ()) if not event.error_code)
    return tuple(
        _Identity(
            snapshot=snapshot,
            ref=ref,
            association=facts.associations.get(ref),
            concerns=sorted(
                {*general, *named.get(str(ref), ()), *(nodewise if nodewise and not has_pods(snapshot, ref) else ())},
                key=lambda concern: concern.order,
            ),
            ceiling=ceiling,
            trials=_part(snapshot.tokens, str(ref)),
            probes=_part(snapshot.probes, str(ref)),
            sessions=_sessions(snapshot, facts.associations.get(ref)),
            redemptions=redemptions,
        ).status(facts.pods.get(ref, ()), lacking)
        for ref in refs
    )


def _part(section: Section[Mapping[str, Section[tuple[T, ...]]]], key: str) -> tuple[T, ...]:
    return known_or(part(section, key), ())


def _sessions(snapshot: Snapshot, association: Listed | None) -> tuple[PodSession, ...]:
    """Return the sessions of the association's pods in this cluster, newest first. Without session tags CloudTrail
    names no pod."""
    if not isinstance(association, Association) or not isinstance(snapshot.cluster, Known):
        return ()
    arn = snapshot.cluster.value.arn
    sessions = _part(snapshot.sessions, association.role_arn)
    return tuple(
        session
        for session in sessions
        if session.ref == association.ref and session.cluster_arn == arn and not session.error_code
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Concern:
    """A failing or unknown verdict, with the affected pods of one identity."""

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
        """Return whether a link is undecided because of it. Data that was not requested only lowers the possible
        state."""
        undecided = self.verdict.outcome is Outcome.UNKNOWN and self.verdict.severity is Severity.ERROR
        read = _read(self.verdict) and self.verdict.error_code != NO_EVIDENCE
        return undecided and read and self.bearing is not Bearing.ADVICE

    @property
    def doubts(self) -> bool:
        """Return whether it makes the state doubtful. A verdict of severity info does too if no pod can run yet."""
        mild = self.verdict.severity is Severity.WARN or self.verdict.check in NO_SERVICE_ACCOUNT
        return self.failed and mild and self.bearing is Bearing.STOPS


def _read(verdict: Verdict) -> bool:
    """Return whether the data that an unknown verdict lacks was requested."""
    return Missing(verdict.reason, verdict.permission, verdict.error_code) != NOT_READ


def _by_identity(
    snapshot: Snapshot, verdicts: Iterable[Verdict]
) -> tuple[Sequence[_Concern], Mapping[str, Sequence[_Concern]], Sequence[_Concern]]:
    """Return the verdicts on every identity, those on one by its name, and those on identities without pods on nodes.
    The next pod of an identity without pods may run on any node."""
    general: list[_Concern] = []
    named: dict[str, list[_Concern]] = defaultdict(list)
    nodewise: list[_Concern] = []
    for order, verdict in enumerate(verdicts):
        if verdict.outcome not in (Outcome.FAIL, Outcome.UNKNOWN) or verdict.accepted:
            continue
        if not 1 <= verdict.link <= PERMISSIONS_LINK:
            continue
        affected = concerned(verdict, snapshot)
        # a restart creates new pods, so it does not fix a failure that affects only these
        bearing = bearing_of(verdict) if affected.running else Bearing.STOPS
        concern = _Concern(order, verdict, bearing, affected)
        if verdict.chain == EVERYONE:
            general.append(concern)
        else:
            for name in verdict.chain:
                named[name].append(concern)
            if shuts_nodes(verdict, snapshot):
                nodewise.append(concern)
    return general, named, nodewise


@cache
def _ceiling(ran: frozenset[str]) -> tuple[IdentityState | None, tuple[int, ...]]:
    """Return the best state that the checks which ran can give, and the links of the checks that did not run."""
    missing = [check for check in ALL if deciding(check) and check.id not in ran]
    links = tuple(sorted({check.link for check in missing}))
    if any(all(SERVICES[name] != "kubernetes" for name in check.needs) for check in missing):
        return None, links
    return (IdentityState.CONFIGURED if missing else IdentityState.PROVEN), links


def _served(probe: Probed) -> bool:
    return probe.redeemed is not None and not probe.link


def _is_absence(verdict: Verdict) -> bool:
    """Return whether the verdict is that of association-missing, which is judged only for named identities: a verdict
    with the reason comes first."""
    return verdict.check == ABSENT


@dataclass(frozen=True, slots=True)
class _Identity:
    """One service account that is being judged. `concerns` are in causal order."""

    snapshot: Snapshot
    ref: ServiceAccountRef
    association: Listed | None
    concerns: Sequence[_Concern]
    ceiling: IdentityState | None
    trials: Sequence[TokenTrial]
    probes: Sequence[Probed]
    sessions: Sequence[PodSession]
    redemptions: Sequence[Redemption]

    def status(self, pods: Sequence[Pod], lacking: tuple[int, ...]) -> IdentityStatus:
        running = [pod for pod in pods if live(pod)]
        served = [pod for pod in running if not main_opted_out(pod)]
        new = self._new_pod(served)
        judged = tuple(self._pods(served, new)) if isinstance(self.snapshot.pods, Known) else None
        state, cause = self._whole(new, judged)
        failed = [concern for concern in self.concerns if concern.failed]
        undecided = {*lacking, *(concern.verdict.link for concern in self.concerns if concern.open)}
        ceilings = (c.verdict for c in failed if c.verdict.link == PERMISSIONS_LINK)
        return IdentityStatus(
            ref=self.ref,
            association=self.association,
            state=state,
            cause=cause,
            new_pod=new,
            pods=judged,
            opted_out=tuple(pod.name for pod in running if main_opted_out(pod)),
            permissions=next((v for v in ceilings if v.severity is Severity.ERROR), None),
            advice=tuple(c.verdict for c in failed if c.bearing is Bearing.ADVICE),
            checked_links=tuple(link for link in STATE_LINKS if link not in undecided),
            not_checked=tuple(self._not_checked(lacking)),
        )

    @property
    def _known_absent(self) -> bool:
        return self.association is None and isinstance(self.snapshot.associations, Known)

    def _whole(self, new: PodStatus, pods: tuple[PodStatus, ...] | None) -> tuple[IdentityState | None, Verdict | None]:
        """Return the worst state of the pods, and its cause. A new pod counts if its state is worse than ready, or if
        there is no other pod."""
        if self._known_absent:
            failed = [c.verdict for c in self.concerns if c.failed and c.verdict.chain != EVERYONE]
            return IdentityState.NONE, min(failed, key=_is_absence, default=None)
        members = [*(pods or ())]
        if not members or new.state is None or new.state.rank < IdentityState.READY.rank:
            members.append(new)
        state = worst(member.state for member in members)
        causes = [member.cause for member in members if member.state is state and member.cause is not None]
        return state, next((concern.verdict for concern in self.concerns if concern.verdict in causes), None)

    def _new_pod(self, served: Sequence[Pod]) -> PodStatus:
        """Return the status of a new pod. It is expected on the nodes of the other pods, or on any node without these.
        An error on some of these nodes only may or may not affect it."""
        of_new = [c for c in self.concerns if c.affected.new and c.verdict.link < PERMISSIONS_LINK]
        hosts = {pod.node for pod in served if pod.node} or index(self.snapshot).nodes.keys()
        shut = [c.affected.nodes for c in of_new if c.breaks and c.affected.nodes]
        perhaps = []
        if any(not any(node in nodes for nodes in shut) for node in hosts):
            perhaps = [c for c in of_new if c.affected.nodes is not None and not hosts <= c.affected.nodes]
        sure = [concern for concern in of_new if concern not in perhaps]
        trial = next(self._good_trials(), None)
        probed = any(_served(probe) for probe in self.probes)
        state, cause = self._state(sure, perhaps, self._decided(trial, None, ""))
        # podid's own pod is a new pod of the service account
        if state is IdentityState.READY and (trial is not None or probed):
            state = IdentityState.VERIFIED
        return PodStatus(
            namespace=self.ref.namespace,
            name="",
            node="",
            workload=None,
            state=self._or_none(state),
            cause=cause,
            token=trial.redeemed if trial is not None else None,
            token_pod=trial.name if trial is not None else "",
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
            concerns = [concern for key in keys_of(pod) for concern in by_key.get(key, ())]
            concerns += [concern for nodes, concern in of_nodes if pod.node in nodes]
            concerns.sort(key=lambda concern: concern.order)
            yield self._pod(pod, new, concerns)

    def _pod(self, pod: Pod, new: PodStatus, concerns: Sequence[_Concern]) -> PodStatus:
        trial, session = self._trial(pod), self._session(pod)
        state, cause = self._state(concerns, (), self._decided(trial, session, pod.node))
        stale = next((concern for concern in concerns if concern.stale), None)
        until, changes = None, known_or(self.snapshot.changes, NO_CHANGES)
        if stale is not None and state not in (IdentityState.BROKEN, None):
            # new pods would fail too, so a restart does not help
            if new.state is IdentityState.BROKEN:
                state, cause = IdentityState.BROKEN, new.cause
            elif (
                state is IdentityState.STALE
                and stale.verdict.check == "cached-credentials-after-change"
                and isinstance(self.association, Association)
                and (changed := changed_at(self.association, self.snapshot.taken_at, changes)) is not None
            ):
                until = changed + LIFETIME
        if state is IdentityState.READY:
            state = IdentityState.PROVEN if session else IdentityState.VERIFIED if trial else state
        return PodStatus(
            namespace=pod.namespace,
            name=pod.name,
            node=pod.node,
            workload=workload_subject(pod),
            state=self._or_none(state),
            cause=cause,
            uses=main_use(pod, self.snapshot.config_map_keys),
            stale_until=until,
            token=trial.redeemed if trial is not None else None,
            token_pod=trial.name if trial is not None else "",
            seen_at=session.at if session is not None else None,
        )

    def _or_none(self, state: IdentityState | None) -> IdentityState | None:
        return IdentityState.NONE if self._known_absent else state

    def _trial(self, pod: Pod) -> TokenTrial | None:
        """Return the trial that got the association's role with a token of the pod, or of one of the same template."""
        own = (trial for trial in self._good_trials() if trial.name == f"{pod.namespace}/{pod.name}")
        kin = workload_subject(pod), template_of(pod)
        alike = (trial for trial in self._good_trials() if (trial.workload, trial.template) == kin)
        return next(own, None) or next(alike, None)

    def _good_trials(self) -> Iterator[TokenTrial]:
        return (trial for trial in self.trials if trial.redeemed is not None and trial.expected)

    def _session(self, pod: Pod) -> PodSession | None:
        """Return the newest session of this pod since it started and since its association last changed. The agent of
        its node must have redeemed a token at the same time: podid's own redemptions create sessions of the pod too."""
        since = pod.created_at
        if isinstance(self.association, Association) and self.association.modified_at is not None:
            since = max(since, self.association.modified_at)
        node = index(self.snapshot).nodes.get(pod.node)
        redeemed_at = [
            event.at for event in self.redemptions if node is not None and event.session_name == node.instance_id
        ]
        return next(
            (
                session
                for session in self.sessions
                if session.pod == pod.name
                and session.at >= since
                and any(abs(session.at - at) <= SAME_MOMENT for at in redeemed_at)
            ),
            None,
        )

    def _decided(self, trial: TokenTrial | None, session: PodSession | None, node: str) -> Collection[int]:
        """Return the links that are decided by evidence of the pod, or of podid's own pod on its node."""
        decided = {1, 9} if trial is not None else set()
        if any(probe.node == node and _served(probe) for probe in self.probes):
            decided |= {1, 3, 6, 7, 8, 9}
        return decided | ({1, 2, 3, 5, 6, 7, 8, 9} if session is not None else set())

    def _state(
        self, concerns: Sequence[_Concern], perhaps: Sequence[_Concern], decided: Collection[int]
    ) -> tuple[IdentityState | None, Verdict | None]:
        """Return the state and its cause. `perhaps` count as warnings. For links in `decided`, evidence has precedence
        over inferred verdicts."""
        open_ = [concern for concern in (*concerns, *perhaps) if concern.open and concern.verdict.link not in decided]
        outranked = [c for c in concerns if c.breaks and c.verdict.link in decided and c.verdict.link in _INFERRED]
        breaks = [concern for concern in concerns if concern.breaks and concern not in outranked]
        doubts = [*outranked, *(c for c in concerns if c.doubts), *(c for c in perhaps if c.breaks or c.doubts)]
        doubts = [concern for concern in doubts if concern in outranked or concern.verdict.link not in decided]
        for state, members in (
            (IdentityState.BROKEN, breaks),
            (IdentityState.STALE, [concern for concern in concerns if concern.stale]),
            (IdentityState.UNKNOWN, open_),
            (IdentityState.DOUBTFUL, doubts),
        ):
            if members:
                verdicts = (concern.verdict for concern in members)
                return state, self._root(min(verdicts, key=lambda item: (_is_absence(item), bool(item.masked_by))))
        if self.ceiling is None or self.ceiling is IdentityState.CONFIGURED:
            return self.ceiling, None
        return IdentityState.READY, None

    def _root(self, verdict: Verdict) -> Verdict:
        """Return the error that masks this one. A note or a warning about a missing service account, or a missing
        association, does not explain the state as well."""
        errors = (c.verdict for c in self.concerns if c.failed and c.verdict.severity is Severity.ERROR)
        roots = (error for error in errors if error.check == verdict.masked_by and not _is_absence(error))
        return next(roots, verdict)

    def _not_checked(self, lacking: Collection[int]) -> Iterator[NotChecked]:
        """Yield the unknown verdicts, each once, then the links for which nothing was read. Missing evidence of tokens
        and probes is about EKS Auth, whatever the check's link."""
        unknown = dict[NotChecked, None]()
        for verdict in (c.verdict for c in self.concerns):
            if verdict.outcome is Outcome.UNKNOWN and _read(verdict):
                link = EKS_AUTH if verdict.error_code == NO_EVIDENCE and verdict.link > INJECTION else verdict.link
                unknown[NotChecked(link, verdict.reason or verdict.message, verdict.permission)] = None
        yield from unknown
        for link in lacking:
            yield NotChecked(link, "")
