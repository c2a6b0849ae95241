"""Proof that a service account's pods can become their role: the agent's own exchange, done from here.

A token of the service account, bound to one of its live pods, is redeemed at EKS Auth as the agent on the node would,
and AWS is asked whose credentials came back. That proves the association, the injection and the trust (links 1, 3 and
9); not the SDK in the pod, nor its way over the agent (links 4 to 8). The credentials are in no result and are dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from podid.domain.errors import NotFound, PodidError, Rejected
from podid.domain.exit_codes import ExitCode
from podid.domain.model import Association, Caller, Pod
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.workloads import live, opted_out
from podid.ops.association.effect import is_injected, missing_containers
from podid.ops.clients import Clients

ASSOCIATION_LINK, INJECTION_LINK, TRUST_LINK = 1, 3, 9

# each costs a token and a session: of hundreds of pods some are proof enough
MOST_PODS = 10

# "EKS does not have permissions to assume the associated role", and a session that does not fit
_TRUST_CODES = ("AccessDeniedException", "PackedPolicyTooLarge", "PackedPolicyTooLargeException")


class VerifyState(StrEnum):
    PROVEN = "proven"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom a pod's credentials belong to. `role_arn` is the association's own spelling, path included."""

    role_arn: str
    account: str
    session_name: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodProof:
    """One pod. `identity` is set only when its role was proven; `link` is the broken link of the chain, else 0.
    `permission` names what the caller lacks where that made the state unknown."""

    namespace: str
    name: str
    node: str
    injected: bool
    missing_containers: tuple[str, ...]
    state: VerifyState
    reason: str = ""
    link: int = 0
    permission: str = ""
    identity: Identity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """The state of the service account is its worst pod's; `reason` says it in a sentence."""

    cluster: str
    ref: ServiceAccountRef
    role_arn: str
    state: VerifyState
    reason: str
    link: int = 0
    permission: str = ""
    pods: tuple[PodProof, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        return {
            VerifyState.PROVEN: ExitCode.OK,
            VerifyState.FAILED: ExitCode.ATTENTION,
            VerifyState.UNKNOWN: ExitCode.UNDETERMINED,
        }[self.state]


def verify(
    clients: Clients, association: Association, *, say: Callable[[str], None], most: int | None = MOST_PODS
) -> VerifyReport:
    """Redeems a token for each live injected pod, ready ones first, at most `most` (None: no limit); pods that lack
    the injected fields are in the report as failed. What could not be looked at is `unknown`, never raised."""
    ref = association.ref
    try:
        pods = clients.kube.reader.list_pods(ref.namespace, service_account=ref.name)
    except PodidError as error:
        return _report(association, VerifyState.UNKNOWN, f"could not list its pods: {error.what}", error=error)
    served = [pod for pod in pods if live(pod) and not opted_out(pod)]
    if not served:
        return _report(association, VerifyState.UNKNOWN, _nothing_to_look_at(ref, pods))
    chosen = sorted((pod for pod in served if is_injected(pod)), key=lambda pod: not pod.ready)
    proofs = [_stale(pod) for pod in served if not is_injected(pod)]
    looked = 0
    for pod in chosen:
        if looked == most:
            break
        say(f"redeeming a token for pod {pod.namespace}/{pod.name}")
        proof = _prove(clients, association, pod)
        if proof is not None:
            proofs.append(proof)
            looked += 1
    if not proofs:
        return _report(association, VerifyState.UNKNOWN, f"every pod of {ref} went away meanwhile")
    return _summary(association, sorted(proofs, key=lambda proof: proof.name), len(served))


def _prove(clients: Clients, association: Association, pod: Pod) -> PodProof | None:
    """None for a pod that went away meanwhile, as pods do while their workload is scaled or rolled out."""
    try:
        token = clients.kube.writer.request_token(association.ref, pod)
    except NotFound:
        return None
    except PodidError as error:
        return _proof(pod, VerifyState.UNKNOWN, f"no token for it: {error.what}", error=error)
    try:
        session = clients.eks_auth.assume_role_for_pod_identity(association.cluster_name, token)
    except PodidError as error:
        return _refused(pod, error)
    try:
        caller = clients.sts.caller_of(session.credentials)
    except PodidError as error:
        reason = f"EKS Auth gave credentials, but AWS could not be asked whose they are: {error.what}"
        return _proof(pod, VerifyState.UNKNOWN, reason, error=error)
    return _compare(pod, association, caller, session.credentials.expires_at)


def _refused(pod: Pod, error: PodidError) -> PodProof:
    """What EKS Auth's refusal means. A caller without eks-auth:AssumeRoleForPodIdentity says nothing about the pods:
    on a node it is the node role that calls. A token that is not accepted may be another cluster's."""
    if isinstance(error, NotFound) and not error.subject.startswith("cluster "):
        reason = f"EKS Auth knows no association for it: deleted, or made seconds ago ({error.what})"
        return _proof(pod, VerifyState.FAILED, reason, link=ASSOCIATION_LINK)
    if isinstance(error, Rejected) and error.service_code in _TRUST_CODES:
        return _proof(pod, VerifyState.FAILED, error.what, link=TRUST_LINK)
    return _proof(pod, VerifyState.UNKNOWN, error.what, error=error)


def _compare(pod: Pod, association: Association, caller: Caller, expires_at: datetime | None) -> PodProof:
    expected = Arn.parse(association.target_role_arn or association.role_arn)
    got = Arn.parse(caller.arn)
    # arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION: a role's path is not part of it
    kind, _, rest = got.resource.partition("/")
    role, _, session_name = rest.partition("/")
    if kind != "assumed-role" or (role, got.account) != (expected.resource_name, expected.account):
        reason = f"its credentials are those of {caller.arn}, not of {expected}"
        return _proof(pod, VerifyState.FAILED, reason, link=ASSOCIATION_LINK)
    identity = Identity(
        role_arn=str(expected), account=caller.account, session_name=session_name, expires_at=expires_at
    )
    return _proof(pod, VerifyState.PROVEN, identity=identity)


def _stale(pod: Pod) -> PodProof:
    names = ", ".join(missing_containers(pod))
    what = f"containers without credentials: {names}" if names else "the token volume is missing"
    return _proof(pod, VerifyState.FAILED, f"it was not changed when it was created ({what})", link=INJECTION_LINK)


def _proof(
    pod: Pod,
    state: VerifyState,
    reason: str = "",
    *,
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
        link=link,
        permission=error.permission if error else "",
        identity=identity,
    )


def _summary(association: Association, proofs: list[PodProof], live_pods: int) -> VerifyReport:
    bad = [proof for proof in proofs if proof.state is VerifyState.FAILED]
    undecided = [proof for proof in proofs if proof.state is VerifyState.UNKNOWN]
    worst = bad or undecided
    if not worst:
        role = association.target_role_arn or association.role_arn
        reason = f"{len(proofs)} of {live_pods} pods became {role}"
        if len(proofs) < live_pods:
            reason += "; the others were not looked at"
        return _report(association, VerifyState.PROVEN, reason, pods=proofs)
    first = min(worst, key=lambda proof: proof.link)  # the earliest broken link explains the later ones
    same = sum(proof.reason == first.reason for proof in worst)
    count = f" ({same} of {live_pods} pods)" if live_pods > 1 else ""
    return VerifyReport(
        cluster=association.cluster_name,
        ref=association.ref,
        role_arn=association.target_role_arn or association.role_arn,
        state=first.state,
        reason=f"pod {first.namespace}/{first.name}: {first.reason}{count}",
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
        role_arn=association.target_role_arn or association.role_arn,
        state=state,
        reason=reason,
        permission=error.permission if error else "",
        pods=tuple(pods or ()),
    )


def _nothing_to_look_at(ref: ServiceAccountRef, pods: tuple[Pod, ...]) -> str:
    if any(live(pod) for pod in pods):
        return f"every live pod of service account {ref} is excluded from Pod Identity by its label or annotation"
    return f"no live pod uses service account {ref}: a token must be bound to one"
