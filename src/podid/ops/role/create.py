"""Plan a role for pods, new or existing, from the options to the plan."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from podid.domain import trust
from podid.domain.aws import Cluster, Role, RolePolicies
from podid.domain.errors import Again, Conflict, Other, UsageError
from podid.domain.iam import DEFAULT_SESSION_SECONDS
from podid.domain.names import LONGEST_ROLE_NAME, ServiceAccountRef
from podid.domain.owners import MANAGED_BY
from podid.domain.plan import Action, Header, Place, Plan, Verb, document
from podid.domain.text import short_list
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_SETTINGS
from podid.ops.clients import Clients
from podid.ops.role.access import also_allowed
from podid.ops.role.plan import (
    check_changeable,
    check_editable,
    extended,
    identity,
    listed,
    merged,
    others,
    permission_actions,
    plan_trust,
    preset_notes,
)
from podid.ops.role.policies import check_inline_size, read_policies
from podid.ops.role.presets import fill, parse_choice, values_of_place
from podid.ops.role.quota import TrustQuota
from podid.ops.role.request import PermissionOptions, RoleRequest, tagged
from podid.ops.role.resolve import managed_policy
from podid.ops.role.target import (
    TargetPlan,
    TargetRequest,
    chaining_policies,
    check_allowed,
    denial_notes,
    external_ids,
    plan_chain,
    read_target,
)


def derived_name(cluster: Cluster, refs: Sequence[ServiceAccountRef], scope: trust.ScopeKind) -> str:
    """Derive a role name that depends only on cluster, service accounts and scope."""
    names = {
        trust.ScopeKind.SERVICE_ACCOUNT: [f"{ref.namespace}-{ref.name}" for ref in refs],
        trust.ScopeKind.NAMESPACE: sorted({ref.namespace for ref in refs}),
        trust.ScopeKind.CLUSTER: ["pods"],
        trust.ScopeKind.ACCOUNT: ["any-cluster"],
    }[scope]
    stem = "account" if scope is trust.ScopeKind.ACCOUNT else cluster.name
    name = f"{stem}-{names[0]}"
    if len(names) == 1 and len(name) <= LONGEST_ROLE_NAME:
        return name
    digest = hashlib.sha256("\n".join((cluster.arn, *names)).encode()).hexdigest()[:8]
    return f"{name[: LONGEST_ROLE_NAME - 9]}-{digest}"


def named(request: RoleRequest, cluster: Cluster) -> RoleRequest:
    """Return it with a derived name if none was specified."""
    return replace(request, name=request.name or derived_name(cluster, request.refs, request.reach))


def create_request(options: RoleRequest, read_file: Callable[[str], str]) -> RoleRequest:
    """Return the request with its policies, without a call. Raise InvalidInput, and NotFound for a preset."""
    request = replace(options, policies=read_permissions(options.permissions, read_file))
    return request.chaining(chaining_policies((request.target_role,))) if request.target_role else request


def read_permissions(options: PermissionOptions, read_file: Callable[[str], str]) -> dict[str, Mapping[str, object]]:
    """Return the policies of files by name and check the presets. Raise InvalidInput, and NotFound for a preset."""
    for text in options.presets:
        parse_choice(text)
    return read_policies(read_file, options.policy_files)


def complete(clients: Clients, place: Place, request: RoleRequest, say: Callable[[str], None]) -> RoleRequest:
    """Return it with the policies of its presets and with the ARNs of its managed policies, which exist as far as podid
    can read."""
    cluster = place.the_cluster
    of_place = values_of_place(cluster.partition, cluster.account, place.region, cluster)
    granted = [fill(parse_choice(text), of_place) for text in request.permissions.presets]
    managed = (*request.permissions.managed_policies, *(name for preset in granted for name in preset.managed_policies))
    boundary = request.settings.boundary
    if managed or boundary:
        say("reading the managed policies")
    arns = dict.fromkeys(managed_policy(clients, text, partition=cluster.partition) for text in managed)
    bound = managed_policy(clients, boundary, partition=cluster.partition) if boundary else ""
    return replace(
        request,
        granted=tuple(granted),
        policies=merged(request.policies, granted),
        managed_policy_arns=tuple(arns),
        settings=replace(request.settings, boundary=bound),
    )


def plan_new_role(
    clients: Clients, place: Place, journal: Journal, request: RoleRequest, say: Callable[[str], None]
) -> tuple[Plan, Role | None]:
    """Return the plan of the role, and the current role. Raise as `plan_role` does."""
    keys = {"roleName": request.name}
    say(f"reading role {request.name}")
    current = clients.iam.find_role(request.name)
    plan = plan_role(
        request,
        place.the_cluster,
        place.header,
        current,
        RolePolicies() if current is None else clients.iam.get_policies(current.name),
        ours=journal.created(place.account, ROLE.name, keys, role_id=current.role_id if current is not None else ""),
        half_made=journal.half_made(place.account, keys),
        quota=clients.trust_quota,
    )
    return plan, current


def plan_creating(
    clients: Clients,
    place: Place,
    journal: Journal,
    request: RoleRequest,
    *,
    notes: tuple[str, ...],
    say: Callable[[str], None],
) -> Plan:
    """Plan `podid role create`, with `notes` and the plan for the target role. Raise as `plan_role`, `plan_target` and
    `check_allowed` do."""
    plan, current = plan_new_role(clients, place, journal, request, say)
    at_target = plan_target(clients, place, request, current, own_target(request))
    if not request.force:
        check_allowed(at_target, request.name, update=request.update_trust)
    return at_target.after(plan.noting((*notes, *preset_notes(request.granted))))


def own_target(request: RoleRequest) -> TargetRequest | None:
    """Return the target role of `podid role create`; None without one."""
    arn, printed = request.target_role, bool(request.print_)
    update = request.update_trust and not printed
    target = TargetRequest(
        arn=arn, profile=request.target_profile, update=update, associating=False, must_exist=not printed
    )
    return target if arn else None


def plan_target(
    clients: Clients, place: Place, request: RoleRequest, current: Role | None, target: TargetRequest | None
) -> TargetPlan:
    """Plan the target role of a new role, or of `current`. Raise as `read_target` and `plan_chain` do, and UsageError
    if both are the same role."""
    if target is None:
        return TargetPlan(None, ())
    cluster = place.the_cluster
    account = place.account or cluster.account
    new = f"arn:{cluster.partition}:iam::{account}:role{request.settings.path}{request.name}"
    base = current.arn if current is not None else new
    if target.arn == base:
        message = f"the target role of role {request.name} is that role itself: omit --target-role"
        raise UsageError(message, subject=request.name)
    read = read_target(clients, target, account)
    untagged = () if request.session_tags else request.refs
    ids = external_ids(clients, cluster.name, untagged, target.arn)
    pods = {ref: identity(cluster, ref, session_tags=request.session_tags, role=current) for ref in request.refs}
    hops = {ref: trust.TargetHop(base, pod, ids.get(ref), role_tags=None) for ref, pod in pods.items()}
    plan = plan_chain(target, hops, read, clients.trust_quota_of(target.profile))
    denials = denial_notes(clients, current, request.settings.boundary, target.arn)
    return replace(plan, notes=(*plan.notes, *denials))


def plan_role(
    request: RoleRequest,
    cluster: Cluster,
    header: Header,
    current: Role | None,
    policies: RolePolicies,
    *,
    ours: bool,
    half_made: bool = False,
    quota: TrustQuota,
) -> Plan:
    """Create a missing role. Use an existing one as it is, and change it only as far as the flags allow. `half_made` is
    whether an earlier run left a role of podid's incomplete: it is completed.

    Raise Conflict, which names the flags, or if a policy would be too long.
    """
    if request.policies:
        check_inline_size(request.name, {**policies.inline, **request.policies})
    if current is None:
        return Plan(header=header, actions=new_role(request, cluster, quota))
    path = request.settings.path
    if path not in ("/", current.path):  # another path must not look like success
        raise Conflict(
            f"Role {request.name} exists and its path is {current.path}, not {path}",
            advice="IAM cannot change the path of a role.",
            subject=request.name,
        )
    notes: list[str] = [] if ours else others(current)
    trust_action = plan_trust(
        current,
        cluster,
        dict.fromkeys(request.refs, request.session_tags),
        request.reach,
        request.conditions,
        notes=notes,
        quota=quota,
    )
    if trust_action is not None:
        check_editable(current)
        if not request.update_trust:
            raise Conflict(
                f"Role {request.name} exists and its trust policy does not allow {listed(request.refs)}",
                hint=Again(add=("--update-trust", *(() if ours or request.adopt else ("--adopt",)))),
                lines=tuple(notes),
                subject=request.name,
            )
        notes += others(current)
    changes, unchanged = _differing(request, current, policies)
    actions = [*(() if trust_action is None else (trust_action,)), *changes]
    if actions:
        _check_flags(request, current, changes, actions, ours=ours, half_made=half_made)
    notes += _other_users(request, cluster, current, trust_action)
    notes += _other_policies(request, policies)
    return Plan(header=header, actions=tuple(actions), unchanged=tuple(unchanged), notes=tuple(dict.fromkeys(notes)))


def _differing(request: RoleRequest, current: Role, policies: RolePolicies) -> tuple[list[Action], list[Action]]:
    """Return the changes besides the trust policy, and the settings that are already as requested."""
    unchanged = [ROLE.action(ROLE.state_of(current), ROLE.state_of(current))]
    before = ROLE_SETTINGS.state_of(current)
    after = {
        **before,
        "description": request.settings.description or current.description,
        "maxSessionDuration": request.settings.max_session_seconds or current.max_session_seconds,
        "permissionsBoundary": request.settings.boundary or current.permissions_boundary_arn,
        "tags": tagged(current.tags, request.tags),
    }
    actions = [ROLE_SETTINGS.action(before, after)] if after != before else []
    more, present = permission_actions(request.name, request.policies, request.managed_policy_arns, policies)
    return [*actions, *more], [*unchanged, *present]


def _check_flags(
    request: RoleRequest,
    current: Role,
    changes: Sequence[Action],
    actions: Sequence[Action],
    *,
    ours: bool,
    half_made: bool,
) -> None:
    """Raise Conflict with the difference and the flags that would allow it."""
    overwrites = any(action.verb is Verb.UPDATE for action in changes)
    needed = []
    if not ours and not request.adopt:
        needed.append("--adopt")
    if not request.replace and (overwrites or (changes and ours and not half_made)):
        needed.append("--replace")
    attachable = all(
        action.verb is Verb.CREATE
        and action.kind in (ROLE_POLICY.name, ROLE_ATTACHMENT.name)
        and action.keys.get("policyName") not in request.chaining_policies
        for action in actions
    )
    attach = Other(("role", "attach"), (request.name,), request.permissions.as_typed)
    instead = attach if attachable and "--replace" in needed else ()
    check_changeable(current, actions, tuple(needed), ours=ours, instead=instead)


def _other_users(request: RoleRequest, cluster: Cluster, current: Role, trust_action: Action | None) -> list[str]:
    """Describe the other pods that are allowed after the plan."""
    role = current
    if trust_action is not None and trust_action.after is not None:
        role = replace(current, trust=document(trust_action.after, "policyDocument"))
    pods = [identity(cluster, ref, session_tags=request.session_tags, role=role) for ref in request.refs]
    return [
        f"role {request.name} also allows {words}, not only {listed(request.refs)}"
        for words in also_allowed(role, cluster.arn, pods, request.reach)
    ]


def _other_policies(request: RoleRequest, policies: RolePolicies) -> list[str]:
    """Describe the role's other policies, if any were requested: none are removed."""
    requested = {*request.policies, *request.managed_policy_arns}
    present = [*policies.inline, *(policy.arn for policy in policies.attached)]
    more = [policy.rsplit("/", 1)[-1] for policy in present if policy not in requested]
    if not requested or not more:
        return []
    return [f"role {request.name} keeps its other policies: {short_list(more)}; podid role detach removes them"]


