"""IAM roles for pods: the plan that makes one or makes an existing one fit."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from podid.domain import trust
from podid.domain.errors import Again, Conflict
from podid.domain.model import Cluster, Role, RolePolicies
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Header, Plan
from podid.ops.change.kinds import ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_TRUST

MANAGED_BY = {"managed-by": "podid"}
# `_check_size` judges the whole; a statement that is left out silently would shut a service account out
_ANY_SIZE = sys.maxsize


def identity(
    cluster: Cluster, ref: ServiceAccountRef, *, session_tags: bool, role: Role | None = None
) -> trust.PodIdentity:
    """What EKS presents to the role for this service account's pods."""
    return trust.PodIdentity(
        cluster_arn=cluster.arn,
        namespace=ref.namespace,
        service_account=ref.name,
        session_tags=session_tags,
        role_tags=dict(role.tags) if role is not None else {},
    )


def check_editable(role: Role) -> None:
    """Raises Conflict for roles that AWS owns and for trusts that IAM would not take back."""
    if role.service_linked:
        raise Conflict(
            f"Role {role.name} belongs to AWS (path {role.path}) and is not changed by podid", subject=role.name
        )
    dead = trust.unwritable_principals(trust.parse_policy(role.trust))
    if dead:
        raise Conflict(
            f"The trust policy of role {role.name} names deleted principals ({', '.join(dead)}) "
            "and IAM refuses to store those again",
            advice="Remove them from the trust policy first.",
            subject=role.name,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRequest:
    """What `podid role create` was asked for. `policies` maps inline policy name to document."""

    name: str
    refs: tuple[ServiceAccountRef, ...]
    scope: trust.ScopeKind
    session_tags: bool = True
    path: str = "/"
    description: str = ""
    max_session_seconds: int = 3600
    permissions_boundary_arn: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    policies: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    managed_policy_arns: tuple[str, ...] = ()
    update_trust: bool = False
    adopt: bool = False


def plan_role(
    request: RoleRequest,
    cluster: Cluster,
    header: Header,
    current: Role | None,
    policies: RolePolicies,
    *,
    ours: bool,
) -> Plan:
    """Pure. A missing role is created; an existing one is used as it is, and changed only as far as the flags allow.

    Raises Conflict that names the flag, LimitExceeded-like Conflict when the trust policy would not fit.
    """
    if current is None:
        return _plan_new(request, cluster, header)
    _check_same_role(request, current)
    actions: list[Action] = []
    unchanged = [ROLE.action(ROLE.state_of(current), ROLE.state_of(current))]
    notes = _unlike(request, current)
    trust_action = plan_trust(
        current, cluster, request.refs, request.scope, session_tags=request.session_tags, notes=notes
    )
    if trust_action is not None:
        check_editable(current)
        if not request.update_trust:
            raise Conflict(
                f"Role {request.name} exists and its trust policy does not admit {_list(request.refs)}",
                hint=Again(add=("--update-trust", *(() if ours or request.adopt else ("--adopt",)))),
                subject=request.name,
            )
        actions.append(trust_action)
        notes += others(current)
    for name, document in request.policies.items():
        before = policies.inline.get(name)
        wanted = ROLE_POLICY.state_of(request.name, name, document)
        found = None if before is None else ROLE_POLICY.state_of(request.name, name, before)
        action = ROLE_POLICY.action(found, wanted)
        (unchanged if before == document else actions).append(action)
    attached = {policy.arn for policy in policies.attached}
    for arn in request.managed_policy_arns:
        state = ROLE_ATTACHMENT.state_of(request.name, arn)
        if arn in attached:
            unchanged.append(ROLE_ATTACHMENT.action(state, state))
        else:
            actions.append(ROLE_ATTACHMENT.action(None, state))
    if actions and not ours and not request.adopt:
        raise Conflict(
            f"Role {request.name} exists and was not made by podid here; it would be changed: "
            + ", ".join(f"{action.verb} {action.kind} {action.target}" for action in actions),
            hint=Again(add=("--adopt",)),
            advice=" ".join(f"{note[:1].upper()}{note[1:]}." for note in others(current)),
            subject=request.name,
        )
    if actions:
        check_editable(current)
    return Plan(header=header, actions=tuple(actions), unchanged=tuple(unchanged), notes=tuple(notes))


def _check_same_role(request: RoleRequest, current: Role) -> None:
    """A boundary or a path that was asked for and is not there must not look like success."""
    asked_path = "" if request.path == "/" else request.path
    for what, asked, found in (
        ("permissions boundary", request.permissions_boundary_arn, current.permissions_boundary_arn),
        ("path", asked_path, current.path),
    ):
        if asked and asked != found:
            raise Conflict(
                f"Role {request.name} exists and its {what} is {found or 'not set'}, not {asked}",
                advice="podid changes neither path nor permissions boundary of a role that exists.",
                subject=request.name,
            )


def _unlike(request: RoleRequest, current: Role) -> list[str]:
    """What was asked for in words and labels, and is otherwise on the role that exists: told, not changed."""
    notes = []
    if request.description and request.description != current.description:
        notes.append(f"the description of role {request.name} stays as it is")
    differing = [key for key, value in request.tags.items() if current.tags.get(key) != value]
    if differing:
        notes.append(f"the tags of role {request.name} stay as they are ({', '.join(differing)} would be otherwise)")
    return notes


def _plan_new(request: RoleRequest, cluster: Cluster, header: Header) -> Plan:
    first, *rest = request.refs
    policy = trust.new_policy(identity(cluster, first, session_tags=request.session_tags), request.scope)
    for ref in rest:
        who = identity(cluster, ref, session_tags=request.session_tags)
        policy = trust.add(policy, who, request.scope, quota=_ANY_SIZE).policy
    _check_size(policy, request.name)
    role: dict[str, object] = {
        "roleName": request.name,
        "path": request.path,
        "description": request.description,
        "maxSessionDuration": request.max_session_seconds,
        "permissionsBoundary": request.permissions_boundary_arn,
        "tags": {**MANAGED_BY, **request.tags},
        "trustPolicy": policy.to_document(),
    }
    actions = [ROLE.action(None, role, note=_scope_note(policy, cluster, first, request))]
    actions += [
        ROLE_POLICY.action(None, ROLE_POLICY.state_of(request.name, name, document))
        for name, document in request.policies.items()
    ]
    actions += [
        ROLE_ATTACHMENT.action(None, ROLE_ATTACHMENT.state_of(request.name, arn)) for arn in request.managed_policy_arns
    ]
    return Plan(header=header, actions=tuple(actions))


def _scope_note(policy: trust.Policy, cluster: Cluster, ref: ServiceAccountRef, request: RoleRequest) -> str:
    scope = trust.evaluate(policy, identity(cluster, ref, session_tags=request.session_tags)).scope
    words = scope.words if scope is not None else ""
    more = f" and {len(request.refs) - 1} more" if len(request.refs) > 1 else ""
    return f"trust: {words}{more}" if words else ""


def plan_trust(
    role: Role,
    cluster: Cluster,
    refs: tuple[ServiceAccountRef, ...],
    scope: trust.ScopeKind,
    *,
    session_tags: bool,
    notes: list[str],
) -> Action | None:
    """The change that makes the role's trust admit `refs`, None when it already does. `notes` gets what was found."""
    before = trust.parse_policy(role.trust)
    after = before
    for ref in refs:
        who = identity(cluster, ref, session_tags=session_tags, role=role)
        if trust.evaluate(after, who).verdict is trust.TrustVerdict.MATCH:
            found = trust.evaluate(after, who).scope
            if found is not None and found.kind is not scope:
                notes.append(f"the trust policy of role {role.name} already admits {ref}: {found.words}")
            continue
        edit = trust.add(after, who, scope, quota=_ANY_SIZE)
        if not edit.changed:
            verdict = trust.evaluate(edit.policy, who)
            raise Conflict(
                f"The trust policy of role {role.name} does not admit {ref} and cannot be extended: "
                f"{verdict.assume_role.reason or edit.reason}",
                subject=role.name,
            )
        after = edit.policy
        if trust.evaluate(after, who).verdict is trust.TrustVerdict.NO_MATCH:
            raise Conflict(
                f"The trust policy of role {role.name} denies {ref}; another statement would not help: "
                f"{trust.evaluate(after, who).assume_role.reason}",
                subject=role.name,
            )
    if after == before:
        return None
    _check_size(after, role.name)
    return ROLE_TRUST.action(
        ROLE_TRUST.state_of(role),
        {"roleName": role.name, "policyDocument": after.to_document()},
        note=f"so that it admits {_list(refs)}",
    )


def others(role: Role) -> list[str]:
    """Who else may assume the role: what a person must know before changing it."""
    principals = trust.other_principals(trust.parse_policy(role.trust))
    return [f"role {role.name} also trusts {principal}; that stays as it is" for principal in principals]


def _check_size(policy: trust.Policy, role_name: str) -> None:
    size = trust.policy_size(policy)
    if size > trust.TRUST_POLICY_QUOTA:
        raise Conflict(
            f"The trust policy of role {role_name} would be {size} characters; IAM takes {trust.TRUST_POLICY_QUOTA}",
            advice="Choose a wider --scope (namespace or cluster), or make a second role.",
            subject=role_name,
        )


def _list(refs: tuple[ServiceAccountRef, ...]) -> str:
    return ", ".join(map(str, refs))
