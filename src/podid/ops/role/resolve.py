"""Find the roles and managed policies that a user specifies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from podid.domain.aws import Role
from podid.domain.errors import AccessDenied, Again, Hint, InvalidInput, NotFound, Other
from podid.domain.names import AWS_MANAGED, ServiceAccountRef, check_managed_policy, check_role_name, parse_role_arn
from podid.domain.snapshot import attempt, known_or
from podid.domain.text import did_you_mean, meant, nearest
from podid.ops.clients import Clients

# paths of AWS managed policies, besides that of service-linked roles
_FOLDERS = ("", "service-role/", "job-function/")


@dataclass(frozen=True, slots=True)
class ResolvedRole:
    """The role that a user specified. `role` is None if it could not be read or does not exist: `note` and `denied`
    have the reason."""

    arn: str
    role: Role | None
    note: str = ""
    denied: AccessDenied | None = None

    @classmethod
    def unseen(cls, arn: str, denied: AccessDenied) -> Self:
        return cls(arn, None, f"the trust policy was not checked (requires {denied.permission})", denied)


def resolve_role(
    clients: Clients, text: str, *, account: str, partition: str, refs: Sequence[ServiceAccountRef] = ()
) -> ResolvedRole:
    """Find a role by name or ARN, for the pods of `refs`. Raise InvalidInput for one of another account, NotFound with
    the nearest names."""
    if text.startswith("arn:") and (role_account := parse_role_arn(text).account) != account:
        raise InvalidInput(
            f"Role {text} is in account {role_account}, the cluster is in {account}: "
            "an association's own role must be in the cluster's account",
            advice="To use a role in another account, specify it as the target role of a role in this account.",
            subject=text,
        )
    try:
        role = own_role(clients, text, refs)
    except AccessDenied as error:
        guessed = text if text.startswith("arn:") else f"arn:{partition}:iam::{account}:role/{text}"
        return ResolvedRole.unseen(guessed, error)
    return ResolvedRole(role.arn, role)


def readable_role(clients: Clients, text: str, *, account: str, partition: str) -> Role:
    """Find a role and raise AccessDenied if it cannot be read."""
    resolved = resolve_role(clients, text, account=account, partition=partition)
    if resolved.role is None:
        assert resolved.denied is not None
        raise resolved.denied
    return resolved.role


def own_role(clients: Clients, text: str, refs: Sequence[ServiceAccountRef] = ()) -> Role:
    """Find a role of the caller's account, by name or ARN. Raise NotFound with the nearest names, if roles can be
    listed, or with the ARN of the same name."""
    arn = parse_role_arn(text) if text.startswith("arn:") else None
    name = check_role_name(text) if arn is None else arn.resource_name
    try:
        role = clients.iam.get_role(name)
    except NotFound as error:
        known = known_or(attempt(clients.iam.list_role_names), ())
        near = nearest(name, known, 1)
        hint: Hint = Other(("role", "list"))
        if refs:
            hint = Other(("role", "create"), (name,), tuple(word for ref in refs for word in ("--for", str(ref))))
        raise NotFound(
            f"Role {name} does not exist{did_you_mean(name, known)}",
            hint=Again(swap=(name, near[0])) if near else hint,
            subject=name,
            request_id=error.request_id,
        ) from error
    if arn is not None and role.arn != text:
        raise NotFound(f"Role {text} does not exist; {name} has the ARN {role.arn}", subject=text)
    return role


def _exists(clients: Clients, policy_arn: str) -> bool:
    return known_or(attempt(lambda: clients.iam.find_policy(policy_arn)), None) is not None


def managed_policy(clients: Clients, text: str, *, partition: str) -> str:
    """Return the ARN of an existing policy. If it cannot be read, IAM checks it when it is attached."""
    check_managed_policy(text)
    arn = text if text.startswith("arn:") else f"arn:{partition}{AWS_MANAGED}{text}"
    try:
        policy = clients.iam.find_policy(arn)
    except AccessDenied:
        return arn
    if policy is None:
        prefix, of_aws, name = arn.partition(AWS_MANAGED)
        paths = [f"{folder}{name.rpartition('/')[2]}" for folder in _FOLDERS] if of_aws else []
        near = [path for path in paths if _exists(clients, f"{prefix}{of_aws}{path}")]
        raise NotFound(
            f"Managed policy {arn} does not exist{meant(near)}",
            hint=Again(swap=(text, near[0]))
            if near
            else ("aws", "iam", "list-policies", "--scope", "AWS" if of_aws else "Local"),
            subject=arn,
        )
    return arn
