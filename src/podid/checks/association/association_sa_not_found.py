"""EKS does not check at creation that the namespace or the service account exists:
https://docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta

from podid.checks.base import Case, Check
from podid.checks.shared.facts import ADDON_OWNED, LIKELY, association_subject, index, podid_command
from podid.domain.findings import Severity, Verdict
from podid.domain.model import Association
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Snapshot, known
from podid.domain.words import nearest

FRESH = timedelta(hours=1)


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    existing: dict[str, set[str]] = defaultdict(set)
    for account in known(snapshot.service_accounts):
        existing[account.namespace].add(account.name)
    namespaces, associations = known(snapshot.namespaces), index(snapshot).associations
    for association in known(snapshot.associations):
        case = check.case(association_subject(association), (str(association.ref),))
        names = existing[association.namespace]
        if association.namespace not in namespaces:
            yield case.skip("its namespace does not exist")
        elif association.service_account in names:
            yield case.ok("the service account exists")
        elif association.owner_arn:
            yield case.skip(ADDON_OWNED)
        else:
            # a sibling with an association of its own is no typing mistake but its neighbour
            similar = nearest(association.service_account, names, count=len(names) or 1, alike=LIKELY)
            taken = [n for n in similar if ServiceAccountRef(association.namespace, n) in associations]
            free = [n for n in similar if n not in taken]
            yield _no_service_account(case, snapshot, association, free[:3], taken[:3])


CHECK = Check.of("association-sa-not-found", rule, needs=("associations", "namespaces", "service_accounts"))


def _no_service_account(
    case: Case, snapshot: Snapshot, association: Association, near: Sequence[str], taken: Sequence[str]
) -> Verdict:
    """`near` are similar names without an association, `taken` similar ones that have one."""
    ref = association.ref
    message = f"association {association.association_id} is for {ref}, but no such service account exists"
    fresh = association.created_at is not None and snapshot.taken_at - association.created_at < FRESH
    disassociate = podid_command(snapshot, "disassociate", str(ref))
    if taken and not near:
        return case.fail(
            message,
            severity=Severity.INFO if fresh else Severity.WARN,
            evidence=(
                f"service accounts with a similar name, which have an association: {', '.join(taken)}",
                "a slip or a neighbour: to create the service account is right for a neighbour only",
            ),
            commands=() if fresh else (disassociate,),
        )
    if not near:
        return case.fail(
            message,
            severity=Severity.INFO if fresh else Severity.WARN,
            evidence=("no service account of the namespace has a similar name",),
            commands=(("kubectl", "-n", ref.namespace, "create", "serviceaccount", ref.name),),
        )
    meant = f"{ref.namespace}/{near[0]}"
    return case.fail(
        f"{message}; did you mean {meant}?",
        evidence=(f"service accounts with a similar name and no association: {', '.join(near)}",),
        commands=(
            podid_command(snapshot, "associate", meant, "--role", association.role_arn),
            disassociate,
        ),
    )
