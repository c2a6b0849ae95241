"""Trials with pods: tokens of live pods, redeemed as the agent of their node does, and dry runs of new pods.

This module collects results and does not judge them.

Credentials from EKS Auth are discarded at once and are in no result. An association reaches the control plane's webhook
some seconds after EKS accepted it, at a different time for each API server. A pod created with dryRun=All passes the
webhook and is not created; the response shows the state of one API server. One injected pod is therefore no proof, and
neither are five in the same second: rounds add up from snapshot to snapshot, until enough consecutive rounds have shown
the injected fields.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial

from podid.calls import pacing
from podid.domain import evidence
from podid.domain.aws import Association
from podid.domain.cluster import Pod
from podid.domain.errors import InvalidInput, NotFound, PodidError, Rejected, Unavailable
from podid.domain.grouping import grouped
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import NOT_READ, Known, Missing, Section, known_or, missing
from podid.domain.workloads import is_injected, live, opted_out, template_of, workload_subject
from podid.kube.reader import KubeReader
from podid.ops.reading.readings import Source

# each trial creates a token and a session: for more service accounts the user names them, and some pods are enough
MOST_UNNAMED, MOST_PODS = 20, 50
_ACCOUNT_IS_GONE = "association-sa-not-found"


def tokens(source: Source) -> dict[str, Section[tuple[evidence.TokenTrial, ...]]]:
    """Return the trials by service account: of one pod of each workload and template, ready ones first, or of all pods.
    A pod that is deleted meanwhile has no trial."""
    pods = grouped((pod.ref, pod) for pod in source.value("pods") if live(pod) and not opted_out(pod))
    chosen = source.some(MOST_UNNAMED)
    tries = [(a, pod) for a in chosen for pod in sample(pods.get(a.ref, ()), all_pods=source.all_pods)]
    trials: dict[str, list[evidence.TokenTrial]] = {str(a.ref): [] for a in chosen}
    for (association, _), trial in pacing.fan_out(partial(_try, source), tries):
        if trial is not None:
            trials[str(association.ref)].append(trial)
    return {name: Known(tuple(sorted(tried, key=lambda trial: trial.pod))) for name, tried in trials.items()}


def sample(pods: Iterable[Pod], *, all_pods: bool = False) -> list[Pod]:
    ordered = sorted(pods, key=lambda pod: (not pod.ready, pod.name))
    if all_pods:
        return ordered
    chosen: dict[object, Pod] = {}
    for pod in ordered:
        chosen.setdefault((workload_subject(pod), template_of(pod)), pod)
    return list(chosen.values())[:MOST_PODS]


def _try(source: Source, user: tuple[Association, Pod]) -> evidence.TokenTrial | None:
    association, pod = user
    trial = evidence.TokenTrial(
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
        gone = error.id == _ACCOUNT_IS_GONE
        return replace(trial, refusal=evidence.NO_ACCOUNT, message=error.message) if gone else None
    except PodidError as error:
        return _without(trial, error, "no token could be requested: ")
    try:
        session = source.clients.aws.eks_auth.assume_role_for_pod_identity(association.cluster_name, token)
    except PodidError as error:
        return _without(trial, error)
    if (session.ref, session.association_id) != (association.ref, association.association_id):
        reason = f"EKS Auth returned {session.ref} and association {session.association_id}, which were not requested"
        return replace(trial, missing=Missing(reason, error_code=evidence.OTHER_ASSOCIATION))
    try:
        caller = source.clients.aws.sts.caller_of(session.credentials)
        redeemed, expected = evidence.identified(association, caller.arn, session.credentials.expires_at)
    except (PodidError, InvalidInput) as error:
        reason = f"EKS Auth returned credentials, but their identity could not be read: {error.message}"
        return replace(trial, missing=replace(missing(error), reason=reason))
    return replace(trial, redeemed=redeemed, expected=expected)


def _without(trial: evidence.TokenTrial, error: PodidError, prefix: str = "") -> evidence.TokenTrial:
    """Return the trial with the refusal of the token or of the role, or with the missing data. A missing permission of
    the caller is no evidence on the pods: on a node, the node role makes the call."""
    if isinstance(error, NotFound) and not error.subject.startswith("cluster "):
        return replace(trial, refusal=evidence.NO_ASSOCIATION, message=error.message)
    if isinstance(error, Rejected):
        return replace(trial, refusal=error.service_code or error.code, message=prefix + error.message)
    return replace(trial, missing=replace(missing(error), reason=prefix + error.message))


# a dry run pulls no image; an image that the namespace already uses passes allow-lists of registries
FALLBACK_IMAGE = "public.ecr.aws/eks-distro/kubernetes/pause:3.7"

# The rounds span 8 s, with three requests each: if one of three API servers lacks the change, a round passes by chance
# in 30 % of cases, and five consecutive rounds in 0.2 %. A miss after a passed round shows that the servers differ at
# this moment, so it adds two rounds.
ROUNDS = 5
PODS_PER_ROUND = 3
SECONDS_BETWEEN_ROUNDS = 2.0
SECONDS_BETWEEN_MISSES = 1.0
ROUNDS_PER_RELAPSE = 2
MOST_ROUNDS = 11


def dry_runs(source: Source) -> dict[str, Section[evidence.DryRun]]:
    """Return the dry runs by service account, with one more round than before, unless these have confirmed the injected
    fields. The pod has the labels of a live pod, if there is one, because webhooks may select by them."""
    running: list[Pod] = [pod for pod in known_or(source.before("pods"), ()) if live(pod)]
    of_account = grouped((pod.ref, pod) for pod in running if not opted_out(pod))
    images = {name: image_among(pods) for name, pods in grouped((pod.namespace, pod) for pod in running).items()}
    labels = {ref: sample(pods)[0].labels for ref, pods in of_account.items()}
    chosen = {association.ref: association for association in source.some(MOST_UNNAMED)}

    def add(ref: ServiceAccountRef) -> Section[evidence.DryRun]:
        image, carried = images.get(ref.namespace, FALLBACK_IMAGE), _carried(chosen[ref], of_account.get(ref, ()))
        return _added(source, chosen[ref], image, labels.get(ref), carried=carried)

    sections = dict(pacing.fan_out(add, chosen))
    return {str(ref): sections[ref] for ref in chosen}


def _carried(association: Association, pods: Iterable[Pod]) -> bool:
    """Return whether the running pods that were created after the last change all carry the injected fields."""
    changed = association.modified_at or association.created_at
    later = [pod for pod in pods if changed is not None and pod.created_at > changed]
    return bool(later) and all(map(is_injected, later))


def _added(
    source: Source, association: Association, image: str, labels: Mapping[str, str] | None, *, carried: bool
) -> Section[evidence.DryRun]:
    before = known_or(known_or(source.previous, {}).get(str(association.ref), NOT_READ), evidence.DryRun())
    if before.decided and not before.failed:
        return Known(before)
    settled = evidence.is_propagated(association, source.now)
    sure = settled or (carried and not before.misses)
    before = replace(before, needed=1 if sure else max(before.needed, ROUNDS))
    pause = timedelta(seconds=SECONDS_BETWEEN_ROUNDS if before.rounds else SECONDS_BETWEEN_MISSES)
    if before.last is not None and source.now - before.last < pause:
        return Known(before)
    try:
        hits, missed = _round(source, association.ref, image, labels)
    except Unavailable as error:
        return Known(before) if before.last is not None else missing(error)
    except PodidError as error:
        return missing(error)
    since, total = before.since or source.now, before.hits + hits
    if not missed:
        return Known(replace(before, hits=total, rounds=before.rounds + 1, since=since, last=source.now))
    needed = 1 if settled else max(before.needed, ROUNDS)
    if before.rounds and not settled:
        needed = min(needed + ROUNDS_PER_RELAPSE, MOST_ROUNDS)
    misses = before.misses + 1
    return Known(evidence.DryRun(hits=total, misses=misses, needed=needed, since=since, last=source.now))


def _round(source: Source, ref: ServiceAccountRef, image: str, labels: Mapping[str, str] | None) -> tuple[int, bool]:
    """Return how many consecutive pods were injected, and whether one was not, which ends the round."""
    for hits in range(PODS_PER_ROUND):
        if not is_injected(source.clients.kube.writer.dry_run_pod(ref, image=image, labels=labels)):
            return hits, True
    return PODS_PER_ROUND, False


def images_of(reader: KubeReader, namespaces: Iterable[str]) -> dict[str, str]:
    """Return for each namespace an image that its pods already use, so that image policies allow it."""

    def image_in(namespace: str) -> str:
        try:
            return image_among(pod for pod in reader.list_pods(namespace) if live(pod))
        except PodidError:
            return FALLBACK_IMAGE

    return dict(pacing.fan_out(image_in, namespaces))


def image_among(pods: Iterable[Pod]) -> str:
    """Return the image that most of the pods use."""
    used = Counter(c.image for pod in pods for c in pod.containers if c.image and not c.init)
    return used.most_common(1)[0][0] if used else FALLBACK_IMAGE
