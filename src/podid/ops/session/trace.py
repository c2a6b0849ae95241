"""Find the pod of a role session: by the session tags in CloudTrail, otherwise by the session name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Literal

from podid.aws.cloudtrail import session_of
from podid.aws.session import AwsSession
from podid.calls import pacing
from podid.domain.aws import Association
from podid.domain.cloudtrail import DAYS, PART, NamedSession, PodSession, records_in, sessions_in
from podid.domain.cluster import Pod
from podid.domain.errors import ExitCode, InvalidInput, NotFound, PodidError, complete
from podid.domain.findings import Subject
from podid.domain.foreign import Malformed, Object, inner_or_empty, instant_or_none, text_or
from podid.domain.members import HIDDEN, OR_NULL, About, TextOrNull, members
from podid.domain.names import PODS_PRINCIPAL, ServiceAccountRef
from podid.domain.plan import Place
from podid.domain.section import Missing, Unread, attempt, error_of, known_or
from podid.domain.text import count_of, short_list
from podid.domain.workloads import live, workload_subject
from podid.ops.clients import Clients

# a list of events may have many; each costs calls at two a second
MOST_SESSIONS = 20
# the requests for one session: EKS assumes the role within the agent's call
_SAME_CALL = timedelta(seconds=2)
Source = Literal["event", "cloudtrail", "cluster"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A session in the input. `event` is the AssumeRole event of the session, if the input has it; `at` is the time of
    its first use there."""

    session: NamedSession
    event: PodSession | None = None
    at: datetime | None = None


def sightings(value: object, name: str) -> tuple[Sighting, ...]:
    """Return the sessions in a text or in JSON. Raise NotFound if it names none, InvalidInput for malformed JSON."""
    try:
        sessions, records = sessions_in(value), list(records_in(value))
        created = [session_of(record) for record in records if _by_eks(record)]
        uses = [(sessions_in(dict(record)), instant_or_none(record, "eventTime")) for record in records]
    except Malformed as error:
        raise InvalidInput(f"{name} is not a valid event: {error}", subject=name) from None
    events = {event.session_name: event for event in created}
    times = {session.name: at for used, at in reversed(uses) for session in used if at is not None}
    if not sessions:
        raise NotFound(
            f"{name} contains no role session",
            advice="Specify arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION, or a text or an event with it.",
            subject=name,
        )
    return tuple(Sighting(item, events.get(item.name), times.get(item.name)) for item in sessions[:MOST_SESSIONS])


def _by_eks(record: Object) -> bool:
    identity = inner_or_empty(record, "userIdentity")
    return text_or(record, "eventName") == "AssumeRole" and text_or(identity, "invokedBy") == PODS_PRINCIPAL


@members(
    "session_arn session_name cluster namespace service_account association_id role_arn pod pod_uid state node images "
    "workload started_at source candidates unknown"
)
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTrace:
    """The pod of a session. `source` is the source of the service account: the AssumeRole event in the input or in
    CloudTrail, or the running pods, of which `candidates` have names that match."""

    session: Annotated[NamedSession, HIDDEN]
    cluster: TextOrNull = ""
    ref: ServiceAccountRef | None = None
    association_id: TextOrNull = ""
    role_arn: Annotated[str, OR_NULL, About("The role of the association.")] = ""
    pod: TextOrNull = ""
    pod_uid: TextOrNull = ""
    state: Annotated[Literal["running", "finished", "gone", "unknown"], About("The state of the pod.")] = "unknown"
    node: Annotated[str, OR_NULL, About("The node's name; of a pod that is gone the EC2 instance.")] = ""
    images: tuple[str, ...] = ()
    workload: Annotated[Subject | None, About("The controller of the pod.")] = None
    started_at: Annotated[datetime | None, About("The time at which EKS created the session.")] = None
    source: Source = "cluster"
    candidates: Annotated[tuple[str, ...], About("The running pods whose names match, if the pod is not known.")] = ()
    unknown: tuple[Unread, ...] = ()

    @property
    def session_arn(self) -> TextOrNull:
        return self.session.arn

    @property
    def session_name(self) -> str:
        return self.session.name

    @property
    def namespace(self) -> str | None:
        return self.ref.namespace if self.ref is not None else None

    @property
    def service_account(self) -> str | None:
        return self.ref.name if self.ref is not None else None

    @property
    def exit_code(self) -> ExitCode:
        """Return 9 if the service account is not known, or a part could not be read."""
        return complete(ExitCode.OK, self.ref is None, *(part.decisive for part in self.unknown))

    def unless_known(self, name: str, missing: Missing | str, *, detail: bool = False) -> SessionTrace:
        """Return it with the reason why a part is not known: a text if it cannot be known."""
        if isinstance(missing, str):
            part = Unread(name, missing, detail=True)
        else:
            part = Unread(name, missing.reason, missing.permission, detail=detail)
        return replace(self, unknown=(*self.unknown, part))


