"""A boundary limits what the policies of a role give it; the simulator takes it into account:
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html.
"""

from podid.checks.base import PERMISSIONS, SECOND_HOP, Check, Missing, Snapshot, Verdicts, known_or, placed_on, rule
from podid.checks.shared import second_hop
from podid.domain.findings import Severity
from podid.facts.index import by_role, chain_of, role_section, role_subject, show_role


@rule(needs=(*second_hop.NEEDS, "target_permissions"), wants=(*second_hop.WANTS, "target_roles", "bounded", "roles"))
def permissions_boundary_denies(check: Check, snapshot: Snapshot) -> Verdicts:
    """Of the second hop, and of roles that their boundary leaves nothing: what an application asks for is not known."""
    for verdict in _left_nothing(check, snapshot):
        yield from placed_on(PERMISSIONS, check, verdict)
    # without it pods have no credentials at all
    for verdict in second_hop.per_base_role(check, snapshot, "no boundary keeps the role from its target role"):
        yield from placed_on(SECOND_HOP, check, verdict)


def _left_nothing(check: Check, snapshot: Snapshot) -> Verdicts:
    associations = by_role(snapshot)
    for arn, section in known_or(snapshot.bounded, {}).items():
        case = check.case(role_subject(arn), chain_of(associations.get(arn, ())))
        role = known_or(role_section(snapshot, arn), None)
        boundary = role.permissions_boundary_arn if role is not None else "its boundary"
        if isinstance(section, Missing):
            yield case.unknown(
                section, f"what {boundary} leaves of its policies: {section.reason}", severity=Severity.WARN
            )
        elif section.value:
            yield case.ok(f"{boundary} leaves some of what its policies allow")
        else:
            yield case.fail(
                f"its permissions boundary {boundary} allows nothing of what its policies allow",
                evidence=("of actions alone: no action is in both, or the boundary denies those that are",),
                commands=(show_role(arn),),
            )
