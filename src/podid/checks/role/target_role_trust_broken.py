import json

from podid.checks.base import Check, Snapshot, Verdicts, rule
from podid.checks.shared import second_hop
from podid.domain.trust import TargetHop, target_policy
from podid.facts.second_hop import SecondHop


@rule(needs=(*second_hop.NEEDS, "target_roles"), wants=second_hop.WANTS)
def target_role_trust_broken(check: Check, snapshot: Snapshot) -> Verdicts:
    def advice(hop: SecondHop) -> str:
        request = hop.evaluation.request if hop.evaluation is not None else None
        if not isinstance(request, TargetHop):
            return ""
        return f"statement for its owner to add to the trust policy: {json.dumps(target_policy(request))}"

    healthy = "the target role's trust policy allows the association's role"
    return second_hop.per_target_role(
        check, snapshot, healthy, undecided=True, commands=second_hop.statement_command, advice=advice
    )
