"""Tokens of live pods, redeemed as the agent of their node would: what EKS Auth gives or refuses, and no judgement. The
credentials are dropped at once and are in no result."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from podid.calls import pacing
from podid.domain.aws import Association
from podid.domain.cluster import Pod
from podid.domain.errors import InvalidInput, NotFound, PodidError, Rejected
from podid.domain.evidence import NO_ACCOUNT, NO_ASSOCIATION, OTHER_ASSOCIATION, TokenTrial, identified
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Missing, Section, missing
from podid.domain.workloads import live, opted_out, template_of, workload_subject

if TYPE_CHECKING:
    from podid.ops.reading.source import Source

# each costs a token and a session: more service accounts are named, and of hundreds of pods some are enough
MOST_UNNAMED, MOST_PODS = 20, 50
_ACCOUNT_IS_GONE = "association-sa-not-found"


def tokens(source: Source) -> dict[str, Section[tuple[TokenTrial, ...]]]:
    """By service account: one pod of each workload and template, ready ones first, or all pods where that is wanted. A
    pod that goes away meanwhile leaves no trial."""
    pods: dict[ServiceAccountRef, list[Pod]] = defaultdict(list)
    for pod in source.value("pods"):
        if live(pod) and not opted_out(pod):
            pods[pod.ref].append(pod)
    chosen = source.some(MOST_UNNAMED)
    tries = [(each, pod) for each in chosen for pod in sample(pods[each.ref], all_pods=source.all_pods)]
    found: dict[str, list[TokenTrial]] = {str(each.ref): [] for each in chosen}
    for (association, _), trial in pacing.fan_out(partial(_try, source), tries, reads=True):
        if trial is not None:
            found[str(association.ref)].append(trial)
    return {name: Known(tuple(sorted(trials, key=lambda trial: trial.pod))) for name, trials in found.items()}


def sample(pods: Iterable[Pod], *, all_pods: bool = False) -> list[Pod]:
    ordered = sorted(pods, key=lambda pod: (not pod.ready, pod.name))
    if all_pods:
        return ordered
    chosen: dict[object, Pod] = {}
    for pod in ordered:
        chosen.setdefault((workload_subject(pod), template_of(pod)), pod)
    return list(chosen.values())[:MOST_PODS]


def _try(source: Source, given: tuple[Association, Pod]) -> TokenTrial | None:
    association, pod = given
    trial = TokenTrial(
        namespace=pod.namespace,
        pod=pod.name,
        node=pod.node,
        workload=workload_subject(pod),
        template=template_of(pod),
        at=source.now,
    )
    try:
        token = source.clients.kube.writer.request_token(association.ref, pod)
    except NotFound as error:
        return replace(trial, refusal=NO_ACCOUNT, message=error.what) if error.id == _ACCOUNT_IS_GONE else None
    except PodidError as error:
        return _without(trial, error, "no token for it: ")
    try:
        session = source.clients.eks_auth.assume_role_for_pod_identity(association.cluster_name, token)
    except PodidError as error:
        return _without(trial, error)
    if (session.ref, session.association_id) != (association.ref, association.association_id):
        reason = f"EKS Auth answers for {session.ref} by association {session.association_id}, which was not asked for"
        return replace(trial, missing=Missing(reason, error_code=OTHER_ASSOCIATION))
    try:
        caller = source.clients.sts.caller_of(session.credentials)
        redeemed, expected = identified(association, caller.arn, session.credentials.expires_at)
    except (PodidError, InvalidInput) as error:
        reason = f"EKS Auth gave credentials, but AWS could not be asked whose they are: {error.what}"
        return replace(trial, missing=replace(missing(error), reason=reason))
    return replace(trial, redeemed=redeemed, expected=expected)


def _without(trial: TokenTrial, error: PodidError, what: str = "") -> TokenTrial:
    """A refusal of the token or of the role, or what stood in the way: that the caller has no right says nothing of the
    pods, for on a node it is the node role that calls."""
    if isinstance(error, NotFound) and not error.subject.startswith("cluster "):
        return replace(trial, refusal=NO_ASSOCIATION, message=error.what)
    if isinstance(error, Rejected):
        return replace(trial, refusal=error.service_code or error.code, message=what + error.what)
    return replace(trial, missing=replace(missing(error), reason=what + error.what))
