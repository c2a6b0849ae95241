"""What pods of podid's own come to: the collector behind --probe. It makes Jobs, so it runs in the foreground, after
all else was read: a Ctrl-C has to reach it, and deletes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from podid.aws import pacing
from podid.checks.all import BY_ID
from podid.checks.shared.logs import UNEXPLAINED, UNREACHED
from podid.domain.errors import PodidError
from podid.domain.proof import ProbeProof, VerifyState
from podid.domain.sightings import Proof
from podid.domain.snapshot import Known, Missing, Section, Snapshot, missing
from podid.kube.probe import PROBE_LABELS
from podid.ops.association.answer import EKS_AUTH_LINK, NETWORK_LINK
from podid.ops.association.probing import PROBE_IMAGE, Probing, plan_probes, run_probes
from podid.ops.association.read import read_association
from podid.ops.association.verify import ASSOCIATION_LINK
from podid.ops.doctor.unreached import unreached
from podid.ops.reading.scope import DoctorScope, resolve

if TYPE_CHECKING:
    from podid.domain.names import ServiceAccountRef
    from podid.domain.place import Place
    from podid.ops.association.read import AssociationReading
    from podid.ops.clients import Clients

# each is a pod on the cluster; more service accounts are named one by one
MOST_PROBES = 10
# what it most likely is where the answer names no failure mode, by the link where it stopped
_MOST_LIKELY = {
    ASSOCIATION_LINK: "cached-credentials-after-change",
    NETWORK_LINK: UNREACHED,
    EKS_AUTH_LINK: "eks-auth-unreachable",
}


def probe(
    clients: Clients, place: Place, snapshot: Snapshot, scope: DoctorScope, how: Probing
) -> Section[Mapping[str, Section[Proof]]]:
    """By service account ("ns/name"): what one pod of each that was named, or of the first ten, met. Never raises for
    what a probe meets; NotFound where the target does not exist. No Job is left."""
    if isinstance(snapshot.associations, Missing):
        return snapshot.associations
    refs = [association.ref for association in snapshot.associations.value]
    named = resolve(scope, snapshot)
    chosen = [ref for ref in refs if not named or ref in named][:MOST_PROBES]
    readings, found = _readings(clients, place, chosen)
    probes = plan_probes(
        clients.kube.reader, [each.association.ref for each in readings], nodes=(), image=PROBE_IMAGE, most=1
    )
    proofs = run_probes(clients, place, readings, probes, how) if probes else {}
    return Known({**found, **{str(ref): Known(_proof(snapshot, ref, of_one)) for ref, of_one in proofs.items()}})


def _readings(
    clients: Clients, place: Place, refs: Sequence[ServiceAccountRef]
) -> tuple[list[AssociationReading], dict[str, Section[Proof]]]:
    """Those that could be read, and why others could not."""
    looked = dict(pacing.fan_out(pacing.attempt(partial(read_association, clients, place)), refs, reads=True))
    readings = [found for ref in refs if not isinstance(found := looked[ref], PodidError)]
    return readings, {str(ref): missing(found) for ref, found in looked.items() if isinstance(found, PodidError)}


def _proof(snapshot: Snapshot, ref: ServiceAccountRef, probes: tuple[ProbeProof, ...]) -> Proof:
    """Of the one probe that a service account has here."""
    (met,) = probes
    where = f"on {met.node}: " if met.node else ""
    if met.state is VerifyState.FAILED and met.link == NETWORK_LINK and not met.id:
        return unreached(snapshot, ref, met.node, f"{where}{met.reason}", PROBE_LABELS)
    if met.state is VerifyState.FAILED:
        return Proof(id=failure_mode(met), problem=f"{where}{met.reason}")
    if met.state is VerifyState.UNKNOWN:
        return Proof(unknown=f"{where}{met.reason}", permission=met.permission)
    whose = f"the credentials of {met.identity.role_arn}" if met.identity else "credentials"
    return Proof(said=f"{where}a pod of podid's own got {whose}")


def failure_mode(met: ProbeProof) -> str:
    """The id of a check: what the answer names, what it most likely is, or what its link leaves."""
    named = (met.id, met.likely, _MOST_LIKELY.get(met.link, UNEXPLAINED))
    return next(name for name in named if name in BY_ID)
