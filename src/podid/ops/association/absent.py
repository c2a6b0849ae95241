"""What is to be said of names that lead to no association: what does not exist, and what may have been meant."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from podid.domain.aws import Association
from podid.domain.errors import Again, NotFound, Other, PodidError
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Place
from podid.domain.snapshot import Missing, error_of, known_or
from podid.domain.status import IdentityState
from podid.domain.text import did_you_mean, nearest
from podid.ops.association.expand import check_namespace
from podid.ops.association.plan import NotAdmitted

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader
    from podid.ops.clients import Clients
    from podid.ops.status.look import Diagnosis

# as many objects are read by name; more of them in one list
_FEW = 10


def check_associated(clients: Clients, place: Place, current: Mapping[ServiceAccountRef, Association | None]) -> None:
    """Raises NotFound for service accounts without an association, with the nearest names."""
    gone = [ref for ref, association in current.items() if association is None]
    if gone:
        known = tuple(item.ref for item in clients.eks.list_association_summaries(place.cluster_name))
        error, *others = (association_not_found(clients, place, ref, known, to_take_away=True) for ref in gone)
        if isinstance(error.hint, Again) and error.hint.swap and error.hint.swap[1] in map(str, current):
            error.hint = Again(add=("--ignore-not-found",))  # the nearest one is named already
        error.lines = tuple(other.what for other in others)
        raise error


def check_identities(diagnosis: Diagnosis, place: Place, refs: Collection[ServiceAccountRef]) -> None:
    """Raises NotFound for the first of the service accounts that is known to have no association, with the nearest that
    has one. Where none is named, the error that kept the associations from being listed: no result is not all well."""
    snapshot, known = diagnosis.snapshot, known_or(diagnosis.snapshot.associations, ())
    if not refs and isinstance(snapshot.associations, Missing):
        raise error_of(snapshot.associations)
    for status in diagnosis.report.identities if refs else ():
        if status.state is IdentityState.NONE:
            exists = any(account.ref == status.ref for account in known_or(snapshot.service_accounts, ()))
            raise without_association(place.cluster_name, status.ref, (item.ref for item in known), exists=exists)


def association_not_found(
    clients: Clients,
    place: Place,
    ref: ServiceAccountRef,
    associated: Iterable[ServiceAccountRef],
    *,
    to_take_away: bool = False,
) -> NotFound:
    """The error with the nearest service accounts that do have an association; where none is near, whether the service
    account itself exists, as far as that can be read."""
    error = without_association(place.cluster_name, ref, associated)
    if isinstance(error.hint, Again):
        return error
    if to_take_away:
        error.hint = Again(add=("--ignore-not-found",))
    try:
        missing = missing_service_accounts((ref,), clients.kube.reader)
    except PodidError:
        return error
    if ref in missing:
        error.what = f"{error.what}, and no such service account exists{did_you_mean(str(ref), missing[ref])}"
    elif not to_take_away:
        error.advice = _gives_a_role(ref)
    return error


def without_association(
    cluster_name: str, ref: ServiceAccountRef, associated: Iterable[ServiceAccountRef], *, exists: bool = False
) -> NotFound:
    """The same without a call: the nearest of the service accounts that have one; `exists` is whether the service
    account is known to exist."""
    known = [str(item) for item in associated]
    what, near = f"{ref} has no association in cluster {cluster_name}", nearest(str(ref), known, 1)
    if near:
        return NotFound(
            f"{what}{did_you_mean(str(ref), known)}", hint=Again(swap=(str(ref), near[0])), subject=str(ref)
        )
    return NotFound(what, hint=Other(("list",)), advice=_gives_a_role(ref) if exists else "", subject=str(ref))


def _gives_a_role(ref: ServiceAccountRef) -> str:
    return f"podid associate {ref} gives it a role."


def namespace_not_found(clients: Clients, namespace: str) -> NotFound | None:
    """The error, with the nearest names, where the cluster has no such namespace; None where it has, and where that
    cannot be read."""
    try:
        check_namespace(clients.kube.reader, namespace)
    except NotFound as absent:
        return absent
    except PodidError:
        pass
    return None


def with_names_meant(clients: Clients, refused: NotAdmitted) -> NotAdmitted:
    """The error; where it is about a service account that does not exist, with the one that was likely meant: a slip of
    the hand is not to be let in by a trust policy."""
    try:
        missing = missing_service_accounts(refused.refs, clients.kube.reader)
    except PodidError:
        return refused
    for ref, near in missing.items():
        if near:
            slip = f"Service account {ref} does not exist{did_you_mean(str(ref), near)}"
            refused.advice = f"{slip} If it is still to be made, --update-trust admits it."
            refused.hint = Again(swap=(str(ref), near[0]))
            break
    return refused


def missing_service_accounts(
    refs: Collection[ServiceAccountRef], reader: KubeReader
) -> dict[ServiceAccountRef, list[str]]:
    """The service accounts that do not exist, each with the nearest one that does. Raises as the reader does."""
    known: list[str] = []
    if len(refs) > _FEW:
        there = {item.ref for item in reader.list_service_accounts()}
        known = [str(ref) for ref in there]
        missing = [ref for ref in refs if ref not in there]
    else:
        missing = [ref for ref in refs if reader.find_service_account(ref) is None]
    if missing and not known:
        try:
            known = [str(item.ref) for item in reader.list_service_accounts()]
        except PodidError:
            known = []
    return {ref: nearest(str(ref), known, 1) for ref in missing}


def absent_accounts(refs: Collection[ServiceAccountRef], reader: KubeReader, *, strict: bool) -> tuple[str, ...]:
    """A sentence for each service account that does not exist, however little is waited for; with `strict` raises
    NotFound. Raises as the reader does."""
    missing = missing_service_accounts(refs, reader)
    sentences = tuple(
        f"service account {ref} does not exist{did_you_mean(str(ref), near)}" for ref, near in missing.items()
    )
    if strict and missing:
        ref, near = next(iter(missing.items()))
        # what is likely a slip of the hand is not to be made true
        hint = Again(swap=(str(ref), near[0])) if near else Again(add=("--create-service-account",))
        raise NotFound(sentences[0], hint=hint, lines=sentences[1:], subject=str(ref))
    return sentences
