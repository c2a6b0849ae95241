"""Read associations and service accounts by name, expand patterns and selectors, and suggest names for those that do
not exist."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase

from podid.calls import pacing
from podid.domain.aws import Association
from podid.domain.errors import AccessDenied, Again, Conflict, InvalidInput, NotFound, Other, PodidError, Rejected
from podid.domain.iam import ASSOCIATION_QUOTA, NEAR_ASSOCIATION_QUOTA
from podid.domain.names import ServiceAccountRef, is_pattern
from podid.domain.plan import Place, Plan, Verb
from podid.domain.section import known_or, required
from podid.domain.snapshot import Snapshot
from podid.domain.status import IdentityState, IdentityStatus
from podid.domain.text import did_you_mean, nearest, no_namespace
from podid.ops.association.plan import Current, NotAllowed, absent
from podid.ops.change.kinds import ASSOCIATION
from podid.ops.clients import Clients, KubeAccess
from podid.ops.reading.scope import LIST_NAMESPACES


def current_associations(
    clients: Clients, place: Place, refs: Sequence[ServiceAccountRef]
) -> dict[ServiceAccountRef, Association | None]:
    """Return the associations in the order of `refs`; many are read at the same time."""
    eks, name = clients.eks, place.cluster_name
    associations = dict(pacing.fan_out(lambda ref: eks.find_association(name, ref), refs))
    return {ref: associations[ref] for ref in refs}


def list_refs(clients: Clients, place: Place, *, namespace: str | None) -> tuple[ServiceAccountRef, ...]:
    """Return the service accounts that have an association, sorted. Raise NotFound if there are none: an empty check
    must not look like success."""
    refs = {item.ref for item in clients.eks.list_association_summaries(place.cluster_name, namespace=namespace)}
    if not refs:
        if namespace and (absent := namespace_not_found(clients, namespace)):
            raise absent
        where = f"namespace {namespace} of cluster" if namespace else "cluster"
        message = f"No association in {where} {place.cluster_name}"
        raise NotFound(message, hint=Other(("list",)) if namespace else (), subject=namespace or place.cluster_name)
    return tuple(sorted(refs))


def check_associated(clients: Clients, place: Place, current: Current) -> None:
    """Raise NotFound for service accounts without an association, with the nearest names."""
    gone = [ref for ref, association in current.items() if association is None]
    if gone:
        known = tuple(item.ref for item in clients.eks.list_association_summaries(place.cluster_name))
        error, *others = (association_not_found(clients, place, ref, known, to_take_away=True) for ref in gone)
        if isinstance(error.hint, Again) and error.hint.swap and error.hint.swap[1] in map(str, current):
            error.hint = Again(add=("--ignore-not-found",))  # the command names the nearest one already
        error.lines = tuple(other.message for other in others)
        raise error


def check_identities(
    snapshot: Snapshot, identities: Iterable[IdentityStatus], place: Place, refs: Collection[ServiceAccountRef]
) -> None:
    """Raise NotFound for the first service account without an association, with the nearest name. Without `refs`, raise
    the error that prevented listing the associations."""
    known = known_or(snapshot.associations, ()) if refs else required(snapshot.associations)
    for status in identities if refs else ():
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
    """Return the error with the nearest service accounts that have an association. If none is near, it says whether the
    service account exists."""
    error = without_association(place.cluster_name, ref, associated)
    if isinstance(error.hint, Again):
        return error
    if to_take_away:
        error.hint = Again(add=("--ignore-not-found",))
    try:
        missing = missing_service_accounts((ref,), clients.kube)
    except PodidError:
        return error
    if ref in missing:
        error.message = f"{error.message}, and no such service account exists{did_you_mean(str(ref), missing[ref])}"
    elif not to_take_away:
        error.advice = _gives_a_role(ref)
    return error


def without_association(
    cluster_name: str, ref: ServiceAccountRef, associated: Iterable[ServiceAccountRef], *, exists: bool = False
) -> NotFound:
    """Return the error without a call. `exists` is whether the service account is known to exist."""
    known = [str(item) for item in associated if not item.refused]
    message, near = f"{ref} has no association in cluster {cluster_name}", nearest(str(ref), known, 1)
    if near:
        return NotFound(
            f"{message}{did_you_mean(str(ref), known)}", hint=Again(swap=(str(ref), near[0])), subject=str(ref)
        )
    return NotFound(message, hint=Other(("list",)), advice=_gives_a_role(ref) if exists else "", subject=str(ref))


def _gives_a_role(ref: ServiceAccountRef) -> str:
    return f"podid associate {ref} gives it a role."


def namespace_not_found(clients: Clients, namespace: str) -> NotFound | None:
    """Return the error with the nearest names; None if the namespace exists or cannot be read."""
    try:
        check_namespace(clients.kube, namespace)
    except PodidError as error:
        return error if isinstance(error, NotFound) else None
    return None


def with_suggestion(clients: Clients, refused: NotAllowed) -> NotAllowed:
    """Return the error. If the service account does not exist, it suggests the nearest name, since a trust policy must
    not allow a typing error."""
    try:
        missing = missing_service_accounts(refused.refs, clients.kube)
    except PodidError:
        return refused
    for ref, near in missing.items():
        if near:
            slip = f"Service account {ref} does not exist{did_you_mean(str(ref), near)}"
            refused.advice = f"{slip} If you create it later, --update-trust allows it."
            refused.hint = Again(swap=(str(ref), near[0]))
            break
    return refused


def missing_service_accounts(
    refs: Collection[ServiceAccountRef], kube: KubeAccess
) -> dict[ServiceAccountRef, list[str]]:
    """Return the service accounts that do not exist, each with the nearest existing name. Raise as the reader does."""
    missing, known = absent(refs, kube.reader), list[str]()
    if missing:
        with suppress(PodidError):
            known = [str(item.ref) for item in kube.reader.list_service_accounts()]
    return {ref: nearest(str(ref), known, 1) for ref in missing}


def absent_accounts(refs: Collection[ServiceAccountRef], kube: KubeAccess, *, strict: bool) -> tuple[str, ...]:
    """Return a sentence for each service account that does not exist; with `strict` raise NotFound. Raise as the reader
    does."""
    missing = missing_service_accounts(refs, kube)
    sentences = tuple(
        f"service account {ref} does not exist{did_you_mean(str(ref), near)}" for ref, near in missing.items()
    )
    if strict and missing:
        ref, near = next(iter(missing.items()))
        # do not offer to create what is likely a typing error
        hint = Again(swap=(str(ref), near[0])) if near else Again(add=("--create-service-account",))
        raise NotFound(sentences[0], hint=hint, lines=sentences[1:], subject=str(ref))
    return sentences


def check_not_ending(refs: Collection[ServiceAccountRef], kube: KubeAccess) -> None:
    """Raise Conflict if the namespace of a service account is being deleted. A failed read is ignored."""
    ending: tuple[str, ...] = ()
    with suppress(PodidError):
        ending = kube.reader.list_ending_namespaces()
    if ref := next((ref for ref in refs if ref.namespace in ending), None):
        message = f"Namespace {ref.namespace} of {ref} is being deleted, so no new pod would use the association"
        advice = "Wait until the namespace is gone, create it again, and repeat the command."
        raise Conflict(message, advice=advice, subject=str(ref))


@dataclass(frozen=True, slots=True)
class Selection:
    """Shell patterns (`*`, `?`, `[…]`) of namespace and name, and a label selector of service accounts."""

    namespace: str = "*"
    name: str = "*"
    selector: str = ""

    @property
    def exact(self) -> bool:
        """Return whether it names one service account."""
        return not self.selector and not is_pattern(self.namespace) and not is_pattern(self.name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" + (f" with labels {self.selector}" if self.selector else "")


def expand(kube: KubeAccess, selection: Selection) -> tuple[ServiceAccountRef, ...]:
    """Return the matching service accounts, sorted. Raise NotFound if there are none, InvalidInput for a selector that
    the API server rejects. Raise as the reader does."""
    namespace = "" if is_pattern(selection.namespace) else selection.namespace
    try:
        accounts = kube.reader.list_service_accounts(namespace, selector=selection.selector)
    except Rejected as error:
        if not selection.selector:
            raise
        message = f"--selector {selection.selector!r} is not valid: {error.message}"
        raise InvalidInput(message, subject=selection.selector) from error
    refs = tuple(
        item.ref
        for item in accounts
        if fnmatchcase(item.namespace, selection.namespace) and fnmatchcase(item.name, selection.name)
    )
    if not refs:
        if namespace and not accounts:
            with suppress(AccessDenied):
                check_namespace(kube, namespace)
        near = did_you_mean(selection.name, (item.name for item in accounts), 1)
        raise NotFound(f"The cluster has no service account {selection}{near}", subject=str(selection))
    return tuple(sorted(refs))


def check_namespace(kube: KubeAccess, namespace: str) -> None:
    """Raise NotFound with the nearest names if the namespace does not exist. Raise as the reader does."""
    namespaces = kube.reader.list_namespaces()
    if namespace not in namespaces:
        near = nearest(namespace, namespaces, 1)
        raise NotFound(
            no_namespace(namespace, namespaces),
            hint=Again(swap=(namespace, near[0])) if near else LIST_NAMESPACES,
            subject=namespace,
        )


def quota_note(clients: Clients, plan: Plan) -> tuple[str, ...]:
    """Return a note if a plan that creates several associations approaches the quota of the cluster."""
    new = sum(action.kind == ASSOCIATION.name and action.verb is Verb.CREATE for action in plan.actions)
    if new < 2:  # counting costs a call for every hundred
        return ()
    cluster = plan.header.cluster
    count = len(clients.eks.list_association_summaries(cluster)) + new
    if count < NEAR_ASSOCIATION_QUOTA:
        return ()
    words = "more than" if count > ASSOCIATION_QUOTA else f"{count * 100 // ASSOCIATION_QUOTA} % of"
    return (f"cluster {cluster} would have {count:,} associations, {words} the {ASSOCIATION_QUOTA:,} that EKS allows",)