def new_role(request: RoleRequest, cluster: Cluster, quota: TrustQuota) -> tuple[Action, ...]:
    """Return the role, with one trust policy statement for each service account, and its policies. Raise Conflict if
    the trust policy would be too long."""
    tags = tagged(MANAGED_BY, request.tags)
    pods = [replace(identity(cluster, ref, session_tags=request.session_tags), role_tags=tags) for ref in request.refs]
    policy = extended(None, request.name, pods, request.reach, request.conditions, notes=[], quota=quota)
    # a wide scope covers several of the service accounts
    scopes = [scope.words for pod in pods if (scope := trust.evaluate(policy, pod).scope) is not None]
    words = short_list(dict.fromkeys(scopes), 1)
    return role_with_policies(request, policy, note=f"trust: {words}" if words else "")


def role_with_policies(request: RoleRequest, policy: trust.Policy, note: str = "") -> tuple[Action, ...]:
    """Return the actions that create the role with this trust policy, and its policies."""
    role: dict[str, object] = {
        "roleName": request.name,
        "path": request.settings.path,
        "description": request.settings.description,
        "maxSessionDuration": request.settings.max_session_seconds or DEFAULT_SESSION_SECONDS,
        "permissionsBoundary": request.settings.boundary,
        "tags": tagged(MANAGED_BY, request.tags),
        "trustPolicy": policy.to_document(),
    }
    policies, _ = permission_actions(request.name, request.policies, request.managed_policy_arns, RolePolicies())
    return ROLE.action(None, role, note=note), *policies
