"""A pod of podid's own that asks the agent itself: the links that no look from outside a pod shows.

Each probe is a Job of one pod, as the service account, on a node where its pods run. It prints who AWS says that it is,
never a credential, and is deleted whatever happens; should podid be killed, the Job's deadline and its time to live see
to it.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from podid.domain.errors import NotFound, Other, PodidError, Rejected
from podid.domain.evidence import RecentChanges
from podid.domain.model import Pod
from podid.domain.names import ServiceAccountRef
from podid.domain.patience import Patience
from podid.domain.place import Place
from podid.domain.plan import Action, Done, Plan, Status
from podid.domain.proof import LABELS_AND_SDK, PodProof, ProbeProof, VerifyReport, VerifyState
from podid.domain.words import short_list
from podid.domain.workloads import live, on_fargate, opted_out
from podid.ops.association.answer import NETWORK_LINK, Answer, judge
from podid.ops.association.effect import is_injected
from podid.ops.association.looks import NO_ACCOUNT
from podid.ops.association.read import AssociationReading
from podid.ops.association.verify import ASSOCIATION_LINK, INJECTION_LINK
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import PROBE
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader

# an image has to be pulled in it
PROBE_SECONDS = 180.0
# each is a pod on the cluster; what is left out is said
MOST_NODES = 10
# AWS's own, for amd64 and arm64; any image with the AWS CLI 2.15 or newer does
PROBE_IMAGE = "public.ecr.aws/aws-cli/aws-cli:2.31.23"

SECONDS_BETWEEN_LOOKS = 2.0
# a controller and a scheduler that have not acted by then have said why
PLACING = timedelta(seconds=15)
_VAIN = (
    *("ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"),
    *("CreateContainerConfigError", "CreateContainerError", "RunContainerError"),
)
_ACCOUNT_ABSENT = "error looking up service account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A Job to be made: `node` is empty where any will do."""

    ref: ServiceAccountRef
    name: str
    node: str
    image: str

    @property
    def action(self) -> Action:
        state = PROBE.state_of(self.ref, self.name, node=self.node, image=self.image)
        return PROBE.action(None, state, f"one pod as {self.ref}, deleted when it has answered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing:
    """How probes are run and where they are written down."""

    patience: Patience
    journal: Journal
    command: tuple[str, ...]
    changes: RecentChanges


def check_nodes(reader: KubeReader, names: Sequence[str]) -> None:
    """NotFound for a node that was named and does not exist; where nodes cannot be listed the scheduler will tell."""
    try:
        known = {node.name for node in reader.list_nodes()} if names else set()
    except PodidError:
        return
    for name in names:
        if name not in known:
            raise NotFound(f"Node {name} does not exist", subject=name, hint=Other(("agent", "nodes")))


def plan_probes(
    reader: KubeReader, refs: Sequence[ServiceAccountRef], *, nodes: Sequence[str], image: str, most: int = MOST_NODES
) -> tuple[Probe, ...]:
    """One for each node that live pods of a service account run on, at most so many of them, or for each of `nodes`;
    one anywhere where none runs, or where pods cannot be listed."""
    return tuple(
        Probe(ref=ref, name=f"podid-probe-{secrets.token_hex(4)}", node=node, image=image)
        for ref in refs
        for node in nodes or _nodes_of(reader, ref)[:most] or ("",)
    )


def _nodes_of(reader: KubeReader, ref: ServiceAccountRef) -> tuple[str, ...]:
    try:
        pods = reader.list_pods(ref.namespace, service_account=ref.name)
    except PodidError:
        return ()
    served = (pod for pod in pods if live(pod) and not opted_out(pod) and not on_fargate(pod, {}))
    return tuple(sorted({pod.node for pod in served if pod.node}))


def probe_plan(place: Place, probes: Sequence[Probe]) -> Plan:
    return Plan(header=place.header, actions=tuple(probe.action for probe in probes))


def run_probes(
    clients: Clients, place: Place, readings: Sequence[AssociationReading], probes: Sequence[Probe], how: Probing
) -> Mapping[ServiceAccountRef, tuple[ProbeProof, ...]]:
    """What each said, by service account. Never raises for what a probe meets; each Job is deleted before it returns,
    and also when it is interrupted."""
    by_ref = {reading.association.ref: reading for reading in readings}
    runs = [_Run(probe, by_ref[probe.ref]) for probe in probes]
    clock = how.patience.clock
    with how.journal.begin(how.command, place.header, clock.now(), planned=len(probes)) as recorder:
        try:
            for number, run in enumerate(runs):
                recorder.intent(number, run.probe.action)
                _start(clients, place, run, how.patience)
            _watch(clients, runs, how)
        finally:
            done = [_clean_up(clients, run) for run in runs if run.begun]
            for number, item in enumerate(done):
                recorder.outcome(number, item, clock.now())
    return {ref: tuple(run.proof for run in runs if run.probe.ref == ref) for ref in by_ref}


@dataclass(slots=True)
class _Run:
    """One probe on its way. `begun` is true once the Job may exist."""

    probe: Probe
    reading: AssociationReading
    begun: bool = False
    since: datetime | None = None
    state: str = "its Job has no pod yet"
    answer: Answer | None = None
    node: str = ""
    left: str = ""

    @property
    def proof(self) -> ProbeProof:
        answer = self.answer or Answer(VerifyState.UNKNOWN, f"no answer: {self.state}")
        return ProbeProof(
            job=f"{self.probe.ref.namespace}/{self.probe.name}",
            node=self.node or self.probe.node,
            state=answer.state,
            reason="; ".join(filter(None, (answer.reason, self.left))),
            id=answer.id,
            likely=answer.likely,
            link=answer.link,
            permission=answer.permission,
            identity=answer.identity,
        )


def _start(clients: Clients, place: Place, run: _Run, patience: Patience) -> None:
    probe = run.probe
    run.begun, run.since = True, patience.clock.now()
    patience.say(f"starting a pod of podid's own as {probe.ref}" + (f" on {probe.node}" if probe.node else ""))
    # podid's own patience ends first, so that it says what it saw
    seconds = int(patience.seconds) + 30
    try:
        clients.kube.writer.create_probe(
            probe.ref, probe.name, image=probe.image, node=probe.node, region=place.region, seconds=seconds
        )
    except Rejected as error:
        run.answer = Answer(VerifyState.UNKNOWN, f"the cluster does not let podid's Job pass: {error.what}")
    except PodidError as error:
        what = f"its Job could not be made: {error.what}"
        run.answer = Answer(VerifyState.UNKNOWN, what, permission=error.permission)


def _watch(clients: Clients, runs: Sequence[_Run], how: Probing) -> None:
    def waiting() -> Iterator[_Run]:
        return (run for run in runs if run.answer is None)

    for _ in how.patience.rounds(SECONDS_BETWEEN_LOOKS):
        for run in waiting():
            try:
                _look(clients, run, how)
            except PodidError as error:
                if error.permission:
                    what = f"its answer could not be read: {error.what}"
                    run.answer = Answer(VerifyState.UNKNOWN, what, permission=error.permission)
                run.state = error.what
        if (left := next(waiting(), None)) is None:
            return
        how.patience.say(f"probe {left.probe.ref.namespace}/{left.probe.name}: {left.state}")


def _look(clients: Clients, run: _Run, how: Probing) -> None:
    reader, probe, now = clients.kube.reader, run.probe, how.patience.clock.now()
    pods = reader.list_pods(probe.ref.namespace, selector={"job-name": probe.name})
    waited = run.since is not None and now - run.since > PLACING
    if not pods:
        run.answer = _refused(reader, run) if waited else None
        return
    pod = pods[0]
    run.node = pod.node
    container = next((c for c in pod.containers if c.name == _container_name()), None)
    if not is_injected(pod):
        run.answer = _settled(run, how, Answer(VerifyState.FAILED, _NOT_INJECTED, _MISSED, INJECTION_LINK))
    elif container is not None and container.exit_code is not None:
        text = reader.read_log(pod.namespace, pod.name, container=container.name)
        run.answer = _settled(run, how, judge(text, container.exit_code, run.reading))
    elif container is not None and container.waiting in _VAIN:
        run.answer = Answer(VerifyState.UNKNOWN, f"its pod cannot start: {container.waiting} ({probe.image})")
    elif not pod.node and waited and probe.node:
        run.answer = Answer(VerifyState.UNKNOWN, f"its pod cannot be scheduled on {probe.node}: {pod.message}")
    else:
        run.state = _state(pod, container.waiting if container is not None else "")


_MISSED = "injection-missed-webhook"
_NOT_INJECTED = "its pod was not given the injected fields when it was created"


def _state(pod: Pod, waiting: str) -> str:
    if not pod.node:
        return pod.message or "its pod has no node yet"
    return f"its pod on {pod.node} is {waiting or pod.phase}"


def _container_name() -> str:
    from podid.kube.probe import CONTAINER

    return CONTAINER


def _refused(reader: KubeReader, run: _Run) -> Answer | None:
    """Why the Job has no pod, where its controller has said so."""
    warnings = reader.list_warnings(run.probe.ref.namespace, "Job", run.probe.name)
    if not warnings:
        return None
    what = f"its Job can make no pod: {warnings[-1]}"
    if _ACCOUNT_ABSENT in warnings[-1]:
        return Answer(VerifyState.FAILED, what, NO_ACCOUNT, ASSOCIATION_LINK)
    return Answer(VerifyState.UNKNOWN, what)


def _settled(run: _Run, how: Probing, answer: Answer) -> Answer:
    """A failure within seconds of a change says nothing yet."""
    changed = how.changes.settling(run.reading.association, how.patience.clock.now())
    if answer.state is not VerifyState.FAILED or not changed:
        return answer
    return Answer(VerifyState.UNKNOWN, f"{changed} and may still be settling ({answer.reason})")


def _clean_up(clients: Clients, run: _Run) -> Done:
    """Deletes the Job with its pod. What cannot be deleted is said, and goes by itself."""
    probe, action = run.probe, run.probe.action
    try:
        clients.kube.writer.delete_job(probe.ref.namespace, probe.name)
    except NotFound:
        pass  # it was never made, or has gone by itself
    except PodidError as error:
        run.left = f"its Job could not be deleted ({error.what}); Kubernetes does that by itself after its deadline"
        return Done(action, Status.DONE, action.after, run.left, error)
    return Done(action, Status.DONE, None, "ran, and was deleted")


def with_probes(report: VerifyReport, probes: Sequence[ProbeProof]) -> VerifyReport:
    """The report with what podid's own pods met. A probe that was refused is a broken link, and where a token of the
    same node could be redeemed the two together say which; one without an answer leaves the report unknown, as it was
    asked for by name."""
    if not probes:
        return report
    proven = tuple(probe for probe in probes if probe.state is VerifyState.PROVEN)
    found = replace(report, probes=tuple(probes), not_looked_at=_not_looked_at(report, proven))
    failed = [probe for probe in probes if probe.state is VerifyState.FAILED]
    if failed:
        return _with_failure(found, min(failed, key=lambda probe: probe.link))
    if len(proven) < len(probes):
        lacking = next(probe for probe in probes if probe.state is not VerifyState.PROVEN)
        if not report.holds:
            return found
        reason = f"{report.reason}; podid's own pod{_on(lacking)}: {lacking.reason}"
        return replace(found, state=VerifyState.UNKNOWN, reason=reason, permission=lacking.permission)
    return _with_success(found, proven)


def _with_failure(report: VerifyReport, probe: ProbeProof) -> VerifyReport:
    if report.state is VerifyState.FAILED and report.link <= probe.link:
        return report
    reason = f"podid's own pod{_on(probe)}: {probe.reason}"
    if probe.link == NETWORK_LINK and not probe.id:
        reason += f"; what stands between is looked for by podid doctor {report.ref} --probe"
    if any(pod.state is VerifyState.PROVEN and pod.node == probe.node for pod in report.pods):
        reason += "; a token of a pod there could be redeemed from here, so association, role and trust hold"
    return replace(
        report, state=VerifyState.FAILED, reason=reason, id=probe.id, link=probe.link, permission=probe.permission
    )


def _with_success(report: VerifyReport, probes: Sequence[ProbeProof]) -> VerifyReport:
    nodes = {probe.node for probe in probes}
    own = f"podid's own pods on {len(nodes)} nodes" if len(nodes) > 1 else f"podid's own pod on {min(nodes)}"
    own += " got it from the agent"
    if report.holds:
        return replace(report, reason=f"{report.reason}; {own}")
    if report.link == INJECTION_LINK:
        return replace(report, reason=f"{report.reason}; {own}, so new pods do")
    if report.state is not VerifyState.UNKNOWN or not report.listed:
        return report
    if not report.pods:
        reason = f"{own}, as {report.role_arn}; {report.reason}"
        return replace(report, state=VerifyState.PROVEN, reason=reason)
    if all(pod.state is VerifyState.PROVEN or _vouched(pod, nodes) for pod in report.pods):
        reason = f"{own}, as {report.role_arn}; no token of the pods there was redeemed: {report.reason}"
        return replace(report, state=VerifyState.IN_EFFECT, reason=reason, permission="")
    return report


def _vouched(pod: PodProof, nodes: Collection[str]) -> bool:
    """Its token could not be redeemed for want of a right; it carries the fields, and the agent of its node serves."""
    return bool(pod.permission) and pod.injected and not pod.missing_containers and pod.node in nodes


def _not_looked_at(report: VerifyReport, proven: Sequence[ProbeProof]) -> str:
    if not proven:
        return report.not_looked_at
    rest = sorted({pod.node for pod in report.pods if pod.node} - {probe.node for probe in proven})
    if not rest:
        return LABELS_AND_SDK
    return f"the network to the agent, and its way to EKS Auth, on {short_list(rest)}; {LABELS_AND_SDK}"


def _on(probe: ProbeProof) -> str:
    return f" on {probe.node}" if probe.node else ""
