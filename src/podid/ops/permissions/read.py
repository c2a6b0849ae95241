"""Read the role that a user names, with its policies."""

from podid.domain.names import Arn
from podid.domain.section import Known, Missing, missing
from podid.facts.privileges import RoleGrants
from podid.ops.clients import Clients
from podid.ops.reading.roles import grants_of_roles
from podid.ops.role.resolve import resolve_role

OTHER_ACCOUNT = "OtherAccount"


def read_role_grants(clients: Clients, text: str, *, account: str, partition: str) -> RoleGrants:
    """Return the policies of a role by name or ARN. Raise NotFound with the nearest names, InvalidInput for a role of
    another account."""
    resolved = resolve_role(clients, text, account=account, partition=partition)
    role = missing(resolved.denied) if resolved.denied is not None else Known(resolved.role)
    return grants_of_roles(clients.iam, [resolved.arn], {resolved.arn: role})[resolved.arn]


def in_other_account(arn: str, account: str) -> Missing | None:
    """Return why a role of another account than the caller's cannot be read; None for the same account."""
    role_account = Arn.parse(arn).account
    if role_account == account:
        return None
    reason = f"role {arn} is in account {role_account}: reading its policies requires credentials of that account"
    return Missing(reason, f"iam:GetRole in account {role_account}", OTHER_ACCOUNT)
