"""A role that is to be made, from what was typed to its plan: `role create`, and `associate --create-role`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from podid.domain.errors import UsageError
from podid.domain.names import Arn
from podid.domain.trust import ScopeKind
from podid.ops.change.kinds import ROLE
from podid.ops.role.create import RoleRequest, plan_role
from podid.ops.role.policies import read_policies
from podid.ops.role.presets import fill, merged, parse_choice, surroundings
from podid.ops.role.resolve import managed_policy, role_policies
from podid.ops.role.target import (
    Onward,
    barred_notes,
    external_ids,
    going_on_policy,
    hops_of,
    plan_onward,
    read_target,
)

if TYPE_CHECKING:
    from podid.aws.iam import Iam
    from podid.domain.aws import Role
    from podid.domain.names import ServiceAccountRef
    from podid.domain.plan import Place, Plan
    from podid.ops.change.journal import Journal
    from podid.ops.clients import Clients
    from podid.ops.role.request import PermissionOptions, RoleCreateOptions, RoleOptions

Say = Callable[[str], None]


def role_request(
    name: str,
    refs: tuple[ServiceAccountRef, ...],
    scope: ScopeKind,
    *,
    permissions: PermissionOptions,
    options: RoleOptions,
    tags: Mapping[str, str],
    read_file: Callable[[str], str],
    **flags: Any,
) -> RoleRequest:
    """What can be known without a call. Raises InvalidInput, and NotFound for a preset."""
    for text in permissions.presets:
        parse_choice(text)
    policies = read_policies(read_file, permissions.policy_files)
    return RoleRequest(
        name=name,
        refs=refs,
        scope=scope,
        permissions=permissions,
        options=options,
        tags=tags,
        policies=policies,
        **flags,
    )


def create_request(options: RoleCreateOptions, read_file: Callable[[str], str]) -> RoleRequest:
    """What `podid role create` was asked for."""
    request = role_request(
        options.name,
        options.service_accounts,
        ScopeKind(options.scope),
        permissions=options.permissions,
        options=options.settings,
        tags=options.tags,
        read_file=read_file,
        session_tags=options.session_tags,
        update_trust=options.update_trust,
        adopt=options.adopt,
        replace=options.replace,
    )
    return request.going_on(going_on_policy(options.target_role)) if options.target_role else request


def complete(iam: Iam, place: Place, request: RoleRequest, say: Say) -> RoleRequest:
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
    clients: Clients, place: Place, journal: Journal, request: RoleRequest, say: Say
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
) -> Onward:
    """What it takes at the target role of a role that is made, or of `current`. Raises as `read_target` and
    `plan_onward` do, and UsageError for the role itself."""
    cluster = place.cluster
    if not target_role_arn or cluster is None:
        return Onward(None, ())
    own = f"role{request.options.path}{request.name}" if current is None else Arn.parse(current.arn).resource
    target, account = Arn.parse(target_role_arn), place.account or cluster.account
    if (target.account, target.resource) == (account, own):
        what = f"the target role of role {request.name} is that role itself: leave --target-role out"
        raise UsageError(what, subject=request.name)
    seen = read_target(clients, target_role_arn, account, profile)
    untagged = () if request.session_tags else request.refs
    ids = external_ids(clients.eks, cluster.name, untagged, target_role_arn)
    onward = plan_onward(
        target_role_arn,
        hops_of(request, cluster, current, ids),
        seen,
        profile=profile,
        update=update,
        associating=associating,
        must_exist=must_exist,
    )
    return replace(onward, notes=(*onward.notes, *barred_notes(clients.iam, request, current, target_role_arn)))
