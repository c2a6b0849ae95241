from podid.checks.base import Check, Verdicts, rule
from podid.checks.shared import second_hop
from podid.domain.snapshot import Snapshot
from podid.facts.second_hop import SecondHop, target_subject


@rule(needs=(*second_hop.NEEDS, "target_roles"), wants=second_hop.WANTS)
def external_id_mismatch(check: Check, snapshot: Snapshot) -> Verdicts:
    def advice(hop: SecondHop) -> str:
        return f"the association's external id: {hop.association.external_id or '-'}"

    return second_hop.per_role(
        check,
        snapshot,
        lambda hop: second_hop.of_trust(check, hop),
        subject=target_subject,
        healthy="the target role asks for no other external id",
        advice=advice,
        commands=second_hop.opening(snapshot),
    )
