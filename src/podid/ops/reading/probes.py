"""A pod of podid's own that asks the agent itself: the links that no look from outside a pod shows.

Each probe is a Job of one pod, as the service account, on a node where its pods run. It prints who AWS says that it is,
never a credential, and is deleted whatever happens; should podid be killed, the Job's deadline and its time to live see
to it. It makes Jobs, so it runs in the foreground, after all else was read: a Ctrl-C has to reach it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from podid.calls.patience import Patience
from podid.domain.aws import Association, UnreadAssociation
from podid.domain.cluster import Pod
from podid.domain.errors import InvalidInput, NotFound, Other, PodidError, Rejected
from podid.domain.evidence import NO_ASSOCIATION, Probed, identified
from podid.domain.findings import ASSOCIATION, EKS_AUTH, INJECTION, NETWORK, TRUST
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Done, Place, Plan, Status
from podid.domain.section import UNASKED
from podid.domain.snapshot import Known, Missing, Section, Snapshot, known_or
from podid.domain.workloads import AGENT_ADDRESSES, is_injected, live, on_fargate, opted_out
from podid.kube.writer import CONTAINER
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import PROBE
from podid.ops.clients import Clients
from podid.ops.errortext import Certainty, hits
from podid.pages.index import ENTRIES

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader

# an image has to be pulled in it
PROBE_SECONDS = 180.0
# each is a pod on the cluster; what is left out is said
MOST_NODES, MOST_PROBES = 10, 10
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

_MOST = 400  # of a foreign text
_AGENT_ANSWERED = "from container metadata"
_NOT_ALLOWED = "EKS does not have permissions to assume the associated role"
_NO_CREDENTIALS = "Unable to locate credentials"
# a shell's and a container runtime's codes for a program that is not there or cannot be run
_NO_PROGRAM = (126, 127, 128)


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
    """How probes are run and where they are written down. Those that are `planned` are run; else one for each service
    account of the scope, ten at most."""

    patience: Patience
    journal: Journal
    command: tuple[str, ...]
    planned: tuple[Probe, ...] = ()


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
    pods: Section[tuple[Pod, ...]],
    refs: Sequence[ServiceAccountRef],
    *,
    nodes: Sequence[str] = (),
    image: str = PROBE_IMAGE,
    most: int = MOST_NODES,
) -> tuple[Probe, ...]:
    """One for each node that live pods of a service account run on, at most so many of them, or for each of `nodes`;
    one anywhere where none runs, or where pods are not known."""
    return tuple(
        Probe(ref=ref, name=f"podid-probe-{secrets.token_hex(4)}", node=node, image=image)
        for ref in refs
        for node in nodes or _nodes_of(known_or(pods, ()), ref)[:most] or ("",)
    )


def _nodes_of(pods: tuple[Pod, ...], ref: ServiceAccountRef) -> tuple[str, ...]:
    served = (pod for pod in pods if pod.ref == ref and live(pod) and not opted_out(pod) and not on_fargate(pod, {}))
    return tuple(sorted({pod.node for pod in served if pod.node}))


def probe_plan(place: Place, probes: Sequence[Probe]) -> Plan:
    return Plan(header=place.header, actions=tuple(probe.action for probe in probes))


def read_probes(
    clients: Clients, place: Place, snapshot: Snapshot, named: Sequence[ServiceAccountRef], how: Probing
) -> Section[Mapping[str, Section[tuple[Probed, ...]]]]:
    """What probes of the service accounts that were named met, or of the first ones of the snapshot. Never raises for
    what a probe meets."""
    if isinstance(snapshot.associations, Missing):
        return snapshot.associations
    asked = {probe.ref for probe in how.planned} or set(named)
    listed = [each for each in snapshot.associations.value if not asked or each.ref in asked]
    listed = [each for each in listed if not isinstance(each, UnreadAssociation) or each.error_code != UNASKED]
    chosen = listed if how.planned else listed[:MOST_PROBES]
    associations = {each.ref: each for each in chosen if isinstance(each, Association)}
    planned = how.planned or plan_probes(snapshot.pods, tuple(associations), most=1)
    met = run_probes(clients, place, associations, [each for each in planned if each.ref in associations], how)
    unread = (each for each in chosen if isinstance(each, UnreadAssociation))
    lacking = {str(each.ref): Missing(each.reason, each.permission, each.error_code) for each in unread}
    return Known({**lacking, **{str(ref): Known(several) for ref, several in met.items()}})


def undecided(probes: Section[Mapping[str, Section[tuple[Probed, ...]]]]) -> bool:
    """Whether a pod of podid's own was asked for that has no answer."""
    parts = known_or(probes, {}).values()
    return any(isinstance(part, Missing) or any(met.missing is not None for met in part.value) for part in parts)