@dataclass(frozen=True, slots=True)
class Tracer:
    """`reach` returns the clients of a cluster by name. `cluster` is the specified one, empty for none. The name of a
    session decides whether it can be that cluster's."""

    aws: AwsSession
    reach: Callable[[str], tuple[Clients, Place]]
    cluster: str
    now: datetime

    def trace(self, sighting: Sighting) -> SessionTrace:
        """Return the pod of the session. Raise NotFound if no event and no running pod matches, and the error of a read
        that could have shown it."""
        session = sighting.session
        if not session.of_pod:
            node = f"belongs to EC2 instance {session.instance_id}, with the role of a node"
            raise NotFound(
                f"Session {session.name} {node if session.instance_id else 'does not belong to a pod'}",
                advice="EKS names the sessions of pods eks-CLUSTER-POD-UUID.",
                subject=session.arn or session.name,
            )
        event, reasons = sighting.event, list[tuple[str, Missing]]()
        if event is None:
            read = attempt(lambda: self._event(session))
            event = known_or(read, None)
            reasons += [("session", read)] if isinstance(read, Missing) else []
        if event is not None and event.ref is not None:
            source: Source = "cloudtrail" if sighting.event is None else "event"
            return self._of_event(SessionTrace(session=session, source=source), event, event.ref)
        traces = []
        clusters = self._clusters(session)
        for cluster in clusters:
            match = attempt(partial(self._among_pods, session, cluster, sighting.at))
            if isinstance(match, Missing):
                reasons.append((f"cluster {cluster}", match))
            elif match.value is not None:
                traces.append(match.value)
        if not traces:
            raise self._nothing(session, event, reasons, clusters)
        trace = traces[0] if len(traces) == 1 else _merged(traces)
        why: Missing | str = "CloudTrail has no AssumeRole event of the session"
        if event is not None:
            trace, why = replace(trace, started_at=event.at), "the session has no session tags"
        for part, missing in reasons:
            trace = trace.unless_known(part, missing)
        return trace if reasons or trace.pod else trace.unless_known("pod", why)

    def _event(self, session: NamedSession) -> PodSession | None:
        """Return the AssumeRole event of the session. CloudTrail lists it under the session's ARN and its name."""
        since = self.now - timedelta(days=DAYS)
        for resource in filter(None, (session.arn, session.name)):
            for event in self.aws.cloudtrail.iter_sessions(resource, since):
                if event.session_name == session.name:
                    return event
        return None

    def _clusters(self, session: NamedSession) -> tuple[str, ...]:
        if self.cluster and session.of_cluster(self.cluster):
            return (self.cluster,)
        return tuple(name for name in self.aws.eks.list_clusters() if session.of_cluster(name))

    def _nothing(
        self,
        session: NamedSession,
        event: PodSession | None,
        reasons: Sequence[tuple[str, Missing]],
        clusters: Sequence[str],
    ) -> PodidError:
        for _, missing in reasons:
            return error_of(missing)
        reason = "its event in CloudTrail has no session tags" if event is not None else "CloudTrail has no event of it"
        advice = f"CloudTrail keeps events for {DAYS} days, and shows them up to 15 minutes late."
        if not clusters and (known := self.aws.eks.list_clusters()):
            unlike = f"The name is not that of a session in a cluster of {self.aws.region}: {short_list(known)}."
            advice = f"{unlike} {advice}"
        return NotFound(
            f"No running pod in {self.aws.region} matches session {session.name}, and {reason} there",
            advice=advice,
            subject=session.arn or session.name,
        )

    def _of_event(self, trace: SessionTrace, event: PodSession, ref: ServiceAccountRef) -> SessionTrace:
        """Complete the data of the event from the cluster, as far as it can be read."""
        ref, name = ServiceAccountRef.parse(str(ref)), event.cluster_arn.rpartition("/")[2]
        trace = replace(trace, cluster=name, ref=ref, role_arn=event.role_arn, started_at=event.at)
        trace = replace(trace, pod=event.pod, pod_uid=event.pod_uid)
        region, account = (*event.cluster_arn.split(":"), "", "", "", "")[3:5]
        if (region, account) != (self.aws.region, self.aws.sts.get_caller().account):
            return trace.unless_known("pod", f"cluster {name} is in account {account}, {region}")
        reached = attempt(lambda: self.reach(name))
        if isinstance(reached, Missing):
            return trace.unless_known("pod", reached)
        clients, _ = reached.value
        association = attempt(lambda: clients.eks.find_association(name, ref))
        if isinstance(association, Missing):
            trace = trace.unless_known("association", association)
        elif association.value is not None:
            trace = replace(trace, association_id=association.value.association_id)
        pods = attempt(lambda: clients.kube.reader.list_pods(ref.namespace, service_account=ref.name))
        if isinstance(pods, Missing):
            return trace.unless_known("pod", pods)
        pod = next((item for item in pods.value if item.name == event.pod and event.pod_uid in ("", item.uid)), None)
        if pod is not None:
            return replace(_common(trace, [pod]), state="running" if live(pod) else "finished")
        return self._with_node(_with_siblings(replace(trace, state="gone"), pods.value), event)

    def _with_node(self, trace: SessionTrace, event: PodSession) -> SessionTrace:
        """Add the EC2 instance whose agent requested the session, if only one sent a request at that time."""
        trail = self.aws.cloudtrail
        since, until = event.at - _SAME_CALL, event.at + _SAME_CALL
        requests = attempt(lambda: list(trail.iter_redemptions(since, until)))
        if isinstance(requests, Missing):
            return trace.unless_known("node", requests, detail=True)
        requested = [item for item in requests.value if item.cluster == trace.cluster and not item.error_code]
        instances = {item.session_name for item in requested if item.session_name.startswith("i-")}
        if len(instances) == 1:
            return replace(trace, node=instances.pop())
        count = f"{count_of(len(instances), 'node')} requested credentials at that time" if instances else ""
        return trace.unless_known("node", count or "the pod no longer exists")

    def _among_pods(self, session: NamedSession, cluster: str, used_at: datetime | None) -> SessionTrace | None:
        """Return the service account whose pods' names match, if their association has the role of the session."""
        clients, place = self.reach(cluster)
        part = session.pod_part(place.cluster_name)
        pods = [
            pod
            for pod in clients.kube.reader.list_pods()
            if live(pod) and pod.name[:PART] == part and (used_at is None or pod.created_at <= used_at)
        ]
        find = partial(clients.eks.find_association, place.cluster_name)
        associations = dict(pacing.fan_out(find, {pod.ref for pod in pods}))
        fitting = {
            ref: item
            for ref, item in associations.items()
            if item is not None and (session.is_of(item.pods_role_arn) or session.is_of(item.role_arn))
        }
        return _from_candidates(session, place.cluster_name, [pod for pod in pods if pod.ref in fitting], fitting)


