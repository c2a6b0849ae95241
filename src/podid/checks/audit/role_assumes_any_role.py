"""A role that can assume any role has the permissions of every role that trusts its account."""

from podid.checks.base import Check, Snapshot, Verdicts, rule
from podid.checks.shared.roles import allowed_on_all_roles
from podid.facts.privileges import NEEDS, WANTS


@rule(needs=NEEDS, wants=WANTS)
def role_assumes_any_role(check: Check, snapshot: Snapshot) -> Verdicts:
    words = "the role can assume every role of the account whose trust policy allows the account"
    return allowed_on_all_roles(check, snapshot, "sts:AssumeRole", words)
