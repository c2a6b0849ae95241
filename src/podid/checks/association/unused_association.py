"""A role's last use, for which IAM keeps 400 days: https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleLastUsed.html."""

from datetime import timedelta

from podid.checks.base import Check, Missing, Snapshot, Verdicts, known, rule
from podid.domain.aws import UnreadAssociation
from podid.facts.index import ADDON_OWNED, disassociate, index, role_section

LONG_AGO = timedelta(days=90)


@rule(needs=("associations", "pods", "workloads"), wants=("cluster", "roles"))
def unused_association(check: Check, snapshot: Snapshot) -> Verdicts:
    before = snapshot.taken_at - LONG_AGO
    used = {w.ref for w in known(snapshot.workloads)} | set(index(snapshot).pods)
    for case, association in check.of_associations(snapshot):
        if association.ref in used:
            yield case.ok("pods or workloads use it")
        elif association.owner_arn:
            yield case.skip(ADDON_OWNED)
        elif isinstance(association, UnreadAssociation):
            yield case.unknown(association.unread)
        elif association.created_at is None or association.created_at > before:
            yield case.skip("the association is less than 90 days old, or its age is not known")
        elif isinstance(section := role_section(snapshot, association.role_arn), Missing):
            yield case.unknown(section)
        elif (used_at := section.value.last_used_at if section.value is not None else None) and used_at > before:
            yield case.skip("its role was used in the last 90 days")
        else:
            never = "never" if section.value is not None else "not known, because the role does not exist"
            last = f"{used_at:%Y-%m-%d}" if used_at is not None else never
            yield case.fail(
                "no pod or workload uses the association, and its role was not used in the last 90 days",
                f"association created: {association.created_at:%Y-%m-%d}",
                f"last use of the role (IAM keeps 400 days): {last}",
                commands=(disassociate(snapshot, association),),
            )
