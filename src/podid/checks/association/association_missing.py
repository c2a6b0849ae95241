from collections.abc import Iterable

from podid.checks.base import Case, Check
from podid.checks.shared.facts import LIKELY, index, podid_command, service_account_subject
from podid.checks.shared.roles import given
from podid.domain.findings import Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Snapshot, known_or
from podid.domain.words import nearest, short_list


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    associations = index(snapshot).associations
    for ref in snapshot.targets:
        case = check.case(service_account_subject(ref), (str(ref),))
        if ref in associations:
            association = associations[ref]
            yield case.ok(f"association {association.association_id} gives it {given(association)}")
        else:
            yield _missing(case, snapshot, ref, sorted(associations))


CHECK = Check.of("association-missing", rule, needs=("associations",), wants=("service_accounts",))


def _missing(case: Case, snapshot: Snapshot, ref: ServiceAccountRef, others: list[ServiceAccountRef]) -> Verdict:
    siblings = (other.name for other in others if other.namespace == ref.namespace)
    near = [f"{ref.namespace}/{name}" for name in nearest(ref.name, siblings, alike=LIKELY)]
    elsewhere = [str(other) for other in others if other.name == ref.name]
    account = next((sa for sa in known_or(snapshot.service_accounts, ()) if sa.ref == ref), None)
    irsa_role = account.irsa_role_arn if account is not None else ""
    evidence = []
    if near:
        evidence.append(f"associations with a similar name: {', '.join(near)}")
    if elsewhere:
        evidence.append(f"associations of the same name elsewhere: {short_list(elsewhere)}")
    if irsa_role:
        evidence.append(f"the service account is annotated for IRSA with {irsa_role}")
    return case.fail(
        f"no association exists for {ref} on this cluster",
        evidence=evidence,
        commands=_associate(snapshot, ref, irsa_role),
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
