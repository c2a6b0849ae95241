"""The plan that makes a role for pods, or makes an existing one fit as far as the flags allow."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from podid.domain import trust
from podid.domain.aws import Cluster, Role, RolePolicies
from podid.domain.errors import Again, Conflict, Other, PodidError, Unavailable, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, ChangeResult, Header, Place, Plan, Status, Verb
from podid.domain.text import short_list
from podid.ops.change.kinds import ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_SETTINGS, TARGET_TRUST, kind_of
from podid.ops.role.access import also_allowed
from podid.ops.role.permissions import check_changeable, permission_actions
from podid.ops.role.plan import (
    ANY_SIZE,
    check_editable,
    check_size,
    identity,
    kept_by_others,
    listed,
    others,
    plan_trust,
)
from podid.ops.role.policies import check_inline_size, read_policies
from podid.ops.role.presets import PresetPermissions, fill, merged, parse_choice, surroundings
from podid.ops.role.request import PermissionOptions, RoleCreateOptions, RoleOptions
from podid.ops.role.resolve import managed_policy, role_policies
from podid.ops.role.target import TargetPlan, chaining_policies, denial_notes, external_ids, plan_chain, read_target

if TYPE_CHECKING:
    from podid.aws.iam import Iam
    from podid.ops.change.journal import Journal
    from podid.ops.clients import Clients

MANAGED_BY = {"managed-by": "podid"}
DEFAULT_SESSION_SECONDS = 3600
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRequest:
    """What `podid role create` was asked for. `policies` maps inline policy name to document. Empty leaves a setting of
    a role that exists as it is."""

    name: str
    refs: tuple[ServiceAccountRef, ...]
    scope: trust.ScopeKind
    session_tags: bool = True
    options: RoleOptions = field(default_factory=RoleOptions)
    tags: Mapping[str, str] = field(default_factory=dict)
    # the permissions as they were typed, and what its presets give
    permissions: PermissionOptions = field(default_factory=PermissionOptions)
    granted: tuple[PresetPermissions, ...] = ()
    policies: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    managed_policy_arns: tuple[str, ...] = ()
    # the names of policies that are there for a target role
    onward: frozenset[str] = frozenset()
    update_trust: bool = False
    adopt: bool = False
    replace: bool = False

    def named(self, cluster: Cluster) -> RoleRequest:
        """The same with a name."""
        return replace(self, name=self.name or derived_name(cluster, self.refs, self.scope))

    def chaining(self, policies: Mapping[str, Mapping[str, object]]) -> RoleRequest:
        """The same with policies that let it go on to target roles."""
        return replace(self, policies={**self.policies, **policies}, onward=frozenset(policies))


def derived_name(cluster: Cluster, refs: Sequence[ServiceAccountRef], scope: trust.ScopeKind) -> str:
    """A name for a role that was given none: the same for the same cluster and service accounts, and for no others."""
    whom = {
        trust.ScopeKind.SERVICE_ACCOUNT: [f"{ref.namespace}-{ref.name}" for ref in refs],
        trust.ScopeKind.NAMESPACE: sorted({ref.namespace for ref in refs}),
        trust.ScopeKind.CLUSTER: ["pods"],
        trust.ScopeKind.ACCOUNT: ["any-cluster"],
    }[scope]
    stem = "account" if scope is trust.ScopeKind.ACCOUNT else cluster.name
    name = f"{stem}-{whom[0]}"
    if len(whom) == 1 and len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256("\n".join((cluster.arn, *whom)).encode()).hexdigest()[:8]
    return f"{name[: _LONGEST_NAME - 9]}-{digest}"


def create_request(options: RoleCreateOptions, read_file: Callable[[str], str]) -> RoleRequest:
    """What `podid role create` was asked for, as far as that is known without a call. Raises InvalidInput, and NotFound
    for a preset."""
    request = RoleRequest(
        name=options.name,
        refs=options.service_accounts,
        scope=trust.ScopeKind(options.scope),
        session_tags=options.session_tags,
        options=options.settings,
        tags=options.tags,
        permissions=options.permissions,
        policies=read_permissions(options.permissions, read_file),
        update_trust=options.update_trust,
        adopt=options.adopt,
        replace=options.replace,
    )
    return request.chaining(chaining_policies((options.target_role,))) if options.target_role else request


def read_permissions(options: PermissionOptions, read_file: Callable[[str], str]) -> dict[str, Mapping[str, object]]:
    """The policies of files, by name, once the presets are known to be ones. Raises InvalidInput, and NotFound for a
    preset."""
    for text in options.presets:
        parse_choice(text)
    return read_policies(read_file, options.policy_files)


def complete(iam: Iam, place: Place, request: RoleRequest, say: Callable[[str], None]) -> RoleRequest:
    """With what its presets give here, and with the managed policies that are named, which exist as far as
    can be seen."""
    cluster = place.the_cluster
    around = surroundings(cluster.partition, cluster.account, place.region, cluster)
    granted = [fill(parse_choice(text), around) for text in request.permissions.presets]
    managed = (*request.permissions.managed_policies, *(name for one in granted for name in one.managed_policies))
    boundary = request.options.boundary
    if managed or boundary:
        say("reading the managed policies")
    arns = dict.fromkeys(managed_policy(iam, text, partition=cluster.partition) for text in managed)
    bound = managed_policy(iam, boundary, partition=cluster.partition) if boundary else ""
    return replace(
        request,
        granted=tuple(granted),
        policies=merged(request.policies, granted),
        managed_policy_arns=tuple(arns),
        options=replace(request.options, boundary=bound),
    )


def plan_new_role(
    clients: Clients, place: Place, journal: Journal, request: RoleRequest, say: Callable[[str], None]
) -> tuple[Plan, Role | None]:
    """The plan that makes the role, and the role as it is now. Raises as `plan_role` does."""
    keys = {"roleName": request.name}
    say(f"reading role {request.name}")
    current = clients.iam.find_role(request.name)
    plan = plan_role(
        request,
        place.the_cluster,
        place.header,
        current,
        role_policies(clients.iam, current),
        ours=journal.made(place.account, ROLE.name, keys, role_id=current.role_id if current is not None else ""),
        half_made=journal.half_made(place.account, keys),
    )
    return plan, current


def plan_target(
    clients: Clients,
    place: Place,
    request: RoleRequest,
    current: Role | None,
    target_role_arn: str | None,
    profile: str,
    *,
    update: bool,
    associating: bool,
    must_exist: bool = True,
) -> TargetPlan:
    """What it takes at the target role of a role that is made, or of `current`. Raises as `read_target` and
    `plan_chain` do, and UsageError for the role itself."""
    cluster = place.cluster
    if not target_role_arn or cluster is None:
        return TargetPlan(None, ())
    account = place.account or cluster.account
    new = f"arn:{cluster.partition}:iam::{account}:role{request.options.path}{request.name}"
    base = current.arn if current is not None else new
    if target_role_arn == base:
        what = f"the target role of role {request.name} is that role itself: leave --target-role out"
        raise UsageError(what, subject=request.name)
    target = read_target(clients, target_role_arn, account, profile)
    untagged = () if request.session_tags else request.refs
    ids = external_ids(clients.eks, cluster.name, untagged, target_role_arn)
    whose = {ref: identity(cluster, ref, session_tags=request.session_tags, role=current) for ref in request.refs}
    onward = plan_chain(
        target_role_arn,
        {ref: trust.TargetHop(base, who, ids.get(ref), role_tags=None) for ref, who in whose.items()},
        target,
        profile=profile,
        update=update,
        associating=associating,
        must_exist=must_exist,
    )
    return replace(
        onward, notes=(*onward.notes, *denial_notes(clients.iam, current, request.options.boundary, target_role_arn))
    )


def plan_role(
    request: RoleRequest,
    cluster: Cluster,
    header: Header,
    current: Role | None,
    policies: RolePolicies,
    *,
    ours: bool,
    half_made: bool = False,
) -> Plan:
    """Pure. A missing role is created; an existing one is used as it is, and changed only as far as the flags allow. A
    role of ours that an earlier run left `half_made` is finished.

    Raises Conflict that names the flags, LimitExceeded-like Conflict when a policy would not fit.
    """
    inline = {**policies.inline, **request.policies}
    if request.policies:
        check_inline_size(request.name, inline)
    if current is None:
        return Plan(header=header, actions=new_role(request, cluster))
    _check_path(request, current)
    notes: list[str] = [] if ours else others(current)
    trust_action = plan_trust(
        current, cluster, request.refs, request.scope, session_tags=request.session_tags, notes=notes
    )
    if trust_action is not None:
        check_editable(current)
        if not request.update_trust:
            raise Conflict(
                f"Role {request.name} exists and its trust policy does not admit {listed(request.refs)}",
                hint=Again(add=("--update-trust", *(() if ours or request.adopt else ("--adopt",)))),
                lines=tuple(notes),
                subject=request.name,
            )
        notes += others(current)
    asked, unchanged = _differing(request, current, policies)
    actions = [] if trust_action is None else [trust_action]
    actions += asked
    if actions:
        _check_allowed(request, current, asked, actions, ours=ours, half_made=half_made)
        notes += kept_by_others(current)
    notes += _also_admitted(request, cluster, current, trust_action)
    notes += _also_allowed(request, policies)
    return Plan(header=header, actions=tuple(actions), unchanged=tuple(unchanged), notes=tuple(dict.fromkeys(notes)))


def _differing(request: RoleRequest, current: Role, policies: RolePolicies) -> tuple[list[Action], list[Action]]:
    """What would have to be changed beside the trust, and what is as asked."""
    unchanged = [ROLE.action(ROLE.state_of(current), ROLE.state_of(current))]
    actions: list[Action] = []
    before = ROLE_SETTINGS.state_of(current)
    wanted = {
        **before,
        "description": request.options.description or current.description,
        "maxSessionDuration": request.options.max_session_seconds or current.max_session_seconds,
        "permissionsBoundary": request.options.boundary or current.permissions_boundary_arn,
        "tags": {**current.tags, **request.tags},
    }
    if wanted != before:
        actions.append(ROLE_SETTINGS.action(before, wanted))
    more, there = permission_actions(request.name, request.policies, request.managed_policy_arns, policies)
    actions += more
    unchanged += there
    return actions, unchanged


def _check_allowed(
    request: RoleRequest,
    current: Role,
    asked: Sequence[Action],
    actions: Sequence[Action],
    *,
    ours: bool,
    half_made: bool,
) -> None:
    """Raises Conflict with the difference and the flags that would allow it."""
    overwrites = any(action.verb is Verb.UPDATE for action in asked)
    needed = []
    if not ours and not request.adopt:
        needed.append("--adopt")
    if not request.replace and (overwrites or (asked and ours and not half_made)):
        needed.append("--replace")
    lacks = all(_adds_policy(action) and action.keys.get("policyName") not in request.onward for action in actions)
    attach = (
        Other(("role", "attach"), (request.name,), request.permissions.as_typed)
        if lacks and "--replace" in needed
        else ()
    )
    check_changeable(current, actions, tuple(needed), ours=ours, instead=attach)


def _adds_policy(action: Action) -> bool:
    return action.verb is Verb.CREATE and action.kind in (ROLE_POLICY.name, ROLE_ATTACHMENT.name)


def _also_admitted(request: RoleRequest, cluster: Cluster, current: Role, trust_action: Action | None) -> list[str]:
    """Who gets in beside those who were asked for, once the plan is carried out."""
    role = current
    if trust_action is not None and trust_action.after is not None:
        document = trust_action.after["policyDocument"]
        assert isinstance(document, Mapping)
        role = replace(current, trust=document)
    who = [identity(cluster, ref, session_tags=request.session_tags, role=role) for ref in request.refs]
    return [
        f"role {request.name} also admits {words}, not only {listed(request.refs)}"
        for words in also_allowed(role, cluster.arn, who, request.scope)
    ]


def _also_allowed(request: RoleRequest, policies: RolePolicies) -> list[str]:
    """What it may do beside what was asked for, where anything was: nothing is taken away from it."""
    asked = {*request.policies, *request.managed_policy_arns}
    there = [*policies.inline, *(policy.arn for policy in policies.attached)]
    more = [policy.rsplit("/", 1)[-1] for policy in there if policy not in asked]
    if not asked or not more:
        return []
    return [f"role {request.name} also keeps what else it has: {short_list(more)}; podid role detach takes it away"]


def _check_path(request: RoleRequest, current: Role) -> None:
    """A path that was asked for and is not there must not look like success."""
    path = request.options.path
    if path not in ("/", current.path):
        raise Conflict(
            f"Role {request.name} exists and its path is {current.path}, not {path}",
            advice="IAM changes no role's path.",
            subject=request.name,
        )


def new_trust(request: RoleRequest, cluster: Cluster) -> trust.Policy:
    """The trust policy of a new role: one statement for each service account. Raises Conflict when IAM would not take
    so long a one."""
    first, *rest = request.refs
    policy = trust.new_policy(identity(cluster, first, session_tags=request.session_tags), request.scope)
    for number, ref in enumerate(rest, 2):
        who = identity(cluster, ref, session_tags=request.session_tags)
        policy = trust.add(policy, who, request.scope, quota=ANY_SIZE).policy
        check_size(policy, request.name, number, len(request.refs))
    return policy


def new_role(request: RoleRequest, cluster: Cluster) -> tuple[Action, ...]:
    """The role, and then its policies. Raises Conflict when IAM would not take its trust policy."""
    policy = new_trust(request, cluster)
    role: dict[str, object] = {
        "roleName": request.name,
        "path": request.options.path,
        "description": request.options.description,
        "maxSessionDuration": request.options.max_session_seconds or DEFAULT_SESSION_SECONDS,
        "permissionsBoundary": request.options.boundary,
        "tags": {**MANAGED_BY, **request.tags},
        "trustPolicy": policy.to_document(),
    }
    actions = [ROLE.action(None, role, note=_scope_note(policy, cluster, request))]
    actions += [
        ROLE_POLICY.action(None, ROLE_POLICY.state_of(request.name, name, document))
        for name, document in request.policies.items()
    ]
    actions += [
        ROLE_ATTACHMENT.action(None, ROLE_ATTACHMENT.state_of(request.name, arn)) for arn in request.managed_policy_arns
    ]
    return tuple(actions)


def _scope_note(policy: trust.Policy, cluster: Cluster, request: RoleRequest) -> str:
    """A wide scope takes in several of those that are named."""
    identities = (identity(cluster, ref, session_tags=request.session_tags) for ref in request.refs)
    scopes = (trust.evaluate(policy, each).scope for each in identities)
    words = short_list(dict.fromkeys(scope.words for scope in scopes if scope is not None), 1)
    return f"trust: {words}" if words else ""


def plan_rollback(result: ChangeResult) -> Plan | None:
    """What takes away a role that the run made and could not finish; None where it is whole, was there before, or where
    nobody knows what became of the last step: then the next run finishes it. A target role that stays shut leaves a
    whole role: its owner can still let it in."""
    if result.error is None or isinstance(result.error, Unavailable) or result.failed_kind == TARGET_TRUST.name:
        return None
    done = [item for item in result.done if item.status is Status.DONE]
    if not any(item.action.kind == ROLE.name and item.action.verb is Verb.CREATE for item in done):
        return None
    actions = [
        kind_of(item.action.kind).action(item.after if item.after is not None else item.action.after, None)
        for item in reversed(done)
        if item.action.verb is Verb.CREATE
    ]
    return Plan(header=result.plan.header, actions=tuple(actions))


def rolled_back(error: PodidError, name: str) -> PodidError:
    """The failure, which says that nothing is left of the role."""
    error.advise(f"Role {name}, which was made a moment before, has been deleted again.")
    return error
