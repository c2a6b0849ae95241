"""Proof that a service account's pods get their role: every link that can be seen from here is looked at, pod by pod.

Seen for each pod: the association, the injected fields on the pod itself, a Ready agent on its node, and, by redeeming
a token bound to it at EKS Auth as that agent would, whose credentials come back. Not seen: the network between pod and
agent, and the SDK in the pod. The credentials are in no result and are dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from podid.domain.errors import NotFound, PodidError, Rejected
from podid.domain.evidence import NO_CHANGES, RecentChanges
from podid.domain.model import Association, Caller, Pod
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.proof import Identity, PodProof, VerifyReport, VerifyState
from podid.domain.workloads import is_injected, live, missing_containers, opted_out, own_address, workload_subject
from podid.ops.agent.coverage import AgentFault, Agents
from podid.ops.association.hops import blame, blame_words, hops, not_to_blame
from podid.ops.association.looks import NO_ACCOUNT
from podid.ops.association.read import AssociationReading
from podid.ops.clients import Clients

ASSOCIATION_LINK, INJECTION_LINK, SDK_LINK, AGENT_LINK, TRUST_LINK = 1, 3, 4, 6, 9

# each costs a token and a session: of hundreds of pods some are proof enough
MOST_PODS = 50

# "EKS does not have permissions to assume the associated role", and a session that does not fit
_TRUST_CODES = ("AccessDeniedException", "PackedPolicyTooLarge", "PackedPolicyTooLargeException")


def verify(
    clients: Clients,
    reading: AssociationReading,
    *,
    now: datetime,
    say: Callable[[str], None],
    changes: RecentChanges = NO_CHANGES,
    most: int | None = MOST_PODS,
    agents: Agents | None = None,
) -> VerifyReport:
    """Looks at the fields and the node of every live pod, and redeems a token for one pod of each workload on each
    node, ready ones first, at most `most` (None: for every pod). What could not be looked at is `unknown`, never
    raised. Where no pod shows a broken link and the roles' policies do, these are to blame; where pods got the role
    although these refuse it by now, that is no proof. `agents`, where they were read a moment before, are not again."""
    report = replace(_of_pods(clients, reading, now, say, changes, most, agents), hops=hops(reading))
    finding = blame(reading)
    if report.state is VerifyState.FAILED or finding is None:
        return report
    if report.holds:
        reason = f"{report.reason} just now, and will not for long: {blame_words(finding, reading)}"
        return replace(report, state=VerifyState.UNKNOWN, reason=reason, id=finding.id, link=TRUST_LINK)
    reason = f"{blame_words(finding, reading)}; {report.reason}"
    return replace(report, state=VerifyState.FAILED, reason=reason, id=finding.id, link=TRUST_LINK, permission="")


def _of_pods(
    clients: Clients,
    reading: AssociationReading,
    now: datetime,
    say: Callable[[str], None],
    changes: RecentChanges,
    most: int | None,
    agents: Agents | None,
) -> VerifyReport:
    association, ref = reading.association, reading.association.ref
    try:
        pods = clients.kube.reader.list_pods(ref.namespace, service_account=ref.name)
    except PodidError as error:
        report = _report(association, VerifyState.UNKNOWN, f"could not list its pods: {error.what}", error=error)
        return replace(report, listed=False)
    served = [pod for pod in pods if live(pod) and not opted_out(pod)]
    if not served:
        return _report(association, VerifyState.UNKNOWN, _nothing_to_look_at(ref, pods))
    agents = agents or Agents.read(clients.kube.reader)
    broken = {
        pod.name: wrong for pod in served if (wrong := _wrong_fields(pod, association) or _wrong_agent(pod, agents))
    }
    proofs, gone = list(broken.values()), 0
    sample = _sample([pod for pod in served if pod.name not in broken], most)
    # the sample is capped: a node that none of it is on may be the one whose agent could not be looked at
    for pod in served:
        if pod.name not in broken and pod not in sample and (fault := agents.fault(pod)) is not None:
            proofs.append(_proof(pod, VerifyState.UNKNOWN, fault.reason, error=fault.error))
    for pod in sample:
        say(f"redeeming a token for pod {pod.namespace}/{pod.name}")
        proof = _prove(clients, reading, pod, changes.settling(association, now))
        if proof is None:
            gone += 1
        else:
            proofs.append(_with_agent(proof, agents.fault(pod)))
    if not proofs:
        return _report(association, VerifyState.UNKNOWN, f"every pod of {ref} went away meanwhile")
    return _summary(association, sorted(proofs, key=lambda proof: proof.name), len(served) - gone)


def _sample(pods: list[Pod], most: int | None) -> list[Pod]:
    """One of each workload on each node: what could differ from pod to pod is its node and its template."""
    ordered = sorted(pods, key=lambda pod: (not pod.ready, pod.name))
    if most is None:
        return ordered
    chosen: dict[object, Pod] = {}
    for pod in ordered:
        chosen.setdefault((workload_subject(pod), pod.node), pod)
    return list(chosen.values())[:most]


def _wrong_agent(pod: Pod, agents: Agents) -> PodProof | None:
    fault = agents.fault(pod)
    if fault is None or not fault.id:
        return None
    return _proof(pod, VerifyState.FAILED, fault.reason, id=fault.id, link=AGENT_LINK)


def _with_agent(proof: PodProof, fault: AgentFault | None) -> PodProof:
    """A redeemed token is no proof where it is not known whether an agent runs on the pod's node."""
    if fault is None or proof.state is not VerifyState.PROVEN:
        return proof
    permission = fault.error.permission if fault.error is not None else ""
    reason = f"its token was redeemed, but {fault.reason}"
    return replace(proof, state=VerifyState.UNKNOWN, reason=reason, permission=permission, identity=None)


