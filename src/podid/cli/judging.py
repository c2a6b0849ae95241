"""What commands that show a status have in common: the cluster is read and judged, with fixes for this command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from podid.cli.access import Access
    from podid.domain.names import ServiceAccountRef
    from podid.domain.plan import Place
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


def check_associated(place: Place, diagnosis: Diagnosis, refs: Collection[ServiceAccountRef]) -> None:
    """NotFound for the first of the service accounts that is known to have no association, with the nearest that has
    one. Where none is named, the error that kept the associations from being listed: no result is not all well."""
    from podid.domain.snapshot import Missing, error_of, known_or
    from podid.domain.status import IdentityState
    from podid.ops.association.absent import without_association

    associations = diagnosis.snapshot.associations
    if not refs and isinstance(associations, Missing):
        raise error_of(associations)
    for each in diagnosis.report.identities if refs else ():
        if each.state is IdentityState.NONE:
            accounts = known_or(diagnosis.snapshot.service_accounts, ())
            raise without_association(
                place.cluster_name,
                each.ref,
                (association.ref for association in known_or(associations, ())),
                exists=any(account.ref == each.ref for account in accounts),
            )
