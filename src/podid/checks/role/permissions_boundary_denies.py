"""A boundary limits what the policies of a role give it; the simulator takes it into account:
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html.
"""

from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared import second_hop
from podid.domain.findings import Verdict
from podid.domain.second_hop import SecondHop
from podid.domain.snapshot import Snapshot


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    """Only of the second hop: what an application asks for is not known."""

    def look(hop: SecondHop) -> second_hop.Told:
        return second_hop.of_rights(check, hop)

    healthy = "no boundary keeps the role from its target role"
    return second_hop.per_role(check, snapshot, look, subject=second_hop.base_subject, healthy=healthy)


CHECK = Check.of(
    "permissions-boundary-denies",
    rule,
    needs=(*second_hop.NEEDS, "target_rights"),
    wants=(*second_hop.WANTS, "target_roles"),
)
