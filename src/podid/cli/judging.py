"""What commands that show a status have in common: the cluster is read and judged, with fixes for this command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.domain.status import IdentityState

if TYPE_CHECKING:
    from collections.abc import Collection

    from podid.cli.access import Access
    from podid.domain.names import ServiceAccountRef
    from podid.domain.place import Place
    from podid.domain.report import DoctorReport
    from podid.domain.snapshot import Snapshot
    from podid.ops.reading.collect import Wanted
    from podid.ops.reading.probes import Probing
    from podid.ops.status.look import Diagnosis


def judge(
    access: Access,
    place: Place,
    wanted: Wanted,
    *,
    base: Snapshot | None = None,
    again: Collection[str] = (),
    probing: Probing | None = None,
) -> Diagnosis:
    """Raises NotFound for what does not exist; never for what cannot be read."""
    from podid.ops.status.look import look

    def adjust(report: DoctorReport) -> DoctorReport:
        return report.with_commands(access.at_place)

    return look(
        access.clients,
        place,
        wanted,
        now=access.runtime.now(),
        base=base,
        again=again,
        journal=access.journal,
        probing=probing,
        adjust=adjust,
    )


def check_associated(access: Access, place: Place, diagnosis: Diagnosis, refs: Collection[ServiceAccountRef]) -> None:
    """NotFound for the first of the service accounts that is known to have no association, with the nearest that has
    one."""
    from podid.domain.snapshot import known_or
    from podid.ops.association.absent import association_not_found

    if not refs:
        return
    without = [each.ref for each in diagnosis.report.identities if each.state is IdentityState.NONE]
    if without:
        associated = [association.ref for association in known_or(diagnosis.snapshot.associations, ())]
        raise association_not_found(access.clients, place, without[0], associated)
