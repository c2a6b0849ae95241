"""A boundary limits the permissions from a role's policies; the simulator applies it:
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html.
"""

from podid.checks.base import PERMISSIONS, SECOND_HOP, Check, Missing, Snapshot, Verdicts, known_or, placed_on, rule
from podid.checks.shared import second_hop
from podid.domain.findings import Severity
from podid.facts.index import by_role, role_section, show_role


@rule(needs=(*second_hop.NEEDS, "target_permissions"), wants=(*second_hop.WANTS, "target_roles", "bounded", "roles"))
def permissions_boundary_denies(check: Check, snapshot: Snapshot) -> Verdicts:
    """Judge the assumption of the target role, and roles without any permission left. An application's requests are not
    known."""
    for verdict in _left_nothing(check, snapshot):
        yield from placed_on(PERMISSIONS, check, verdict)
    # without the target role pods have no credentials at all
    for verdict in second_hop.per_base_role(check, snapshot, "no permissions boundary denies the role its target role"):
        yield from placed_on(SECOND_HOP, check, verdict)


def _left_nothing(check: Check, snapshot: Snapshot) -> Verdicts:
    associations = by_role(snapshot)
    for arn, section in known_or(snapshot.bounded, {}).items():
        case = check.of_role(arn, associations.get(arn, ()))
        role = known_or(role_section(snapshot, arn), None)
        boundary = role.permissions_boundary_arn if role is not None else "its boundary"
        if isinstance(section, Missing):
            message = f"not checked which permissions {boundary} allows: {section.reason}"
            yield case.unknown(section, message, severity=Severity.WARN)
        elif section.value:
            yield case.ok(f"{boundary} allows some of its actions")
        else:
            yield case.fail(
                f"the role's permissions boundary {boundary} allows none of the actions that its policies allow",
                "compared: actions only; no action is allowed by both, or the boundary denies it",
                commands=(show_role(arn),),
            )
