"""Proof with patience: looks again while what was seen may pass by itself, and never longer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from podid.aws import pacing
from podid.domain.errors import Unavailable
from podid.domain.evidence import ROLE_SETTLES, RecentChanges
from podid.domain.names import ServiceAccountRef
from podid.domain.patience import Patience
from podid.domain.place import Place
from podid.domain.plan import Effect, EffectState
from podid.domain.proof import PodProof, VerifyReport, VerifyState
from podid.ops.agent.coverage import Agents
from podid.ops.association.effect import combine
from podid.ops.association.read import AssociationReading, read_associations
from podid.ops.association.verify import AGENT_LINK, MOST_PODS, verify
from podid.ops.clients import Clients

# how long verify waits without being told to: only for a change that was made seconds before
SETTLE_SECONDS = ROLE_SETTLES.total_seconds()

_STATES = {
    VerifyState.PROVEN: EffectState.PROVEN,
    VerifyState.IN_EFFECT: EffectState.IN_EFFECT,
    VerifyState.FAILED: EffectState.NOT_IN_EFFECT,
    VerifyState.UNKNOWN: EffectState.UNKNOWN,
}


def prove(
    clients: Clients,
    place: Place,
    readings: Sequence[AssociationReading],
    patience: Patience,
    changes: RecentChanges,
    *,
    again: Callable[[VerifyReport], bool],
    most: int | None = MOST_PODS,
) -> tuple[VerifyReport, ...]:
    """What `verify` says of each, in their order. Those of which `again` is true are read and looked at again until it
    is not, or the time is over; their reason tells for how long. Raises Unavailable only where not even one look was
    possible."""
    clock, began = patience.clock, patience.clock.monotonic()
    current, reports, looks = tuple(readings), dict[ServiceAccountRef, VerifyReport](), 0

    def look(reading: AssociationReading, agents: Agents | None) -> VerifyReport:
        now, say = clock.now(), patience.say
        found = verify(clients, reading, now=now, say=say, changes=changes, most=most, agents=agents)
        return _waited(found, clock.monotonic() - began) if looks else found

    def still_open() -> tuple[AssociationReading, ...]:
        return tuple(reading for reading in readings if again(reports[reading.association.ref]))

    for _ in patience.rounds(1.0, longest=5.0):
        try:
            if looks:
                current = read_associations(clients, place, [reading.association.ref for reading in current])
            # what runs on the nodes is the same for all
            agents = Agents.read(clients.kube.reader) if len(current) > 1 else None
            for reading, report in pacing.fan_out(partial(look, agents=agents), current):
                if report.listed or not looks:
                    reports[reading.association.ref] = report
        except Unavailable as error:  # as where pods could not be listed again, what the look before showed stands
            if not looks:
                raise
            patience.say(f"{error.what}; looking again")
            current = still_open()
            continue
        looks += 1
        if not (current := still_open()):
            break
        first = reports[current[0].association.ref]
        patience.say(f"{first.ref}: {first.reason}; looking again")
    return tuple(reports[reading.association.ref] for reading in readings)


def _waited(report: VerifyReport, seconds: float) -> VerifyReport:
    return replace(report, reason=f"{report.reason} (after {seconds:.0f} s)")


def settles(report: VerifyReport) -> bool:
    """Whether a change made seconds ago may explain what was seen."""
    return report.settling


def unproven(report: VerifyReport) -> bool:
    """Whether another look may show more: not without a right that is missing."""
    return not report.holds and not report.permission


def may_pass(report: VerifyReport) -> bool:
    """Whether everything that is not proven may pass by itself: a change that settles, an agent or a node that starts.
    What a pod was born with, and a trust policy, stay as they are."""
    lacking = [proof for proof in report.pods if proof.state is not VerifyState.PROVEN]
    return not report.holds and bool(lacking) and all(_passes(proof) for proof in lacking)


def _passes(proof: PodProof) -> bool:
    return proof.settling or proof.link == AGENT_LINK or (proof.state is VerifyState.UNKNOWN and not proof.permission)


def operations() -> tuple[Callable[..., object], ...]:
    """What `prove` calls beside what verify may do without: tokens and credentials."""
    from podid.aws.eks_auth import EksAuth
    from podid.aws.iam import Iam
    from podid.aws.sts import Sts
    from podid.kube.reader import KubeReader
    from podid.kube.writer import KubeWriter

    return (
        EksAuth.assume_role_for_pod_identity,
        Sts.caller_of,
        Iam.get_role,
        Iam.simulate,
        KubeReader.list_pods,
        KubeReader.list_nodes,
        KubeReader.list_agent_pods,
        KubeWriter.request_token,
    )


def prove_effect(
    clients: Clients,
    place: Place,
    refs: Sequence[ServiceAccountRef],
    patience: Patience,
    changes: RecentChanges,
) -> tuple[Effect | None, tuple[VerifyReport, ...]]:
    """What `verify` says of the pods of `refs` after a change, as an effect, and in full."""
    readings = read_associations(clients, place, refs)
    reports = prove(clients, place, readings, patience, changes, again=may_pass)
    return combine(map(_effect, reports)), reports


def _effect(report: VerifyReport) -> Effect:
    return Effect(
        _STATES[report.state], report.reason, report.id, not_looked_at=report.not_looked_at, late=may_pass(report)
    )
