from podid.checks.base import Case, Check, Verdicts, rule
from podid.domain.findings import Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Snapshot, known_or
from podid.domain.text import nearest, short_list
from podid.facts.index import (
    LIKELY,
    allowed_by_irsa,
    given,
    index,
    podid_command,
    set_account,
    show_role,
)

Commands = tuple[tuple[str, ...], ...]


@rule(needs=("associations",), wants=("cluster", "roles", "service_accounts", "workloads"))
def association_missing(check: Check, snapshot: Snapshot) -> Verdicts:
    associations = index(snapshot).associations
    for ref in snapshot.targets:
        case = check.case(ref.subject, (str(ref),))
        if ref in associations:
            association = associations[ref]
            yield case.ok(f"association {association.association_id} gives it {given(association)}")
        else:
            yield _missing(case, snapshot, ref, sorted(associations))


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
    commands = _new_role(snapshot, ref, absent)
    if irsa_role:
        words, commands = _annotated(snapshot, ref, irsa_role)
        evidence.append(words)
    return case.fail(
        f"no association exists for {ref} on this cluster{', and no such service account' if absent else ''}",
        evidence=evidence,
        # a name that leads nowhere and is like one that leads somewhere is a slip, and no reason to make anything
        commands=_meant(snapshot, ref, near[0]) if near and ref not in accounts else commands,
    )


def _meant(snapshot: Snapshot, ref: ServiceAccountRef, near: str) -> list[tuple[str, ...]]:
    workloads = (item.subject for item in known_or(snapshot.workloads, ()) if item.ref == ref)
    return [command for workload in workloads for command in set_account(workload, near.partition("/")[2])]


def _annotated(snapshot: Snapshot, ref: ServiceAccountRef, role: str) -> tuple[str, Commands]:
    """Whoever may write to the service account may annotate it with any role: only the role's own trust policy says
    that the role is for it."""
    words, allowed = f"the service account is annotated for IRSA with {role}", allowed_by_irsa(snapshot, ref, role)
    if allowed:
        words += ", whose trust policy allows it by the cluster's OIDC issuer"
        return words, (podid_command(snapshot, "associate", str(ref), "--role", role, "--update-trust"),)
    if allowed is None:
        words += "; whether the trust policy of that role allows it was not checked"
        return words, (show_role(role),)
    return f"{words}, whose trust policy does not allow it", _new_role(snapshot, ref, absent=False)


def _new_role(snapshot: Snapshot, ref: ServiceAccountRef, absent: bool) -> Commands:
    account = ("--create-service-account",) if absent else ()
    return (podid_command(snapshot, "associate", str(ref), "--create-role", *account),)
