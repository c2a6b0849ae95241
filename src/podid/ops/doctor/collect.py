"""Reads what the chosen checks need, once, and several things at a time. What cannot be read becomes a Missing section
that names the permission."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from podid.aws import pacing
from podid.checks.base import Check
from podid.domain.deadline import begun
from podid.domain.errors import PodidError
from podid.domain.names import ServiceAccountRef
from podid.domain.place import Place
from podid.domain.snapshot import NOT_READ, Known, Missing, Section, Snapshot, crashed, missing
from podid.ops.doctor.scope import EVERYTHING, DoctorScope
from podid.ops.doctor.sections import SECTIONS, SectionRow, needed, sections_of
from podid.ops.doctor.source import Gap, Source

if TYPE_CHECKING:
    from podid.ops.clients import Clients

# as long as a service may fail before a section is given up: a few of them may be read one after another
FAILING_SECONDS = 10.0

Reads = Mapping[str, Future[Section[Any]]]


def collect(
    clients: Clients,
    place: Place,
    checks: Iterable[Check],
    *,
    now: datetime,
    scope: DoctorScope = EVERYTHING,
    options: Collection[str] = (),
) -> Snapshot:
    """The snapshot of the place's cluster that the checks judge. Associations, pods, service accounts and workloads are
    read for the scope's namespace alone, where it has one; `options` are the collectors to be used
    besides. Never raises for what cannot be read."""
    # the cluster is read already, and the report names it whatever the checks
    rows = needed({"cluster"} | sections_of(checks) | set(scope.sections) | _chosen(options), options)
    reads: dict[str, Future[Section[Any]]] = {}
    # gateways are made here, one after another: three clients in threads take nearly three times as long; EC2's, which
    # is slow to make and seldom needed, when it is
    named = (ServiceAccountRef(scope.namespace, scope.name),) if scope.kind == "ServiceAccount" else ()
    source = partial(
        Source,
        clients.eks,
        clients.iam,
        lambda: clients.ec2,
        clients.kube,
        place.the_cluster,
        scope.namespace,
        clients,
        now,
        named,
    )
    # one thread for each row: one that waits for another keeps nobody from starting
    for row in rows:
        reads[row.name] = begun(_read, row, source(partial(_before, row, reads)))
    sections: dict[str, Any] = {row.name: _result(reads, row.name) for row in SECTIONS}
    return Snapshot(taken_at=now, namespace=scope.namespace, **sections)


def _chosen(options: Collection[str]) -> set[str]:
    return {row.name for row in SECTIONS if row.option and row.option in options}


def _read(row: SectionRow, source: Source) -> Section[Any]:
    try:
        with pacing.hurried(FAILING_SECONDS):
            value = row.read(source)
    except Gap as gap:
        return gap.missing
    except PodidError as error:
        return missing(error)
    except Exception as error:  # noqa: BLE001  whatever is wrong with one section, the others are judged
        return crashed(error)
    return value if isinstance(value, Missing) else Known(value)


def _before(row: SectionRow, reads: Reads, name: str) -> Section[Any]:
    if name not in (*row.needs, *row.uses):
        raise LookupError(f"{row.name} reads {name} without saying so")
    return _result(reads, name)


def _result(reads: Reads, name: str) -> Section[Any]:
    return reads[name].result() if name in reads else NOT_READ
