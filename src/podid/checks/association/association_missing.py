from collections.abc import Iterable

from podid.checks.base import Case, Check
from podid.checks.shared.facts import LIKELY, index, podid_command, service_account_subject, set_account, workload_of
from podid.checks.shared.roles import given
from podid.domain.findings import Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Snapshot, known_or
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


CHECK = Check.of("association-missing", rule, needs=("associations",), wants=("service_accounts", "workloads"))


def _missing(case: Case, snapshot: Snapshot, ref: ServiceAccountRef, others: list[ServiceAccountRef]) -> Verdict:
    siblings = (other.name for other in others if other.namespace == ref.namespace)
    near = [f"{ref.namespace}/{name}" for name in nearest(ref.name, siblings, alike=LIKELY)]
    elsewhere = [str(other) for other in others if other.name == ref.name]
    accounts = {account.ref: account for account in known_or(snapshot.service_accounts, ())}
    absent = isinstance(snapshot.service_accounts, Known) and ref not in accounts
    irsa_role = accounts[ref].irsa_role_arn if ref in accounts else ""
    evidence = []
    if near:
        evidence.append(f"associations with a similar name: {', '.join(near)}")
    if elsewhere:
        evidence.append(f"associations of the same name elsewhere: {short_list(elsewhere)}")
    if irsa_role:
        evidence.append(f"the service account is annotated for IRSA with {irsa_role}")
    return case.fail(
        f"no association exists for {ref} on this cluster{', and no such service account' if absent else ''}",
        evidence=evidence,
        # a name that leads nowhere and is like one that leads somewhere is a slip, and no reason to make anything
        commands=_meant(snapshot, ref, near[0])
        if near and ref not in accounts
        else _associate(snapshot, ref, irsa_role, absent),
    )


def _meant(snapshot: Snapshot, ref: ServiceAccountRef, near: str) -> list[tuple[str, ...]]:
    workloads = (workload_of(item) for item in known_or(snapshot.workloads, ()) if item.ref == ref)
    return [command for workload in workloads for command in set_account(workload, near.partition("/")[2])]


def _associate(snapshot: Snapshot, ref: ServiceAccountRef, role: str, absent: bool) -> tuple[tuple[str, ...], ...]:
    """With the role that the service account already has through IRSA, or with a new one named after it."""
    if role:
        return (podid_command(snapshot, "associate", str(ref), "--role", role, "--update-trust"),)
    name = f"{ref.namespace}-{ref.name}"[:64]
    return (
        podid_command(snapshot, "role", "create", name, "--for", str(ref)),
        podid_command(
            snapshot, "associate", str(ref), "--role", name, *(("--create-service-account",) if absent else ())
        ),
    )
