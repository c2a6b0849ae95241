from podid.checks.base import Check, Snapshot, Verdicts, rule
from podid.checks.shared import second_hop
from podid.facts.second_hop import SecondHop


@rule(needs=(*second_hop.NEEDS, "target_roles"), wants=second_hop.WANTS)
def external_id_mismatch(check: Check, snapshot: Snapshot) -> Verdicts:
    def advice(hop: SecondHop) -> str:
        return f"external id of the association: {hop.association.external_id or '-'}"

    healthy = "the target role requires no other external id"
    return second_hop.per_target_role(check, snapshot, healthy, commands=second_hop.statement_command, advice=advice)
