"""An add-on with an association and an IRSA role uses Pod Identity:
https://docs.aws.amazon.com/eks/latest/userguide/add-ons-iam.html.
"""

from podid.checks.base import Check, Snapshot, Subject, Verdicts, known, rule
from podid.facts.index import chain_of


@rule(needs=("associations", "addons"))
def addon_owned_association(check: Check, snapshot: Snapshot) -> Verdicts:
    for addon in known(snapshot.addons):
        owned = [a for a in known(snapshot.associations) if a.association_arn in addon.association_arns]
        case = check.case(Subject("Addon", addon.name), chain_of(owned))
        if addon.association_arns and addon.service_account_role_arn:
            yield case.fail(
                f"add-on {addon.name} has associations and an IRSA role; it uses the associations, not the IRSA role",
                f"serviceAccountRoleArn: {addon.service_account_role_arn}",
                f"associations of the add-on: {len(addon.association_arns)}",
            )
        else:
            yield case.ok("the add-on does not use Pod Identity and IRSA at the same time")
