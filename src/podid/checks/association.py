"""Link 1: an association exists for the service account, and the service account for the association.

EKS does not check at creation that the namespace or the service account exists:
https://docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta

from podid.checks.base import check
from podid.checks.facts import index, podid_command, service_account_subject
from podid.domain.findings import FixClass, Severity, Subject, Verdict
from podid.domain.model import Association
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Snapshot, known, known_or
from podid.domain.words import nearest, short_list

FRESH = timedelta(hours=1)
# nobody typed these names just now, so it takes more than on a command line to call one a slip of the other
LIKELY = 0.75
ADDON_OWNED = "owned by an add-on, which creates the service account itself"


def subject_of(association: Association) -> Subject:
    return Subject("Association", association.service_account, association.namespace)


@check(
    id="association-missing",
    severity=Severity.ERROR,
    link=1,
    title="the service account that was asked about has an association",
    needs=("associations",),
    wants=("service_accounts",),
    fix=FixClass.ASK,
)
def association_missing(snapshot: Snapshot) -> Iterable[Verdict]:
    associations = index(snapshot).associations
    for ref in snapshot.targets:
        subject, chain = service_account_subject(ref), (str(ref),)
        if ref in associations:
            association = associations[ref]
            yield association_missing.ok(
                subject, f"association {association.association_id} gives it {association.role_arn}", chain=chain
            )
        else:
            yield _missing(snapshot, ref, associations)


def _missing(snapshot: Snapshot, ref: ServiceAccountRef, associations: Iterable[ServiceAccountRef]) -> Verdict:
    refs = sorted(associations)
    siblings = (r.name for r in refs if r.namespace == ref.namespace)
    near = [f"{ref.namespace}/{n}" for n in nearest(ref.name, siblings, alike=LIKELY)]
    elsewhere = [str(r) for r in refs if r.name == ref.name]
    evidence = []
    if near:
        evidence.append(f"associations with a similar name: {', '.join(near)}")
    if elsewhere:
        evidence.append(f"associations of the same name elsewhere: {short_list(elsewhere)}")
    account = next((sa for sa in known_or(snapshot.service_accounts, ()) if sa.ref == ref), None)
    if account is not None and account.irsa_role_arn:
        evidence.append(f"the service account is annotated for IRSA with {account.irsa_role_arn}")
    return association_missing.fail(
        service_account_subject(ref),
        f"no association exists for {ref} on this cluster",
        chain=(str(ref),),
        evidence=evidence,
        commands=_associate(snapshot, ref, account.irsa_role_arn if account is not None else ""),
    )


def _associate(snapshot: Snapshot, ref: ServiceAccountRef, role: str) -> tuple[tuple[str, ...], ...]:
    """With the role that the service account already has through IRSA, or with a new one named after it."""
    if role:
        return (podid_command(snapshot, "associate", str(ref), "--role", role, "--update-trust"),)
    name = f"{ref.namespace}-{ref.name}"[:64]
    return (
        podid_command(snapshot, "role", "create", name, "--for", str(ref)),
        podid_command(snapshot, "associate", str(ref), "--role", name),
    )


@check(
    id="association-namespace-not-found",
    severity=Severity.WARN,
    link=1,
    title="the namespace of every association exists",
    needs=("associations", "namespaces"),
    fix=FixClass.PRINT,
)
def association_namespace_not_found(snapshot: Snapshot) -> Iterable[Verdict]:
    namespaces = known(snapshot.namespaces)
    for association in known(snapshot.associations):
        subject, chain = subject_of(association), (str(association.ref),)
        if association.namespace in namespaces:
            yield association_namespace_not_found.ok(subject, "the namespace exists", chain=chain)
        elif association.owner_arn:
            yield association_namespace_not_found.skip(subject, ADDON_OWNED, chain=chain)
        else:
            near = nearest(association.namespace, namespaces, alike=LIKELY)
            yield association_namespace_not_found.fail(
                subject,
                f"association {association.association_id} names the namespace {association.namespace!r}, "
                "which does not exist",
                chain=chain,
                evidence=(
                    *((f"namespaces with a similar name: {', '.join(near)}",) if near else ()),
                    f"whoever creates this namespace and service account is given {association.role_arn}",
                ),
                commands=(podid_command(snapshot, "disassociate", str(association.ref)),),
            )


@check(
    id="association-sa-not-found",
    severity=Severity.ERROR,
    link=1,
    title="the service account of every association exists",
    needs=("associations", "namespaces", "service_accounts"),
    fix=FixClass.ASK,
)
def association_sa_not_found(snapshot: Snapshot) -> Iterable[Verdict]:
    existing: dict[str, set[str]] = defaultdict(set)
    for account in known(snapshot.service_accounts):
        existing[account.namespace].add(account.name)
    namespaces, associations = known(snapshot.namespaces), index(snapshot).associations
    for association in known(snapshot.associations):
        subject, chain = subject_of(association), (str(association.ref),)
        names = existing[association.namespace]
        if association.namespace not in namespaces:
            yield association_sa_not_found.skip(subject, "its namespace does not exist", chain=chain)
        elif association.service_account in names:
            yield association_sa_not_found.ok(subject, "the service account exists", chain=chain)
        elif association.owner_arn:
            yield association_sa_not_found.skip(subject, ADDON_OWNED, chain=chain)
        else:
            # a sibling with an association of its own is no typing mistake but its neighbour
            free = [n for n in names if ServiceAccountRef(association.namespace, n) not in associations]
            yield _no_service_account(snapshot, association, nearest(association.service_account, free, alike=LIKELY))


def _no_service_account(snapshot: Snapshot, association: Association, near: Sequence[str]) -> Verdict:
    ref = association.ref
    message = f"association {association.association_id} is for {ref}, but no such service account exists"
    fresh = association.created_at is not None and snapshot.taken_at - association.created_at < FRESH
    create = ("kubectl", "-n", ref.namespace, "create", "serviceaccount", ref.name)
    if not near:
        return association_sa_not_found.fail(
            subject_of(association),
            message,
            chain=(str(ref),),
            severity=Severity.INFO if fresh else Severity.WARN,
            evidence=("no service account of the namespace has a similar name",),
            commands=(create,),
        )
    meant = f"{ref.namespace}/{near[0]}"
    return association_sa_not_found.fail(
        subject_of(association),
        f"{message}; did you mean {meant}?",
        chain=(str(ref),),
        evidence=(f"service accounts with a similar name and no association: {', '.join(near)}",),
        commands=(
            podid_command(snapshot, "associate", meant, "--role", association.role_arn),
            podid_command(snapshot, "disassociate", str(ref)),
        ),
    )
