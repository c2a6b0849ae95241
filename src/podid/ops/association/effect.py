"""Whether new pods of a service account get credentials: looked at, not assumed.

An association reaches the control plane's webhook some seconds after EKS accepted it, and each API server learns it at
its own time. A pod created with dryRun=All passes the webhook and is not created; what comes back tells what that one
API server knows. One hit is therefore no proof, and neither are five in the same second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from podid.aws import pacing
from podid.domain.errors import AccessDenied, CredentialsError, NotFound, PodidError, Rejected, Unavailable
from podid.domain.names import ServiceAccountRef
from podid.domain.patience import Clock, Patience
from podid.domain.plan import Effect, EffectState
from podid.domain.webhook import WEBHOOK
from podid.domain.workloads import is_injected, live, opted_out, own_address
from podid.ops.agent.coverage import Agents
from podid.ops.clients import KubeAccess

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader

# what the states of an effect say nothing of
NO_TOKEN = "whether EKS Auth gives the role: no token was redeemed (podid verify redeems one)"
NO_POD = "running pods, the agents on their nodes, and whether EKS Auth gives the role"
NO_RUNNING_POD = "the credentials that running pods hold"
LATER_LINKS = "the links after the broken one"

# nothing is pulled in a dry run; an image that is already used there passes allow-lists of registries
FALLBACK_IMAGE = "public.ecr.aws/eks-distro/kubernetes/pause:3.7"

# The rounds are spaced so that they span 8 s, and each asks three times: with one of three API servers still behind,
# a round passes by chance in 30 % of cases, and five in a row in 0.2 %. A relapse shows that the servers differ at
# this very moment, so it asks for two rounds more.
ROUNDS = 5
PROBES_PER_ROUND = 3
SECONDS_BETWEEN_ROUNDS = 2.0
SECONDS_BETWEEN_MISSES = 1.0
ROUNDS_PER_RELAPSE = 2
MOST_ROUNDS = 11
# the transport has tried each of these for half a minute already
MOST_TROUBLES = 2


def wait_for_effect(
    kube: KubeAccess, refs: Iterable[ServiceAccountRef], patience: Patience, *, since: datetime | None = None
) -> dict[ServiceAccountRef, Effect]:
    """Waits until new pods of each service account would be given credentials.

    With `since`, when the association was made, a real pod that was created later and carries the injected fields shows
    it. Never raises for a cluster that cannot be looked at: that is `unknown`, with the reason or the permission.
    """
    watches = [_Watch(ref, wanted=True) for ref in refs]
    if since is not None:
        for watch in watches:
            watch.result = _young_pods(kube.reader, watch.ref, since)
    return _observe(kube, watches, patience)


def wait_for_no_effect(
    kube: KubeAccess, refs: Iterable[ServiceAccountRef], patience: Patience
) -> dict[ServiceAccountRef, Effect]:
    """The reverse, after an association was deleted: `likely` means that new pods are no longer given credentials."""
    watches = [_Watch(ref, wanted=False) for ref in refs]
    return _observe(kube, watches, patience)


def live_pods_effect(reader: KubeReader, refs: Iterable[ServiceAccountRef]) -> Effect:
    """What the pods that run now show: in effect when every one that the webhook serves carries the injected fields and
    its node has a Ready agent. That nothing was minted is why it is not proven."""
    wanted = frozenset(refs)
    try:
        pods = [pod for pod in reader.list_pods() if pod.ref in wanted and live(pod) and not opted_out(pod)]
    except PodidError as error:
        return _unknown(f"could not look at the pods: {error.what}")
    if not pods:
        return Effect(
            EffectState.LIKELY, "new pods would be given credentials; none is running now", not_looked_at=NO_POD
        )
    lacking = [f"{pod.namespace}/{pod.name}" for pod in pods if not is_injected(pod)]
    if lacking:
        return _broken("injection-missed-webhook", f"running without the injected fields: {', '.join(lacking)}")
    if foreign := [f"{pod.namespace}/{pod.name}" for pod in pods if own_address(pod)]:
        how = f"pods with another credentials address or token: {', '.join(foreign)}"
        return _broken("injected-fields-hardcoded", how)
    agents = Agents.read(reader)
    faults = [(pod, fault) for pod in pods if (fault := agents.fault(pod)) is not None]
    for pod, fault in sorted(faults, key=lambda item: not item[1].id):
        how = f"pod {pod.namespace}/{pod.name}: {fault.reason}"
        return _broken(fault.id, how) if fault.id else _unknown(how)
    one = len(pods) == 1
    which = "the running pod carries" if one else f"all {len(pods)} running pods carry"
    where = "its node has" if one else "their nodes have"
    how = f"{which} the injected fields, and {where} a Ready agent"
    return Effect(EffectState.IN_EFFECT, how, not_looked_at=NO_TOKEN)


def _broken(id: str, how: str) -> Effect:
    return Effect(EffectState.NOT_IN_EFFECT, how, id, not_looked_at=LATER_LINKS)


def _unknown(how: str) -> Effect:
    return Effect(EffectState.UNKNOWN, how, not_looked_at=NO_POD)


def combine(effects: Iterable[Effect]) -> Effect | None:
    """One effect for a change of several associations: the worst, saying how many it holds for."""
    found = list(effects)
    if not found:
        return None
    order = (
        *(EffectState.NOT_IN_EFFECT, EffectState.UNKNOWN, EffectState.LIKELY),
        *(EffectState.IN_EFFECT, EffectState.PROVEN),
    )
    worst = min(found, key=lambda effect: order.index(effect.state))
    same = sum(effect.state is worst.state for effect in found)
    if len(found) == 1 or (same == len(found) and len({effect.how for effect in found}) == 1):
        return worst
    return replace(worst, how=f"{worst.how} ({same} of {len(found)} service accounts)")


@dataclass(eq=False, slots=True)
class _Watch:
    """One service account under observation."""

    ref: ServiceAccountRef
    wanted: bool
    image: str = ""
    rounds: int = 0
    needed: int = ROUNDS
    probes: int = 0
    next_at: float = 0.0
    troubles: int = 0
    trouble: str = ""
    missed: bool = False
    result: Effect | None = None

    def hit(self, now: float) -> None:
        self.rounds += 1
        self.troubles = 0
        self.trouble = ""
        self.next_at = now + SECONDS_BETWEEN_ROUNDS
        if self.rounds >= self.needed:
            what = "would be given" if self.wanted else "would no longer be given"
            how = f"new pods of {self.ref} {what} credentials: seen in {self.probes} dry runs in a row"
            self.result = self.likely(how)

    def likely(self, how: str) -> Effect:
        return Effect(EffectState.LIKELY, how, not_looked_at=NO_POD if self.wanted else NO_RUNNING_POD)

    def miss(self, now: float) -> None:
        if self.rounds:
            self.needed = min(self.needed + ROUNDS_PER_RELAPSE, MOST_ROUNDS)
        self.rounds = self.probes = self.troubles = 0
        self.trouble = ""
        self.missed = True
        self.next_at = now + SECONDS_BETWEEN_MISSES


def _observe(kube: KubeAccess, watches: list[_Watch], patience: Patience) -> dict[ServiceAccountRef, Effect]:
    clock = patience.clock
    images: dict[str, str] = {}

    def pending() -> list[_Watch]:
        return [watch for watch in watches if watch.result is None]

    for _ in patience.rounds(lambda: min(watch.next_at for watch in pending()) - clock.monotonic()):
        due = [watch for watch in pending() if watch.next_at <= clock.monotonic()]
        images |= images_of(kube.reader, {watch.ref.namespace for watch in due} - images.keys())
        for watch in due:
            watch.image = images[watch.ref.namespace]
        for _looked in pacing.fan_out(lambda watch: _look(kube, watch, clock), due, reads=True):
            pass
        patience.say(_state(watches))
        if not pending():
            break
    for watch in pending():
        watch.result = _out_of_time(kube.reader, watch, patience.seconds)
    return {watch.ref: watch.result for watch in watches if watch.result is not None}


def _look(kube: KubeAccess, watch: _Watch, clock: Clock) -> None:
    """One round: three dry runs, ended by the first that does not show what is wanted."""
    for _ in range(PROBES_PER_ROUND):
        try:
            pod = kube.writer.dry_run_pod(watch.ref, image=watch.image)
        except Unavailable as error:
            watch.troubles += 1
            watch.trouble = error.what
            watch.next_at = clock.monotonic() + SECONDS_BETWEEN_MISSES
            if watch.troubles >= MOST_TROUBLES:
                watch.result = _unknown(f"could not look: {error.what}")
            return
        except PodidError as error:
            watch.result = _undecided(error, watch)
            return
        if is_injected(pod) is not watch.wanted:
            first = not watch.missed
            watch.miss(clock.monotonic())
            if first and watch.wanted:
                watch.result = _webhook_missing(kube.reader, watch.ref)
            return
        watch.probes += 1
    watch.hit(clock.monotonic())


def _undecided(error: PodidError, watch: _Watch) -> Effect:
    if isinstance(error, NotFound) and error.subject == str(watch.ref):
        if not watch.wanted:
            return watch.likely(f"no pod can use service account {watch.ref}: it does not exist")
        return replace(
            _unknown(f"service account {watch.ref} does not exist, so no pod can use the association yet"),
            id="association-sa-not-found",
        )
    if isinstance(error, AccessDenied) and not isinstance(error, CredentialsError):
        return _unknown(f"could not look: {error.what} (needed for a dry run; nothing is created)")
    if isinstance(error, Rejected):
        return _unknown(f"the cluster does not let podid's test pod pass: {error.what}")
    return _unknown(f"could not look: {error.what}")


def webhook_is_missing(reader: KubeReader) -> bool:
    """False where that could not be looked at, too: that the object cannot be read says nothing about it."""
    try:
        return reader.find_webhook() is None
    except PodidError:
        return False


def _webhook_missing(reader: KubeReader, ref: ServiceAccountRef) -> Effect | None:
    if not webhook_is_missing(reader):
        return None
    how = f"pods of {ref} are not given credentials: the cluster's MutatingWebhookConfiguration {WEBHOOK} is missing"
    return _broken("injection-missed-webhook", how)


def _out_of_time(reader: KubeReader, watch: _Watch, timeout: float) -> Effect:
    waited = f"within {timeout:g} s"
    if watch.rounds:
        seen = f"{watch.rounds} of {watch.needed} rounds of dry runs showed the change"
        return _unknown(f"{watch.ref}: {seen} {waited}, too few to rely on")
    if watch.trouble or not watch.missed:
        return _unknown(f"could not look {waited}: {watch.trouble or 'no answer'}")
    if not watch.wanted:
        how = f"new pods of {watch.ref} were still given credentials {waited}"
        return Effect(EffectState.NOT_IN_EFFECT, how, not_looked_at=NO_RUNNING_POD)
    missing = _webhook_missing(reader, watch.ref)
    how = f"new pods of {watch.ref} were not given credentials {waited}"
    return missing or _broken("injection-missed-webhook", how)


def _young_pods(reader: KubeReader, ref: ServiceAccountRef, since: datetime) -> Effect | None:
    """Every pod that is younger than the association carries the fields, and there is one. Pods' times are whole
    seconds, so one of the same second may be older than the association: it is no proof."""
    try:
        pods = reader.list_pods(ref.namespace, service_account=ref.name)
    except PodidError:
        return None  # the dry run will find its own words
    young = [pod for pod in pods if live(pod) and not opted_out(pod) and pod.created_at > since]
    agents = Agents.read(reader)
    if not young or not all(map(is_injected, young)) or any(own_address(pod) or agents.fault(pod) for pod in young):
        return None
    name = f"{young[-1].namespace}/{young[-1].name}"
    how = "created after the association, carries the injected fields, and its node has a Ready agent"
    return Effect(EffectState.IN_EFFECT, f"{name}, {how}", not_looked_at=NO_TOKEN)


def images_of(reader: KubeReader, namespaces: Iterable[str]) -> dict[str, str]:
    """For each namespace an image that its pods use already, so that policies for images let it pass."""
    return dict(pacing.fan_out(partial(_image, reader), namespaces, reads=True))


def _image(reader: KubeReader, namespace: str) -> str:
    try:
        pods = reader.list_pods(namespace)
    except PodidError:
        return FALLBACK_IMAGE
    used = Counter(c.image for pod in pods if live(pod) for c in pod.containers if c.image and not c.init)
    return used.most_common(1)[0][0] if used else FALLBACK_IMAGE


def _state(watches: list[_Watch]) -> str:
    if len(watches) > 1:
        done = sum(watch.result is not None for watch in watches)
        return f"waiting for the effect: {done} of {len(watches)} service accounts decided"
    watch = watches[0]
    if watch.result is not None:
        return f"effect on {watch.ref}: {watch.result.state}"
    if watch.trouble:
        return f"waiting for the effect on {watch.ref}: {watch.trouble}"
    if watch.rounds:
        return f"waiting for the effect on {watch.ref}: seen in {watch.rounds} of {watch.needed} rounds of dry runs"
    return f"waiting for the effect on {watch.ref}: not seen yet"
