"""Reads the sections that the chosen checks need, once and concurrently. A section that cannot be read becomes Missing,
with the missing permission."""

from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from podid.calls import pacing
from podid.calls.deadline import submit
from podid.checks.base import Check
from podid.domain.aws import Association
from podid.domain.errors import PodidError
from podid.domain.plan import Place
from podid.domain.section import EVIDENCE, FREE, READS, Cost
from podid.domain.snapshot import NOT_READ, Known, Missing, Section, Snapshot, crashed, missing
from podid.ops.change.journal import Journal
from podid.ops.clients import Clients
from podid.ops.reading.probes import Probing, read_metadata_probes, read_probes
from podid.ops.reading.readings import Gap, Source
from podid.ops.reading.scope import EVERYTHING, DoctorScope, resolve
from podid.ops.reading.sections import SECTIONS, SectionRow, needed, sections_of, within

Before = Callable[[str], Section[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """The data to read: for these `checks`, in the `scope`, with at most this `cost`. Free sections, and evidence whose
    cost is requested (EVIDENCE), are read for any checks. Tokens are redeemed for `all_pods`, or for one pod of each
    workload and template. The roles of `planned` associations, which do not exist yet, are read too. `by_name`: no
    association is described."""

    checks: tuple[Check, ...]
    scope: DoctorScope = EVERYTHING
    cost: Cost = READS
    all_pods: bool = False
    planned: tuple[Association, ...] = ()
    by_name: bool = False

    @property
    def names(self) -> set[str]:
        """Return the sections to read, without those of checks that this cost makes impossible. The cluster is always
        included: it is read already, and every report names it."""
        possible = within(self.cost | EVIDENCE)
        checks = (check for check in self.checks if possible.issuperset(check.needs))
        chosen = {row.name for row in SECTIONS if row.cost == FREE or row.cost & self.cost & EVIDENCE}
        return {"cluster"} | sections_of(checks) | set(self.scope.sections) | chosen


def collect(
    clients: Clients,
    place: Place,
    request: ReadRequest,
    *,
    now: datetime,
    journal: Journal | None,
    probing: Probing | None = None,
    base: Snapshot | None = None,
    again: Collection[str] = (),
) -> Snapshot:
    """Return the snapshot of the place's cluster that the checks judge. It never raises for data that cannot be
    read. Associations, pods, service accounts and workloads are read for the scope's namespaces only, if it has
    any, and only the associations of its service accounts are described. Data that costs more than the request
    allows is NOT_READ. Without podid's `journal`, a check may call pods stale although the last change did not
    affect their credentials. With `probing`, and if the request includes probes, podid's own pods run last, in the
    foreground. NotFound is then raised if an object that the scope names does not exist. With `base`, a snapshot of
    the same cluster and scope, only these sections are read again: those in `again`, those that `base` lacks, and
    those that are read from a section that has changed. Evidence (EVIDENCE) is read again only if `again` names it."""
    rows = needed(request.names | set(again), request.cost)
    anew, derived = _renewed(rows, base, again)
    reads: dict[str, Future[Section[Any]]] = {}

    def base_section(name: str) -> Section[Any]:
        return NOT_READ if base is None else getattr(base, name)

    def section_of(name: str) -> Section[Any]:
        return reads[name].result() if name in reads else base_section(name)

    # create clients one after another: three in threads take nearly three times as long. EC2's, which is slow and
    # rarely needed, and those that the cost excludes are not created here
    _ = clients.eks, clients.iam
    if request.cost & ~(Cost.AWS | Cost.TRAIL):
        _ = clients.kube
    source = partial(
        Source,
        clients=clients,
        cluster=place.the_cluster,
        scope=request.scope,
        planned=request.planned,
        by_name=request.by_name,
        now=now,
        journal=journal,
        all_pods=request.all_pods,
    )
    # one thread per row, so that a row which waits for another does not delay the rest
    for row in rows:
        if row.name in anew or row.name in derived:
            row_source = source(previous=base_section(row.name), before=partial(_before, row, section_of))
            unless = base_section if row.name in derived else None
            reads[row.name] = submit(_read, row, row_source, unless)
    sections: dict[str, Any] = {row.name: section_of(row.name) for row in SECTIONS}
    snapshot = Snapshot(taken_at=now, only_namespaces=request.scope.namespaces, **sections)
    if probing is not None and "probes" in anew:
        named = resolve(request.scope, snapshot)
        snapshot = replace(snapshot, probes=read_probes(clients, place, snapshot, named, probing))
    if probing is not None and "metadata_probes" in anew:
        snapshot = replace(snapshot, metadata_probes=read_metadata_probes(clients, place, snapshot, probing))
    return snapshot


def _renewed(rows: Collection[SectionRow], base: Snapshot | None, again: Collection[str]) -> tuple[set[str], set[str]]:
    """Return the sections to read again, and those to read again only if their source sections have changed."""
    if base is None:
        return {row.name for row in rows}, set()
    anew = {row.name for row in rows if row.name in again or getattr(base, row.name) == NOT_READ}
    derived = set[str]()
    for row in rows:  # the table has each row after its source sections
        if row.name not in anew and not row.cost & EVIDENCE and not (anew | derived).isdisjoint(row.before):
            derived.add(row.name)
    return anew, derived


def _read(row: SectionRow, source: Source, base: Before | None) -> Section[Any]:
    """Return the section; that of `base`, if any, unless a section from which it is read has changed."""
    if base is not None and all(source.before(name) == base(name) for name in row.before):
        return base(row.name)
    try:
        with pacing.hurried(pacing.FAILING_SECONDS):
            value = row.read(source)
    except Gap as gap:
        return gap.missing
    except PodidError as error:
        return missing(error)
    except Exception as error:  # noqa: BLE001  a failure of one section must not stop the others
        return crashed(error)
    return value if isinstance(value, Missing) else Known(value)


def _before(row: SectionRow, section_of: Before, name: str) -> Section[Any]:
    if name not in row.before:
        raise LookupError(f"{row.name} reads {name} without declaring it")
    return section_of(name)