def _from_candidates(
    session: NamedSession, cluster: str, pods: Sequence[Pod], associations: Mapping[ServiceAccountRef, Association]
) -> SessionTrace | None:
    if not pods:
        return None
    trace = SessionTrace(session=session, cluster=cluster)
    names = tuple(f"{pod.namespace}/{pod.name}" for pod in pods)
    if len(associations) > 1:
        return replace(trace, candidates=names)
    ((ref, association),) = associations.items()
    trace = replace(trace, ref=ref, association_id=association.association_id, role_arn=association.role_arn)
    trace = _common(trace, pods)
    return trace if len(pods) > 1 else replace(trace, pod=pods[0].name, pod_uid=pods[0].uid, state="running")


def _common(trace: SessionTrace, pods: Sequence[Pod]) -> SessionTrace:
    workloads, nodes = {workload_subject(pod) for pod in pods}, {pod.node for pod in pods}
    images = {tuple(container.image for container in pod.containers) for pod in pods}
    return replace(
        trace,
        workload=workloads.pop() if len(workloads) == 1 else None,
        images=images.pop() if len(images) == 1 else (),
        node=nodes.pop() if len(nodes) == 1 else "",
        candidates=tuple(f"{pod.namespace}/{pod.name}" for pod in pods) if len(pods) > 1 else (),
    )


def _with_siblings(trace: SessionTrace, pods: Sequence[Pod]) -> SessionTrace:
    """Add the workload and the images of a pod that is gone, from other pods of the same controller: their names differ
    in the last part only."""
    stem = trace.pod.rpartition("-")[0]
    siblings = [pod for pod in pods if stem and pod.owner is not None and pod.name.rpartition("-")[0] == stem]
    return replace(_common(trace, siblings), node="", candidates=()) if siblings else trace


def _merged(traces: Sequence[SessionTrace]) -> SessionTrace:
    names = short_list(trace.cluster for trace in traces)
    pods = [name for trace in traces for name in trace.candidates or (f"{trace.namespace}/{trace.pod}",)]
    merged = SessionTrace(session=traces[0].session, candidates=tuple(pods))
    return merged.unless_known("cluster", f"pods of several clusters match: {names}")