def _wrong_fields(pod: Pod, association: Association) -> PodProof | None:
    """What the pod itself shows to be broken."""
    if foreign := own_address(pod):
        names = ", ".join(foreign)
        reason = f"it sets the credentials address or token file itself, and not to the agent's (containers: {names})"
        return _proof(pod, VerifyState.FAILED, reason, id="injected-fields-hardcoded", link=SDK_LINK)
    if is_injected(pod):
        return None
    names = ", ".join(missing_containers(pod))
    what = f"containers without credentials: {names}" if names else "the token volume is missing"
    older = association.created_at is not None and pod.created_at < association.created_at
    mode = "pod-predates-association" if older else "injection-missed-webhook"
    reason = f"it was given no credentials when it was created ({what})"
    return _proof(pod, VerifyState.FAILED, reason, id=mode, link=INJECTION_LINK)


def _prove(clients: Clients, reading: AssociationReading, pod: Pod, changed: str) -> PodProof | None:
    """None for a pod that went away meanwhile, as pods do while their workload is scaled or rolled out."""
    association = reading.association
    try:
        token = clients.kube.writer.request_token(association.ref, pod)
    except NotFound as error:
        if error.id != NO_ACCOUNT:
            return None
        reason = f"it gets no new token: {error.what}"
        return _proof(pod, VerifyState.FAILED, reason, id=NO_ACCOUNT, link=ASSOCIATION_LINK)
    except PodidError as error:
        return _proof(pod, VerifyState.UNKNOWN, f"no token for it: {error.what}", error=error)
    try:
        session = clients.eks_auth.assume_role_for_pod_identity(association.cluster_name, token)
    except PodidError as error:
        return _settling(_refused(pod, reading, error), reading, changed)
    if (session.ref, session.association_id) != (association.ref, association.association_id):
        reason = f"EKS Auth answers for {session.ref} by association {session.association_id}, which was not asked for"
        return _settling(_proof(pod, VerifyState.UNKNOWN, reason), reading, changed)
    try:
        caller = clients.sts.caller_of(session.credentials)
    except PodidError as error:
        reason = f"EKS Auth gave credentials, but AWS could not be asked whose they are: {error.what}"
        return _proof(pod, VerifyState.UNKNOWN, reason, error=error)
    return _settling(_compare(pod, association, caller, session.credentials.expires_at), reading, changed)


def _settling(proof: PodProof, reading: AssociationReading, changed: str) -> PodProof:
    """A failure within seconds of a change says nothing yet: EKS Auth may not have heard of it everywhere. But where
    the trust itself refuses, as IAM has it now, nothing that settles would change that."""
    if proof.state is not VerifyState.FAILED or not changed or blame(reading) is not None:
        return proof
    reason = f"{changed} and may still be settling ({proof.reason})"
    return replace(proof, state=VerifyState.UNKNOWN, reason=reason, settling=True)