def run_probes(
    clients: Clients,
    place: Place,
    associations: Mapping[ServiceAccountRef, Association],
    probes: Sequence[Probe],
    how: Probing,
) -> Mapping[ServiceAccountRef, tuple[Probed, ...]]:
    """What each met, by service account. Never raises for what a probe meets; each Job is deleted before it returns,
    and also when it is interrupted."""
    runs = [_Run(probe, associations[probe.ref]) for probe in probes]
    clock = how.patience.clock
    if not runs:
        return {}
    planned = [probe.action for probe in probes]
    with how.journal.begin(how.command, place.header, clock.now(), planned) as recorder:
        try:
            for number, run in enumerate(runs):
                recorder.intent(number, run.probe.action)
                _start(clients, place, run, how.patience)
            _watch(clients, runs, how)
        finally:
            done = [_clean_up(clients, run) for run in runs if run.begun]
            for number, item in enumerate(done):
                recorder.outcome(number, item, clock.now())
    return {ref: tuple(run.met for run in runs if run.probe.ref == ref) for ref in associations}


@dataclass(slots=True)
class _Run:
    """One probe on its way. `begun` is true once the Job may exist."""

    probe: Probe
    association: Association
    begun: bool = False
    since: datetime | None = None
    state: str = "its Job has no pod yet"
    answer: Probed | None = None
    node: str = ""
    left: str = ""

    @property
    def blank(self) -> Probed:
        return Probed(job=f"{self.probe.ref.namespace}/{self.probe.name}", node=self.node or self.probe.node)

    @property
    def met(self) -> Probed:
        answer = self.answer or replace(self.blank, missing=Missing(f"no answer: {self.state}"))
        return replace(answer, left=self.left)

    def ends(self, now: datetime, answer: Probed) -> None:
        self.answer = replace(answer, at=now)

    def unknown(self, what: str, permission: str = "") -> None:
        self.answer = replace(self.blank, missing=Missing(what, permission))


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
        run.unknown(f"the cluster does not let podid's Job pass: {error.what}")
    except PodidError as error:
        run.unknown(f"its Job could not be made: {error.what}", error.permission)


def _watch(clients: Clients, runs: Sequence[_Run], how: Probing) -> None:
    def waiting() -> Iterator[_Run]:
        return (run for run in runs if run.answer is None)

    for _ in how.patience.rounds(SECONDS_BETWEEN_LOOKS):
        for run in waiting():
            try:
                _look(clients, run, how.patience.clock.now())
            except PodidError as error:
                if error.permission:
                    run.unknown(f"its answer could not be read: {error.what}", error.permission)
                run.state = error.what
        if (left := next(waiting(), None)) is None:
            return
        how.patience.say(f"probe {left.probe.ref.namespace}/{left.probe.name}: {left.state}")


def _look(clients: Clients, run: _Run, now: datetime) -> None:
    reader, probe = clients.kube.reader, run.probe
    pods = reader.list_pods(probe.ref.namespace, selector={"job-name": probe.name})
    waited = run.since is not None and now - run.since > PLACING
    if not pods:
        if waited:
            _look_for_refusal(reader, run, now)
        return
    pod = pods[0]
    run.node = pod.node
    container = next((c for c in pod.containers if c.name == CONTAINER), None)
    if not is_injected(pod):
        run.ends(now, replace(run.blank, link=INJECTION, id="injection-missed-webhook", message=_NOT_INJECTED))
    elif container is not None and container.exit_code is not None:
        text = reader.read_log(pod.namespace, pod.name, container=container.name)
        run.ends(now, judge(text, container.exit_code, run.association, run.blank))
    elif container is not None and container.waiting in _VAIN:
        run.unknown(f"its pod cannot start: {container.waiting} ({probe.image})")
    elif not pod.node and waited and probe.node:
        run.unknown(f"its pod cannot be scheduled on {probe.node}: {pod.message}")
    else:
        run.state = _state(pod, container.waiting if container is not None else "")


