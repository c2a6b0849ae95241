"""What is put back on a journal's word. A journal may come from anywhere (`--journal-dir` of a checkout, a cache of
CI), so it is no authority: what it says was there before is weighed as if somebody asked for it now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from podid.domain import trust
from podid.domain.aws import of_aws
from podid.domain.errors import AccessDenied, Conflict, InvalidInput
from podid.domain.iam import allowed_actions
from podid.domain.names import Arn, role_name, role_path
from podid.domain.plan import Action, Header, Plan, State, document, text
from podid.domain.wildcards import covers
from podid.ops.change.kinds import ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_SETTINGS, ROLE_TRUST, TARGET_TRUST
from podid.ops.clients import Clients

# whoever may do this to any role may give it everything
_EVERYTHING = "iam:putrolepolicy"
_DOCUMENTS = {ROLE.name: "trustPolicy", ROLE_TRUST.name: "policyDocument", TARGET_TRUST.name: "policyDocument"}


def check_restored(clients: Clients, recorded: Header, plan: Plan) -> tuple[str, ...]:
    """Sentences on what of the undo's plan needs an answer of somebody, whatever --yes says. Raises Conflict for what
    is never put back: an entry for everybody in a trust policy, and anything of a role that belongs to AWS."""
    grave: list[str] = []
    if _principal(recorded.caller_arn) != _principal(plan.header.caller_arn) and plan.actions:
        grave.append(f"the run was made by {recorded.caller_arn}, not by {plan.header.caller_arn}")
    for action in plan.actions:
        _check_not_aws(clients, action)
        grave += _of_trust(plan.header.account, action)
        grave += _of_permissions(clients, action)
    return tuple(grave)


def _principal(arn: str) -> str:
    """The caller without the name of its session, which differs from one to the next."""
    head, marker, rest = arn.partition(":assumed-role/")
    return f"{head}{marker}{rest.rpartition('/')[0]}" if marker else arn


def _check_not_aws(clients: Clients, action: Action) -> None:
    arn, name = action.keys.get("targetRoleArn", ""), action.keys.get("roleName", "")
    path = role_path(arn) if arn else text(action.after or {}, "path")
    role = clients.iam.find_role(name) if name else None
    if of_aws(path) or (role is not None and role.service_linked):
        what = f"Role {name or role_name(arn)} belongs to AWS and is not changed by podid, whatever the journal says"
        raise Conflict(what, subject=name or arn)


def _of_trust(account: str, action: Action) -> Iterator[str]:
    """What the trust policy that is put back lets in and the present one does not."""
    member = _DOCUMENTS.get(action.kind)
    if member is None or action.after is None:
        return
    there = [] if action.before is None else _statements(document(action.before, member))
    known = {name for statement in there for name in statement.principals if statement.allow}
    for statement in _statements(document(action.after, member)):
        if not statement.allow or any(statement.raw == other.raw for other in there):
            continue
        if statement.not_principal or any(name == "*" for _, name in statement.principals):
            raise Conflict(
                f"The trust policy of role {_role_of(action)} would let in everybody, by {statement.label} that the "
                "journal has; podid does not put that back",
                subject=_role_of(action),
            )
        strange = [name for kind, name in statement.principals if not _at_home(kind, name, account)]
        if more := [name for name in strange if not any(name == other for _, other in known)]:
            yield f"role {_role_of(action)} would trust {', '.join(more)}"


def _statements(policy: Mapping[str, object]) -> tuple[trust.Statement, ...]:
    try:
        return trust.parse_policy(policy).statements
    except InvalidInput as error:
        raise Conflict(f"A trust policy in the journal cannot be read: {error.what}") from error


def _at_home(kind: str, name: str, account: str) -> bool:
    """Whether it is a service of AWS, or of the account itself."""
    if kind == "Service":
        return True
    try:
        return name == account or Arn.parse(name).account == account
    except InvalidInput:
        return False


def _of_permissions(clients: Clients, action: Action) -> Iterator[str]:
    after: State = action.after or {}
    if action.kind == ROLE_SETTINGS.name:
        boundary = text(action.before or {}, "permissionsBoundary")
        if boundary and text(after, "permissionsBoundary") != boundary:
            yield f"role {_role_of(action)} would lose its permissions boundary {boundary}"
    elif action.after is None:
        return
    elif action.kind == ROLE_POLICY.name and _far_reaching(document(after, "policyDocument")):
        yield f"role {_role_of(action)} could give itself any right, by policy {action.keys['policyName']}"
    elif action.kind == ROLE_ATTACHMENT.name:
        arn = action.keys["policyArn"]
        try:
            far = _far_reaching(clients.iam.get_managed_document(arn))
        except AccessDenied as error:
            yield f"role {_role_of(action)} would have policy {arn}, which could not be read: {error.what}"
        else:
            if far:
                yield f"role {_role_of(action)} could give itself any right, by policy {arn}"


def _far_reaching(policy: Mapping[str, object]) -> bool:
    """Whether it may let a role change its own permissions, as AdministratorAccess does; all that it says by exclusion
    counts as everything."""
    return any(covers(pattern, _EVERYTHING) for pattern in allowed_actions([policy]))


def _role_of(action: Action) -> str:
    return action.keys.get("roleName") or role_name(action.keys.get("targetRoleArn", ""))
