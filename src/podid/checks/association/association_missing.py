from podid.checks.base import Case, Check, Known, Snapshot, Verdict, Verdicts, known_or, rule
from podid.domain.names import ServiceAccountRef
from podid.domain.text import nearest, short_list
from podid.facts import index

NOT_CHECKED = "not checked whether its trust policy allows the service account"


@rule(needs=("associations",), wants=("cluster", "roles", "service_accounts", "annotated_roles", "workloads"))
def association_missing(check: Check, snapshot: Snapshot) -> Verdicts:
    associations = index.index(snapshot).associations
    for ref in snapshot.targets:
        case, association = check.of_account(ref), associations.get(ref)
        if association is not None:
            yield case.ok(f"association {association.association_id} gives it {index.role_of(association)}")
        else:
            yield _missing(case, snapshot, ref, sorted(associations))


def _missing(case: Case, snapshot: Snapshot, ref: ServiceAccountRef, others: list[ServiceAccountRef]) -> Verdict:
    siblings = (other.name for other in others if other.namespace == ref.namespace)
    near = [f"{ref.namespace}/{name}" for name in nearest(ref.name, siblings, alike=index.LIKELY)]
    elsewhere = [str(other) for other in others if other.name == ref.name]
    accounts = {account.ref: account for account in known_or(snapshot.service_accounts, ())}
    absent = isinstance(snapshot.service_accounts, Known) and ref not in accounts
    irsa_role = accounts[ref].irsa_role_arn if ref in accounts else ""
    create = ("--create-role", *(("--create-service-account",) if absent else ()))
    commands: tuple[tuple[str, ...], ...] = (index.podid_command(snapshot, "associate", str(ref), *create),)
    evidence = [f"associations with a similar name: {', '.join(near)}"] if near else []
    evidence += [f"associations of the same name elsewhere: {short_list(elsewhere)}"] if elsewhere else []
    if irsa_role:
        # users who can edit the service account can annotate it with any role: only the role's own trust policy shows
        # that the role is for this service account
        allowed = index.allowed_by_irsa(snapshot, ref, irsa_role)
        words = "its trust policy does not allow the service account"
        if allowed:
            words = "its trust policy allows the service account by the cluster's OIDC issuer"
            commands = (index.podid_command(snapshot, "associate", str(ref), "--role", irsa_role, "--update-trust"),)
        elif allowed is None:
            words, commands = NOT_CHECKED, (index.show_role(irsa_role),)
        evidence.append(f"IRSA annotation: {irsa_role}; {words}")
    if near and ref not in accounts:
        # a missing name that resembles an existing one is probably a typing mistake, so podid suggests no new
        # association; it may exist if service accounts were not read
        workloads = (item.subject for item in known_or(snapshot.workloads, ()) if absent and item.ref == ref)
        account = near[0].partition("/")[2]
        commands = tuple(command for workload in workloads for command in index.set_account(workload, account))
    return case.fail(
        f"{ref} has no association on this cluster{', and the service account does not exist' if absent else ''}",
        *evidence,
        commands=commands,
    )
