"""A role that goes on to a target role: whether the target lets it in, and what its owner must add."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from podid.domain import trust
from podid.domain.errors import CredentialsError, InvalidInput, PodidError, UsageError
from podid.domain.model import Cluster, Role
from podid.domain.names import parse_role_arn, role_name
from podid.domain.snapshot import Known, Missing, Section
from podid.ops.role.create import RoleRequest
from podid.ops.role.plan import identity

if TYPE_CHECKING:
    from podid.aws.session import AwsSession


def going_on_policy(target_role_arn: str) -> dict[str, dict[str, object]]:
    """The inline policy, by its name, that lets a role go on to the target role."""
    return {f"assume-{role_name(target_role_arn)}"[:128]: trust.base_role_permissions(target_role_arn)}


def going_on_policies(arns: Iterable[str]) -> dict[str, dict[str, object]]:
    """The same for several target roles; of those that are called the same in other accounts, under the account's."""
    found: dict[str, dict[str, object]] = {}
    for arn in dict.fromkeys(arns):
        ((name, policy),) = going_on_policy(arn).items()
        found[name if name not in found else f"{name[:115]}-{parse_role_arn(arn).account}"] = policy
    return found


def read_target(arn: str, account: str, aws: AwsSession, other: AwsSession | None) -> Section[Role | None]:
    """The target role; `other` are the credentials of its own account, where there are any. Raises UsageError where
    they are another account's."""
    wanted = parse_role_arn(arn)
    session = aws if other is None and wanted.account == account else other
    if session is None:
        return Missing(
            f"it is in account {wanted.account}; --target-profile with credentials of that account looks at it"
        )
    if other is not None:
        has = other.sts.get_caller().account
        if has != wanted.account:
            raise UsageError(
                f"--target-profile has credentials of account {has}, and the target role is in {wanted.account}",
                subject=arn,
            )
    try:
        role = session.iam.find_role(wanted.resource_name)
    except CredentialsError:
        raise
    except PodidError as error:
        return Missing(error.what, error.permission)
    return Known(role if role is not None and role.arn == arn else None)


def target_notes(
    request: RoleRequest, target_role_arn: str, cluster: Cluster, current: Role | None, target: Section[Role | None]
) -> tuple[str, ...]:
    """Whether the chain holds once the role is made, service account by service account; where it does not or cannot be
    looked at, the statements that the owner of the target role must add."""
    made = f"arn:{cluster.partition}:iam::{cluster.account}:role{request.path}{request.name}"
    base = current.arn if current is not None else made
    name = f"target role {target_role_arn}"
    hops = [
        trust.TargetHop(
            base, identity(cluster, ref, session_tags=request.session_tags, role=current), None, role_tags=None
        )
        for ref in request.refs
    ]
    if isinstance(target, Missing):
        why = f"{target.reason} (needs {target.permission})" if target.permission else target.reason
        return (f"{name} was not looked at: {why}", *_to_add(name, hops))
    if target.value is None:
        return (f"{name} does not exist", *_to_add(name, hops))
    try:
        policy = trust.parse_policy(target.value.trust)
    except InvalidInput as error:
        return (f"the trust policy of {name} cannot be read: {error.what}",)
    notes: list[str] = []
    shut: list[trust.TargetHop] = []
    for ref, hop in zip(request.refs, hops, strict=True):
        found = trust.evaluate(policy, hop)
        if found.verdict is trust.TrustVerdict.MATCH:
            notes.append(f"{name} lets role {request.name} in for {ref}")
            continue
        unclear = found.verdict is trust.TrustVerdict.UNKNOWN
        verdicts = (found.assume_role, found.tag_session)
        reason = next((item.reason for item in verdicts if item.verdict is found.verdict), "")
        why = found.findings[0].message if found.findings else reason
        said = "it is not known whether it does" if unclear else "it does not"
        notes.append(f"{name} must let role {request.name} in for {ref}, and {said}: {why}")
        shut += [] if unclear else [hop]
    return (*notes, *_to_add(name, shut))


def _to_add(name: str, hops: list[trust.TargetHop]) -> tuple[str, ...]:
    """One statement for each service account; without session tags they are all the same."""
    if not hops:
        return ()
    statements: list[object] = []
    for hop in hops:
        found = trust.target_policy(hop)["Statement"]
        assert isinstance(found, list)
        statements += [item for item in found if item not in statements]
    text = json.dumps(statements[0] if len(statements) == 1 else statements)
    return (f"the owner of {name} must add to its trust policy: {text}",)
