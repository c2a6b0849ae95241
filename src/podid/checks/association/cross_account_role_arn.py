from podid.checks.base import Check, Snapshot, Subject, Verdicts, known, rule
from podid.domain.names import Arn
from podid.facts.index import by_role, chain_of


@rule(needs=("cluster", "associations"))
def cross_account_role_arn(check: Check, snapshot: Snapshot) -> Verdicts:
    account = known(snapshot.cluster).account
    yield from check.undescribed(snapshot)
    for arn, associations in by_role(snapshot).items():
        case = check.case(Subject("Role", arn), chain_of(associations))
        owner = Arn.parse(arn).account
        if owner == account:
            yield case.ok("the role is in the cluster's account")
        else:
            yield case.fail(
                f"the role is in account {owner}, but EKS requires a role of the cluster's account {account}",
                "fix: associate a role of the cluster's account, with this role as its target role",
            )
