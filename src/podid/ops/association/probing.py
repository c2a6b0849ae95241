"""What podid's own pods met, as `podid verify` tells it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from podid.domain.errors import PodidError
from podid.domain.evidence import Probed, RecentChanges
from podid.domain.links import INJECTION, NETWORK, TRUST
from podid.domain.names import ServiceAccountRef
from podid.domain.place import Place
from podid.domain.proof import LABELS_AND_SDK, Identity, PodProof, ProbeProof, VerifyReport, VerifyState
from podid.domain.snapshot import Known
from podid.domain.words import short_list
from podid.ops.association.hops import blame, blame_words
from podid.ops.association.read import AssociationReading
from podid.ops.clients import Clients
from podid.ops.reading import probes as reading

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader


def plan_probes(
    reader: KubeReader, refs: Sequence[ServiceAccountRef], *, nodes: Sequence[str], image: str
) -> tuple[reading.Probe, ...]:
    """See `podid.ops.reading.probes`; one anywhere where pods cannot be listed."""
    return tuple(each for ref in refs for each in _planned(reader, ref, nodes, image))


def _planned(reader: KubeReader, ref: ServiceAccountRef, nodes: Sequence[str], image: str) -> tuple[reading.Probe, ...]:
    try:
        pods = () if nodes else reader.list_pods(ref.namespace, service_account=ref.name)
    except PodidError:
        pods = ()
    return reading.plan_probes(Known(pods), (ref,), nodes=nodes, image=image)


def run_probes(
    clients: Clients,
    place: Place,
    readings: Sequence[AssociationReading],
    probes: Sequence[reading.Probe],
    how: reading.Probing,
    changes: RecentChanges,
) -> Mapping[ServiceAccountRef, tuple[ProbeProof, ...]]:
    """What each said, by service account; see `podid.ops.reading.probes`."""
    by_ref = {each.association.ref: each for each in readings}
    associations = {ref: each.association for ref, each in by_ref.items()}
    found = reading.run_probes(clients, place, associations, probes, how)
    now = how.patience.clock.now()

    def told(ref: ServiceAccountRef) -> tuple[ProbeProof, ...]:
        return tuple(_proof(met, by_ref[ref], changes, met.at or now) for met in found[ref])

    return {ref: told(ref) for ref in found}


def _proof(met: Probed, of: AssociationReading, changes: RecentChanges, at: datetime) -> ProbeProof:
    plain = ProbeProof(job=met.job, node=met.node, state=VerifyState.PROVEN)
    if met.missing is not None:
        reason, permission = met.missing.reason, met.missing.permission
        return replace(plain, state=VerifyState.UNKNOWN, reason=_with(reason, met.left), permission=permission)
    if not met.link:
        return replace(plain, reason=met.left, identity=_identity(met))
    reason, mode = met.message, met.id
    if met.likely:
        reason += f" (most likely: podid explain {met.likely})"
    if met.link == TRUST and not mode and (finding := blame(of)) is not None:
        reason, mode = f"EKS Auth refuses it: {blame_words(finding, of)}", finding.id
    # a failure within seconds of a change says nothing yet
    if changed := changes.settling(of.association, at):
        reason = f"{changed} and may still be settling ({reason})"
        return replace(plain, state=VerifyState.UNKNOWN, reason=_with(reason, met.left))
    reason = _with(reason, met.left)
    return replace(plain, state=VerifyState.FAILED, reason=reason, id=mode, link=met.link, likely=met.likely)


def _with(reason: str, left: str) -> str:
    return "; ".join(filter(None, (reason, left)))


def _identity(met: Probed) -> Identity | None:
    who = met.redeemed
    if who is None:
        return None
    return Identity(role_arn=who.role_arn, account=who.account, session_name=who.session_name, expires_at=None)


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
    if probe.link == NETWORK and not probe.id:
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
    if report.link == INJECTION:
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
