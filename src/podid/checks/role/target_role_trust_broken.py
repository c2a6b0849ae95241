import json

from podid.checks.base import Check, Verdicts, rule
from podid.checks.shared import second_hop
from podid.domain.snapshot import Snapshot
from podid.domain.trust import TargetHop, target_policy
from podid.facts.second_hop import SecondHop, target_subject


@rule(needs=(*second_hop.NEEDS, "target_roles"), wants=second_hop.WANTS)
def target_role_trust_broken(check: Check, snapshot: Snapshot) -> Verdicts:
    return second_hop.per_role(
        check,
        snapshot,
        lambda hop: second_hop.of_trust(check, hop, undecided=True),
        subject=target_subject,
        healthy="the target role lets the association's role in",
        advice=_policy,
        commands=second_hop.opening(snapshot),
    )


def _policy(hop: SecondHop) -> str:
    request = hop.evaluation.request if hop.evaluation is not None else None
    if not isinstance(request, TargetHop):
        return ""
    return f"what its owner can add to the trust: {json.dumps(target_policy(request))}"