_NOT_INJECTED = "its pod was not given the injected fields when it was created"


def _state(pod: Pod, waiting: str) -> str:
    if not pod.node:
        return pod.message or "its pod has no node yet"
    return f"its pod on {pod.node} is {waiting or pod.phase}"


def _look_for_refusal(reader: KubeReader, run: _Run, now: datetime) -> None:
    """Why the Job has no pod, where its controller has said so."""
    warnings = reader.list_warnings(run.probe.ref.namespace, "Job", run.probe.name)
    what = f"its Job can make no pod: {warnings[-1]}" if warnings else ""
    if _ACCOUNT_ABSENT in what:
        run.ends(now, replace(run.blank, link=ASSOCIATION, id="association-sa-not-found", message=what))
    elif what:
        run.unknown(what)


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


# --- its answer -------------------------------------------------------------------------------------------------------


def judge(text: str, exit_code: int, association: Association, blank: Probed) -> Probed:
    """`blank` with what `aws sts get-caller-identity` printed in a pod that carries the injected fields."""

    def unknown(what: str) -> Probed:
        return replace(blank, missing=Missing(what))

    if exit_code == 0:
        return _identity(text, association, blank)
    said = " ".join(text.split())[:_MOST]
    if exit_code in _NO_PROGRAM:
        return unknown(f"its image has no AWS CLI that runs (exit code {exit_code}) {said}".strip())
    if _AGENT_ANSWERED in said:
        return _refused(said, blank)
    if any(address in said for address in AGENT_ADDRESSES):
        # what stands between is not in the SDK's words: that takes a look at the cluster
        return replace(blank, link=NETWORK, message=f"it cannot reach the agent: {said}")
    if _NO_CREDENTIALS in said:
        return unknown(f"its image's AWS CLI does not ask the agent (2.15 or newer does): {said}")
    if "endpoint URL" in said:
        return unknown(f"the agent gave it credentials, but it cannot reach STS to ask whose they are: {said}")
    return unknown(f"its AWS CLI ended with exit code {exit_code}: {said or 'no output'}")


def _identity(text: str, association: Association, blank: Probed) -> Probed:
    try:
        arn = str(json.loads(text)["Arn"])
        redeemed, expected = identified(association, arn)
    except (ValueError, KeyError, TypeError, RecursionError, InvalidInput):
        return replace(blank, missing=Missing("what it printed is no identity"))
    if expected:
        return replace(blank, redeemed=redeemed)
    what = f"the agent gave it the credentials of {arn}, not of {association.pods_role_arn}"
    return replace(blank, link=ASSOCIATION, redeemed=redeemed, message=what)


def _refused(said: str, blank: Probed) -> Probed:
    """The agent has answered, so that the way to it holds."""
    if _NOT_ALLOWED in said:
        return replace(blank, link=TRUST, message=f"EKS Auth refuses it: {said}")
    if f"({NO_ASSOCIATION})" in said:
        what = f"EKS Auth knows no association for it: {said}"
        return replace(blank, link=ASSOCIATION, id="association-missing", message=what)
    # the SDK's own words around the agent's answer say nothing of the cause
    answer = said.partition(_AGENT_ANSWERED)[2].lstrip(": ")
    what, found = f"the agent refuses it: {answer}", next(iter(hits(answer)), None)
    if found is None or found.certainty is Certainty.POSSIBLE:
        return replace(blank, link=EKS_AUTH, message=what)
    link = next(entry.link for entry in ENTRIES if entry.id == found.id)
    if found.certainty is Certainty.SURE:
        return replace(blank, link=link, message=what, id=found.id)
    return replace(blank, link=link, message=what, likely=found.id)
