"""Probes: podid's own pods that request credentials from the agent, to check links that only a pod can check, or from
the metadata service.

Each probe of the agent is a Job of one pod, with the service account, on a node where its pods run. A probe of the
metadata service runs as service account `default` with its own network, one on a node of each group. A probe prints its
AWS identity, never a credential, and is always deleted; if podid is killed, the Job's deadline and its TTL delete it.
Probes run in the foreground, after everything else was read, so that Ctrl-C reaches them.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from podid.calls.patience import Patience
from podid.domain.aws import Association, UnreadAssociation
from podid.domain.cluster import Pod
from podid.domain.errors import InvalidInput, NotFound, Other, PodidError, Rejected
from podid.domain.evidence import NO_ASSOCIATION, Probed, Redeemed, identified
from podid.domain.findings import ASSOCIATION, EKS_AUTH, INJECTION, NETWORK, TRUST
from podid.domain.grouping import grouped
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.plan import Action, Done, Place, Status
from podid.domain.section import UNASKED
from podid.domain.snapshot import Known, Missing, Section, Snapshot, known, known_or
from podid.domain.workloads import AGENT_ADDRESSES, CANNOT_START, NO_IMAGE, is_injected, live, on_fargate, opted_out
from podid.facts.nodes import group_subject
from podid.kube.reader import KubeReader
from podid.kube.writer import CONTAINER
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import PROBE
from podid.ops.clients import Clients
from podid.ops.errortext import Certainty, hits
from podid.pages.index import ENTRIES

# includes the time to pull an image
PROBE_SECONDS = 180.0
# each probe is a pod on the cluster; the output lists the omitted ones
MOST_NODES, MOST_PROBES = 10, 10
# AWS's image for amd64 and arm64; any image with the AWS CLI 2.15 or newer works
PROBE_IMAGE = "public.ecr.aws/aws-cli/aws-cli:2.31.23"
SECONDS_BETWEEN_READS = 2.0
# after this time the controller or the scheduler has reported why there is no pod
PLACING = timedelta(seconds=15)
_ACCOUNT_ABSENT = "error looking up service account"
# EKS Auth names the denying policy at the end, after two ARNs
_LONGEST_OUTPUT = 600
_AGENT_ANSWERED = "from container metadata"
_NOT_ALLOWED = "EKS does not have permissions to assume the associated role"
_NO_CREDENTIALS = "Unable to locate credentials"
# exit codes of shells and container runtimes for a program that does not exist or cannot run
_NO_PROGRAM = (126, 127, 128)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A planned Job; `node` is empty for any node. With `metadata`, its pod uses the metadata service of the node."""

    ref: ServiceAccountRef
    name: str
    node: str
    image: str
    metadata: bool = False

    @classmethod
    def new(cls, ref: ServiceAccountRef, node: str, image: str, *, metadata: bool = False) -> Probe:
        name = f"podid-probe-{secrets.token_hex(4)}"
        return cls(ref=ref, name=name, node=node, image=image, metadata=metadata)

    @property
    def action(self) -> Action:
        state = PROBE.state_of(self.ref, self.name, node=self.node, image=self.image)
        return PROBE.action(None, state, f"one pod as {self.ref}, deleted after its answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing:
    """The settings of probes, and the journal that records them. Without `planned` probes, one runs for each service
    account of the scope, ten at most."""

    patience: Patience
    journal: Journal
    command: tuple[str, ...]
    planned: tuple[Probe, ...] = ()


def named_nodes(reader: KubeReader, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names, each once. Raise NotFound for a node that does not exist. If nodes cannot be listed, the
    scheduler reports it."""
    try:
        existing = {node.name for node in reader.list_nodes()} if names else set()
    except PodidError:
        existing = set(names)
    for name in names:
        if name not in existing:
            raise NotFound(f"Node {name} does not exist", subject=name, hint=Other(("agent", "nodes")))
    return tuple(dict.fromkeys(names))


def plan_probes(
    pods: Section[tuple[Pod, ...]],
    refs: Sequence[ServiceAccountRef],
    *,
    nodes: Sequence[str] = (),
    image: str = PROBE_IMAGE,
    most: int = MOST_NODES,
) -> tuple[Probe, ...]:
    """Return one probe per node with live pods of a service account, at most `most`, or per node in `nodes`. Return one
    probe on any node if no pod runs, or if pods are not known."""
    probes = []
    for ref in refs:
        served = (pod for pod in known_or(pods, ()) if pod.ref == ref and live(pod) and not opted_out(pod))
        hosts = sorted({pod.node for pod in served if pod.node and not (on_fargate(pod, {}) or pod.windows)})
        probes += [Probe.new(ref, node, image) for node in nodes or hosts[:most] or ("",)]
    return tuple(probes)


def read_probes(
    clients: Clients, place: Place, snapshot: Snapshot, named: Sequence[ServiceAccountRef], how: Probing
) -> Section[Mapping[str, Section[tuple[Probed, ...]]]]:
    """Return the results of probes of the named service accounts, or of the first ones of the snapshot. Never raises
    for a failure of a probe. Each Job is deleted before the function returns, also on interruption."""
    if isinstance(snapshot.associations, Missing):
        return snapshot.associations
    refs = {probe.ref for probe in how.planned} or set(named)
    listed = [item for item in snapshot.associations.value if not refs or item.ref in refs]
    listed = [item for item in listed if not isinstance(item, UnreadAssociation) or item.error_code != UNASKED]
    chosen = listed if how.planned else listed[:MOST_PROBES]
    associations = {item.ref: item for item in chosen if isinstance(item, Association)}
    planned = how.planned or plan_probes(snapshot.pods, tuple(associations), most=1)
    runs = [
        ProbeRun(clients, probe, partial(judge, associations[probe.ref]))
        for probe in planned
        if probe.ref in associations
    ]
    unread = (item for item in chosen if isinstance(item, UnreadAssociation))
    answers: dict[str, Section[tuple[Probed, ...]]] = {str(item.ref): item.unread for item in unread}
    run_probes(place, runs, how)
    for ref in associations if runs else ():
        answers[str(ref)] = Known(tuple(run.result for run in runs if run.probe.ref == ref))
    return Known(answers)


def run_probes(place: Place, runs: Sequence[ProbeRun], how: Probing) -> None:
    """Run the Jobs until each has its answer, or the patience ends. Each is recorded, and deleted also on
    interruption."""
    if not runs:
        return
    clock = how.patience.clock
    with how.journal.begin(how.command, place.header, clock.now(), [run.probe.action for run in runs]) as recorder:
        try:
            for number, run in enumerate(runs):
                recorder.intent(number, run.probe.action)
                run.start(place.region, how.patience)
            _watch(runs, how.patience)
        finally:
            done = [(number, run.clean_up()) for number, run in enumerate(runs) if run.begun]
            for number, item in done:
                recorder.outcome(number, item, clock.now())


def _watch(runs: Sequence[ProbeRun], patience: Patience) -> None:
    for _ in patience.rounds(SECONDS_BETWEEN_READS):
        for run in runs:
            if run.answer is not None:
                continue
            try:
                run.read(patience.clock.now())
            except PodidError as error:
                if error.permission:
                    run.unknown(f"its answer could not be read: {error.message}", error.permission)
                run.state = error.message
        if (pending := next((run for run in runs if run.answer is None), None)) is None:
            return
        patience.say(f"probe {pending.probe.ref.namespace}/{pending.probe.name}: {pending.state}")


@dataclass(slots=True)
class ProbeRun:
    """One running probe. `judge` returns the result by output, exit code and empty result. `begun` is true once the Job
    may exist."""

    clients: Clients
    probe: Probe
    judge: Callable[[str, int, Probed], Probed]
    begun: bool = False
    since: datetime | None = None
    state: str = "its Job has no pod yet"
    answer: Probed | None = None
    node: str = ""
    undeleted: str = ""

    @property
    def blank(self) -> Probed:
        return Probed(job=f"{self.probe.ref.namespace}/{self.probe.name}", node=self.node or self.probe.node)

    @property
    def result(self) -> Probed:
        answer = self.answer or replace(self.blank, missing=Missing(f"no answer: {self.state}"))
        return replace(answer, left=self.undeleted)

    def unknown(self, reason: str, permission: str = "") -> None:
        self.answer = replace(self.blank, missing=Missing(reason, permission))

    def start(self, region: str, patience: Patience) -> None:
        probe = self.probe
        self.begun, self.since = True, patience.clock.now()
        patience.say(f"starting podid's own pod as {probe.ref}" + (f" on {probe.node}" if probe.node else ""))
        # podid's own patience ends first, so that it reports the last state
        seconds = int(patience.seconds) + 30
        try:
            self.clients.kube.writer.create_probe(
                probe.ref,
                probe.name,
                image=probe.image,
                node=probe.node,
                region=region,
                seconds=seconds,
                metadata=probe.metadata,
            )
        except Rejected as error:
            self.unknown(f"the cluster rejected podid's Job: {error.message}")
        except PodidError as error:
            self.unknown(f"its Job could not be created: {error.message}", error.permission)

    def read(self, now: datetime) -> None:
        """Read the current state of its pod."""
        reader, probe = self.clients.kube.reader, self.probe
        pods = reader.list_pods(probe.ref.namespace, selector={"job-name": probe.name})
        waited = self.since is not None and now - self.since > PLACING
        if not pods:
            if waited:
                self._read_refusal(now)
            return
        pod = pods[0]
        self.node = pod.node
        container = next((c for c in pod.containers if c.name == CONTAINER), None)
        waiting = container.waiting if container is not None else ""
        if not probe.metadata and not is_injected(pod):
            message = "the webhook did not inject the fields into its pod"
            self.answer = replace(self.blank, link=INJECTION, id="injection-missed-webhook", message=message, at=now)
        elif container is not None and container.exit_code is not None:
            text = reader.read_log(pod.namespace, pod.name, container=container.name)
            self.answer = replace(self.judge(text, container.exit_code, self.blank), at=now)
        elif waiting in (*NO_IMAGE, *CANNOT_START):
            self.unknown(f"its pod cannot start: {waiting} ({probe.image})")
        elif not pod.node and waited and probe.node:
            self.unknown(f"its pod cannot be scheduled on {probe.node}: {pod.message}")
        elif pod.node:
            self.state = f"its pod on {pod.node} is {waiting or pod.phase}"
        else:
            self.state = pod.message or "its pod has no node yet"

    def _read_refusal(self, now: datetime) -> None:
        """Read why the Job has no pod, if its controller reported it."""
        warnings = self.clients.kube.reader.list_warnings(self.probe.ref.namespace, "Job", self.probe.name)
        if not warnings:
            return
        message = f"its Job cannot create a pod: {warnings[-1]}"
        if _ACCOUNT_ABSENT in message:
            self.answer = replace(self.blank, link=ASSOCIATION, id="association-sa-not-found", message=message, at=now)
        else:
            self.unknown(message)

    def clean_up(self) -> Done:
        """Delete the Job with its pod. If this fails, the result says so, and Kubernetes deletes the Job later."""
        action = self.probe.action
        try:
            self.clients.kube.writer.delete_job(self.probe.ref.namespace, self.probe.name)
        except NotFound:
            pass  # it was never created, or was deleted already
        except PodidError as error:
            self.undeleted = f"its Job could not be deleted ({error.message}); Kubernetes deletes it after its deadline"
            # the probe ran, and its Job still exists
            return Done(action, Status.DONE, action.after, self.undeleted, error)
        return Done(action, Status.DONE, None, "ran and was deleted")


# errors of a reader of output that is not the JSON of `aws sts get-caller-identity`
_NO_IDENTITY = (ValueError, KeyError, TypeError, RecursionError, InvalidInput)


def judge(association: Association, text: str, exit_code: int, blank: Probed) -> Probed:
    """Return `blank` with the result of `aws sts get-caller-identity` in a pod that has the injected fields."""
    if exit_code == 0:
        return _identity(text, association, blank)
    output = " ".join(text.split())[:_LONGEST_OUTPUT]
    if exit_code in _NO_PROGRAM:
        return _failed(output, exit_code, blank)
    if _AGENT_ANSWERED in output:
        return _refused(output, blank)
    if any(address in output for address in AGENT_ADDRESSES):
        # the SDK does not name the cause: checks on the cluster find it
        return replace(blank, link=NETWORK, message=f"it cannot reach the agent: {output}")
    if _NO_CREDENTIALS in output:
        return _unknown(blank, f"its image's AWS CLI does not support Pod Identity (2.15 or newer does): {output}")
    if "endpoint URL" in output:
        why = "the agent returned credentials, but the pod cannot reach STS to read their identity"
        return _unknown(blank, f"{why}: {output}")
    return _failed(output, exit_code, blank)


def _unknown(blank: Probed, reason: str) -> Probed:
    return replace(blank, missing=Missing(reason))


def _failed(output: str, exit_code: int, blank: Probed) -> Probed:
    if exit_code in _NO_PROGRAM:
        return _unknown(blank, f"its image has no working AWS CLI (exit code {exit_code}) {output}".strip())
    return _unknown(blank, f"its AWS CLI exited with code {exit_code}: {output or 'no output'}")


def _identity(text: str, association: Association, blank: Probed) -> Probed:
    try:
        arn = str(json.loads(text)["Arn"])
        redeemed, expected = identified(association, arn)
    except _NO_IDENTITY:
        return _unknown(blank, "its output is not an identity")
    if expected:
        return replace(blank, redeemed=redeemed)
    message = f"the agent returned the credentials of {arn}, not of {association.pods_role_arn}"
    return replace(blank, link=ASSOCIATION, redeemed=redeemed, message=message)


def _refused(output: str, blank: Probed) -> Probed:
    """Return `blank` with the agent's refusal. The network path to the agent works."""
    if _NOT_ALLOWED in output:
        return replace(blank, link=TRUST, message=f"EKS Auth refuses it: {output}")
    if f"({NO_ASSOCIATION})" in output and "No cluster found" not in output:
        message = f"EKS Auth has no association for it: {output}"
        return replace(blank, link=ASSOCIATION, id="association-missing", message=message)
    # the SDK's own text around the agent's answer does not name the cause
    answer = output.partition(_AGENT_ANSWERED)[2].lstrip(": ")
    message, hit = f"the agent refuses it: {answer}", next(iter(hits(answer)), None)
    if hit is None or hit.certainty is Certainty.POSSIBLE:
        return replace(blank, link=EKS_AUTH, message=message)
    link = next(entry.link for entry in ENTRIES if entry.id == hit.id)
    if hit.certainty is Certainty.SURE:
        return replace(blank, link=link, message=message, id=hit.id)
    return replace(blank, link=link, message=message, likely=hit.id)


def read_metadata_probes(
    clients: Clients, place: Place, snapshot: Snapshot, how: Probing
) -> Section[Mapping[str, Probed]]:
    """Return node -> the result of a probe there: `redeemed` if the pod got credentials of the node's role. One node of
    each group of EC2 nodes is probed, in the first of the snapshot's namespaces. Never raises for a failure."""
    for section in (snapshot.nodes, snapshot.instances):
        if isinstance(section, Missing):
            return section
    instances = known(snapshot.instances)
    nodes = [node for node in known(snapshot.nodes) if node.name in instances and node.ready and node.os != "windows"]
    groups = grouped((group_subject(node), node.name) for node in nodes)
    ref = ServiceAccountRef((*snapshot.only_namespaces, "default")[0], "default")
    first = sorted(members[0] for members in groups.values())[:MOST_PROBES]
    runs = [ProbeRun(clients, Probe.new(ref, node, PROBE_IMAGE, metadata=True), judge_metadata) for node in first]
    run_probes(place, runs, how)
    return Known({run.probe.node: run.result for run in runs})


def judge_metadata(text: str, exit_code: int, blank: Probed) -> Probed:
    """Return `blank` with the result of `aws sts get-caller-identity` in a pod without credentials of its own."""
    if exit_code == 0:
        return _identity_of_node(text, blank)
    output = " ".join(text.split())[:_LONGEST_OUTPUT]
    if exit_code not in _NO_PROGRAM:
        if _NO_CREDENTIALS in output:
            return replace(blank, message="the metadata service returned no credentials to the pod")
        if "endpoint URL" in output and "sts" in output:
            # this is a request to STS, which the AWS CLI sends only with credentials
            return replace(blank, redeemed=Redeemed(role_arn="", account="", session_name=""))
    return _failed(output, exit_code, blank)


def _identity_of_node(text: str, blank: Probed) -> Probed:
    try:
        arn = Arn.parse(str(json.loads(text)["Arn"]))
    except _NO_IDENTITY:
        return _unknown(blank, "its output is not an identity")
    kind, _, name = arn.resource.partition("/")
    role, _, session = name.partition("/")
    # EC2 names the session of an instance's role after the instance
    if kind != "assumed-role" or not session.startswith("i-"):
        return _unknown(blank, f"the pod has credentials of its own, of {arn}")
    role_arn = f"arn:{arn.partition}:iam::{arn.account}:role/{role}"
    return replace(blank, redeemed=Redeemed(role_arn=role_arn, account=arn.account, session_name=session))
