"""A role that can pass any role to a service can use the permissions of all of them."""

from podid.checks.base import Check, Snapshot, Verdicts, rule
from podid.checks.shared.roles import allowed_on_all_roles
from podid.facts.privileges import NEEDS, WANTS


@rule(needs=NEEDS, wants=WANTS)
def role_passes_any_role(check: Check, snapshot: Snapshot) -> Verdicts:
    words = "the role can pass every role of the account to a service, and so can use the permissions of all of them"
    return allowed_on_all_roles(check, snapshot, "iam:PassRole", words)
