"""The permissions of the association's role on the target role, by IAM's policy simulator:
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-assign-target-role.html.
"""

import json

from podid.checks.base import Check, Severity, Snapshot, Verdicts, rule
from podid.checks.shared import second_hop
from podid.domain.names import role_name
from podid.domain.trust import TrustFinding, base_role_permissions
from podid.facts.index import aws_role
from podid.facts.second_hop import SecondHop


@rule(needs=(*second_hop.NEEDS, "target_permissions"), wants=(*second_hop.WANTS, "target_roles"))
def base_role_cannot_assume_target(check: Check, snapshot: Snapshot) -> Verdicts:
    healthy = "the role is authorized to assume its target role"
    return second_hop.per_base_role(check, snapshot, healthy, undecided=True, commands=_allow)


def _allow(hop: SecondHop, finding: TrustFinding) -> second_hop.Commands:
    """Return the command that adds the policy; none if a policy does not help or is not required."""
    if finding.severity is not Severity.ERROR or not hop.lacks_only_a_policy:
        return ()
    document = json.dumps(base_role_permissions(hop.target_role_arn))
    name = f"assume-{role_name(hop.target_role_arn)}"
    words = (*aws_role(hop.association.role_arn), "--policy-name", name, "--policy-document", document)
    return (("aws", "iam", "put-role-policy", *words),)
