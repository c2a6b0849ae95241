"""Reads a cluster once and judges it: what every command that shows a status begins with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from podid.checks.all import ALL
from podid.checks.base import Check
from podid.domain.aws import Listed
from podid.domain.names import ServiceAccountRef
from podid.domain.permissions import Permissions
from podid.domain.plan import Place
from podid.domain.report import DoctorReport
from podid.domain.section import READS, Cost
from podid.domain.snapshot import NOT_READ, SERVICES, Known, Snapshot
from podid.ops.reading import sections
from podid.ops.reading.collect import ReadRequest, collect
from podid.ops.reading.scope import DoctorScope
from podid.ops.status.diagnose import diagnose

if TYPE_CHECKING:
    from podid.ops.change.journal import Journal
    from podid.ops.clients import Clients
    from podid.ops.reading.probes import Probing


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A report and the snapshot that it judges."""

    report: DoctorReport
    snapshot: Snapshot


def wanted_for(refs: Collection[ServiceAccountRef] = (), *, namespace: str = "", cost: Cost = READS) -> ReadRequest:
    """What the status of these service accounts takes, or of all of a namespace or of the cluster."""
    scope = DoctorScope.of(refs) if refs else DoctorScope(namespace=namespace, typed=namespace)
    return ReadRequest(checks=ALL, scope=scope, cost=cost)


def examine(
    clients: Clients,
    place: Place,
    wanted: ReadRequest,
    *,
    now: datetime,
    base: Snapshot | None = None,
    again: Collection[str] = (),
    journal: Journal | None = None,
    probing: Probing | None = None,
    adjust: Callable[[DoctorReport], DoctorReport] = lambda report: report,
) -> Diagnosis:
    """Raises NotFound where a pod or workload of the scope does not exist; never for what cannot be read. The options
    are those of `collect` and `diagnose`."""
    snapshot = collect(clients, place, wanted, now=now, journal=journal, probing=probing, base=base, again=again)
    return Diagnosis(diagnose(snapshot, checks=wanted.checks, scope=wanted.scope, adjust=adjust), snapshot)


def examine_listed(
    clients: Clients,
    place: Place,
    associations: Iterable[Listed],
    checks: tuple[Check, ...],
    also: Collection[str] = (),
    *,
    now: datetime,
    namespace: str = "",
) -> Diagnosis:
    """The same of associations that were read before, which are all of the namespace, or of the cluster. Sections in
    `also` are read whatever the checks need."""
    scope = DoctorScope(namespace=namespace, typed=namespace)
    unread: dict[str, Any] = dict.fromkeys(SERVICES, NOT_READ)
    unread["associations"] = Known(tuple(sorted(associations, key=lambda each: (each.ref, each.association_id))))
    base = Snapshot(taken_at=now, only_namespaces=scope.namespaces, **unread)
    return examine(clients, place, ReadRequest(checks=checks, scope=scope), now=now, base=base, again=also)


def permissions() -> Permissions:
    """What checking the status of anything takes."""
    return sections.permissions(ALL)