def _refused(pod: Pod, reading: AssociationReading, error: PodidError) -> PodProof:
    """What EKS Auth's refusal means. A caller without eks-auth:AssumeRoleForPodIdentity says nothing about the pods:
    on a node it is the node role that calls. A token that is not accepted may be another cluster's."""
    if isinstance(error, NotFound) and not error.subject.startswith("cluster "):
        reason = f"EKS Auth knows no association for it: deleted, or made seconds ago ({error.what})"
        return _proof(pod, VerifyState.FAILED, reason, id="association-missing", link=ASSOCIATION_LINK)
    if isinstance(error, Rejected) and error.service_code in _TRUST_CODES:
        if error.service_code.startswith("PackedPolicy"):
            return _proof(pod, VerifyState.FAILED, error.what, id="packed-policy-too-large", link=TRUST_LINK)
        if (finding := blame(reading)) is not None:
            reason = f"EKS Auth refuses it: {blame_words(finding, reading)}"
            return _proof(pod, VerifyState.FAILED, reason, id=finding.id, link=TRUST_LINK)
        return _proof(pod, VerifyState.FAILED, error.what + not_to_blame(reading), link=TRUST_LINK)
    return _proof(pod, VerifyState.UNKNOWN, error.what, error=error)


def _compare(pod: Pod, association: Association, caller: Caller, expires_at: datetime | None) -> PodProof:
    identity = identity_of(association, caller.arn, expires_at)
    if identity is None:
        reason = f"its credentials are those of {caller.arn}, not of {association.pods_role_arn}"
        return _proof(pod, VerifyState.FAILED, reason, link=ASSOCIATION_LINK)  # why, nothing here tells
    return _proof(pod, VerifyState.PROVEN, identity=identity)


def identity_of(association: Association, caller_arn: str, expires_at: datetime | None = None) -> Identity | None:
    """Who AWS says that the credentials are, where that is the association's role; None where it is somebody else."""
    expected = Arn.parse(association.pods_role_arn)
    got = Arn.parse(caller_arn)
    # arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION: a role's path is not part of it
    kind, _, rest = got.resource.partition("/")
    role, _, session_name = rest.partition("/")
    if kind != "assumed-role" or (role, got.account) != (expected.resource_name, expected.account):
        return None
    return Identity(role_arn=str(expected), account=got.account, session_name=session_name, expires_at=expires_at)


def _proof(
    pod: Pod,
    state: VerifyState,
    reason: str = "",
    *,
    id: str = "",
    link: int = 0,
    error: PodidError | None = None,
    identity: Identity | None = None,
) -> PodProof:
    return PodProof(
        namespace=pod.namespace,
        name=pod.name,
        node=pod.node,
        injected=is_injected(pod),
        missing_containers=missing_containers(pod),
        state=state,
        reason=reason,
        id=id,
        link=link,
        permission=error.permission if error else "",
        identity=identity,
    )


def _summary(association: Association, proofs: list[PodProof], live_pods: int) -> VerifyReport:
    bad = [proof for proof in proofs if proof.state is VerifyState.FAILED]
    undecided = [proof for proof in proofs if proof.state is VerifyState.UNKNOWN]
    worst = bad or undecided
    if not worst:
        role = association.pods_role_arn
        if len(proofs) == live_pods:
            who = "its one pod" if live_pods == 1 else f"all {live_pods} pods"
            return _report(association, VerifyState.PROVEN, f"{who} assumed {role}", pods=proofs)
        reason = f"proven for {len(proofs)} of {live_pods} pods, which assumed {role}; the others carry the injected "
        reason += "fields and have a Ready agent on their nodes, and --all-pods redeems their tokens too"
        return _report(association, VerifyState.IN_EFFECT, reason, pods=proofs)
    first = min(worst, key=lambda proof: proof.link)  # the earliest broken link explains the later ones
    # one failure mode is one cause, though its sentence names each pod's own node
    same = sum(proof.id == first.id if first.id else proof.reason == first.reason for proof in worst)
    count = f" ({same} of {live_pods} pods)" if live_pods > 1 else ""
    return VerifyReport(
        cluster=association.cluster_name,
        ref=association.ref,
        role_arn=association.pods_role_arn,
        state=first.state,
        reason=f"pod {first.namespace}/{first.name}: {first.reason}{count}",
        id=first.id,
        link=first.link,
        permission=first.permission,
        pods=tuple(proofs),
    )


def _report(
    association: Association,
    state: VerifyState,
    reason: str,
    *,
    error: PodidError | None = None,
    pods: list[PodProof] | None = None,
) -> VerifyReport:
    return VerifyReport(
        cluster=association.cluster_name,
        ref=association.ref,
        role_arn=association.pods_role_arn,
        state=state,
        reason=reason,
        permission=error.permission if error else "",
        pods=tuple(pods or ()),
    )


def _nothing_to_look_at(ref: ServiceAccountRef, pods: tuple[Pod, ...]) -> str:
    if any(live(pod) for pod in pods):
        return f"every live pod of service account {ref} is excluded from Pod Identity by its label or annotation"
    return f"no live pod uses service account {ref}: a token must be bound to one"
