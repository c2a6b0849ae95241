"""EKS does not require that the namespace or the service account exists when an association is created:
https://docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html.
"""

from collections.abc import Mapping, Sequence

from podid.checks.base import Case, Check, Severity, Snapshot, Verdict, Verdicts, known, known_or, rule
from podid.domain.aws import Association, Listed
from podid.domain.grouping import grouped
from podid.domain.names import ServiceAccountRef
from podid.domain.text import Names, meant, short_list
from podid.domain.workloads import RESTARTABLE, live
from podid.facts.index import (
    ADDON_OWNED,
    LIKELY,
    by_workload,
    disassociate,
    fresh,
    index,
    podid_command,
    used_without_role,
)


@rule(needs=("associations", "namespaces", "service_accounts"), wants=("pods", "workloads"))
def association_sa_not_found(check: Check, snapshot: Snapshot) -> Verdicts:
    accounts = grouped((account.namespace, account.name) for account in known(snapshot.service_accounts))
    existing = {namespace: set(names) for namespace, names in accounts.items()}
    namespaces, associated = known(snapshot.namespaces), index(snapshot).associations
    homes = used_without_role(snapshot)
    waiting = grouped(
        (item.ref, f"{item.kind} {item.name}")
        for item in known_or(snapshot.workloads, ())
        if item.kind in RESTARTABLE and item.ready < item.replicas
    )
    # of each namespace, once for all of its associations
    similar: dict[str, Names] = {}
    absent: list[tuple[str, tuple[Case, Listed]]] = []
    for case, association in check.of_associations(snapshot):
        names = existing.get(association.namespace, set())
        if association.namespace not in namespaces:
            yield case.skip("its namespace does not exist or is being deleted")
        elif association.service_account in names:
            yield case.ok("the service account exists")
        elif users := _users(snapshot, association.ref, waiting):
            if association.namespace not in similar:
                similar[association.namespace] = Names(names)
            alike = similar[association.namespace].nearest(association.service_account, alike=LIKELY)
            yield _needed(case, association, users, alike)
        elif association.owner_arn:
            yield case.skip(ADDON_OWNED)
        else:
            absent.append((association.namespace, (case, association)))
    for namespace, members in grouped(absent).items():
        names = existing.get(namespace, set())
        # a similar name with its own association is another service account, not a typing mistake
        neighbours = {name for name in names if ServiceAccountRef(namespace, name) in associated}
        free, taken = Names(names - neighbours), Names(neighbours)
        for case, association in members:
            # EKS accepts names in upper case; Kubernetes does not
            same = association.service_account.lower()
            near = [same] if same in names - neighbours else free.nearest(association.service_account, alike=LIKELY)
            others = () if near else taken.nearest(association.service_account, alike=LIKELY)
            elsewhere = [] if near or others else homes.get(same, [])
            likely = [f"{namespace}/{name}" for name in near] or list(map(str, elsewhere))
            yield _no_service_account(case, snapshot, association, likely, others)


def _users(snapshot: Snapshot, ref: ServiceAccountRef, waiting: Mapping[ServiceAccountRef, Sequence[str]]) -> list[str]:
    """Return the workloads with pods from before it was deleted, and those that wait for pods."""
    running = by_workload(pod for pod in index(snapshot).pods.get(ref, ()) if live(pod))
    return sorted({*(f"{subject.kind} {subject.name}" for subject in running), *waiting.get(ref, ())})


def _needed(case: Case, association: Listed, users: Sequence[str], alike: Sequence[str]) -> Verdict:
    ref = association.ref
    return case.fail(
        f"service account {ref} does not exist, but {short_list(users)} {'needs' if len(users) == 1 else 'need'} it",
        f"its association: {association.association_id}",
        "effect: no new pod can be created, and existing pods get no new token after theirs expires",
        *([f"service accounts with a similar name: {', '.join(alike)}"] if alike else ()),
        commands=(("kubectl", "-n", ref.namespace, "create", "serviceaccount", ref.name),),
    )


def _no_service_account(
    case: Case, snapshot: Snapshot, association: Listed, likely: Sequence[str], taken: Sequence[str]
) -> Verdict:
    """Return the finding. `likely` are service accounts without an association: similar names, or the same name in
    another namespace. `taken` are similar names with an association."""
    ref = association.ref
    message = f"service account {ref} of association {association.association_id} does not exist"
    new = fresh(snapshot, association)
    delete = disassociate(snapshot, association)
    if not likely:
        create = ("kubectl", "-n", ref.namespace, "create", "serviceaccount", ref.name)
        evidence: tuple[str, ...] = ("service accounts with a similar name: none in the namespace",)
        if taken:
            evidence = (
                f"service accounts with a similar name and an association: {', '.join(taken)}",
                "create the service account only if the name in the association is not a typing mistake",
            )
        evidence = (ref.refused,) if ref.refused else evidence
        return case.fail(
            message,
            *evidence,
            severity=Severity.INFO if new else Severity.WARN,
            commands=(create,) if not taken and not ref.refused else () if new else (delete,),
        )
    names = [name.removeprefix(f"{ref.namespace}/") for name in likely]
    return case.fail(
        f"{message}{meant(likely[:1])}",
        f"service accounts with a similar name and no association: {', '.join(names)}",
        ref.refused or "if you plan to create this service account, leave the association unchanged",
        commands=(podid_command(snapshot, "associate", likely[0], "--role", association.role_arn), delete)
        if isinstance(association, Association)
        else (),
    )
