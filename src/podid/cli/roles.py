"""A role that is to be made, from what the user typed to its plan: `role create`, and `associate --create-role`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from podid.cli import typed
from podid.cli.hints import hint_words
from podid.domain.errors import UsageError
from podid.domain.names import Arn
from podid.ops.change.kinds import ROLE
from podid.ops.role.create import RoleRequest, derived_name, plan_role, plan_taking_back, taken_back
from podid.ops.role.presets import fill, merged, parse_choice, surroundings
from podid.ops.role.resolve import managed_policy, role_policies
from podid.ops.role.target import Onward, barred_notes, external_ids, hops_of, plan_onward, read_target

if TYPE_CHECKING:
    from podid.cli.access import Access
    from podid.cli.terminal import Terminal
    from podid.domain.aws import Role
    from podid.domain.errors import Hint
    from podid.domain.names import ServiceAccountRef
    from podid.domain.plan import ChangeResult, Place, Plan, TargetTrustChange
    from podid.ops.role.presets import Choice, Permissions

# options that say nothing unless a role is made, as `associate` has them
ONLY_FOR_NEW = {
    "path": "--path",
    "description": "--description",
    "policy_file": "--policy-file",
    "managed_policies": "--managed-policy",
    "presets": "--preset",
    "boundary": "--boundary",
    "max_session_duration": "--max-session-duration",
    "tag": "--role-tag",
    "adopt": "--adopt",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleOptions:
    """The options of a new role as they were typed."""

    path: str | None = None
    description: str | None = None
    policy_file: Sequence[str] | None = None
    managed_policies: Sequence[str] | None = None
    presets: Sequence[str] | None = None
    boundary: str | None = None
    max_session_duration: str | None = None
    tag: Sequence[str] | None = None
    adopt: bool = False

    @property
    def given(self) -> tuple[str, ...]:
        """The flags that were given."""
        return tuple(flag for name, flag in ONLY_FOR_NEW.items() if getattr(self, name))

    def request(self, terminal: Terminal, name: str, refs: tuple[ServiceAccountRef, ...], *, scope: str) -> RoleRequest:
        """What can be known without a call. Raises InvalidInput, and NotFound for a preset."""
        for text in self.presets or ():
            parse_choice(text)
        return RoleRequest(
            name=name,
            path=typed.role_path(self.path or "/"),
            refs=refs,
            scope=typed.scope(scope),
            description=typed.description(self.description or ""),
            max_session_seconds=typed.session_seconds(self.max_session_duration),
            tags=typed.tags(self.tag),
            policies=typed.policies(terminal, self.policy_file),
            adopt=self.adopt,
            as_typed=self.as_typed,
        )

    @property
    def as_typed(self) -> tuple[str, ...]:
        """The permissions, as `role attach` takes them."""
        named = {
            "--preset": self.presets,
            "--managed-policy": self.managed_policies,
            "--policy-file": self.policy_file,
        }
        return tuple(word for flag, values in named.items() for value in values or () for word in (flag, value))

    def permissions(self, place: Place) -> list[Permissions]:
        """What the presets give, filled in with where it is. Raises InvalidInput and NotFound."""
        cluster = place.the_cluster
        around = surroundings(cluster.partition, cluster.account, place.region, cluster)
        return [fill(parse_choice(text), around) for text in self.presets or ()]

    def preset_notes(self, place: Place) -> tuple[str, ...]:
        return preset_notes(self.permissions(place))

    def complete(self, access: Access, terminal: Terminal, place: Place, request: RoleRequest) -> RoleRequest:
        """With a name, and with the managed policies that are named, which exist as far as can be seen."""
        cluster, iam = place.the_cluster, access.aws.iam
        if not request.name:
            request = replace(request, name=derived_name(cluster, request.refs, request.scope))
            terminal.note(f"the role is named {request.name}")
        permissions = self.permissions(place)
        request = replace(request, policies=merged(request.policies, permissions))
        managed = (*(self.managed_policies or ()), *(name for one in permissions for name in one.managed_policies))
        if not managed and not self.boundary:
            return request
        with terminal.working("reading the managed policies"):
            arns = [managed_policy(iam, text, partition=cluster.partition) for text in managed]
            bound = managed_policy(iam, self.boundary, partition=cluster.partition) if self.boundary else ""
        return replace(request, managed_policy_arns=tuple(dict.fromkeys(arns)), permissions_boundary_arn=bound)


def preset_notes(given: Sequence[Permissions]) -> tuple[str, ...]:
    """What each allows, in words."""
    return tuple(f"preset {one.name}: the role may {one.words}" for one in given)


def permissions_of(access: Access, choices: Sequence[Choice], *, account: str, partition: str) -> list[Permissions]:
    """What presets give a role that is there; the cluster at hand is looked at where one of them names it."""
    cluster = access.place().cluster if any(choice.preset.of_cluster for choice in choices) else None
    around = surroundings(partition, account, access.aws.region, cluster)
    return [fill(choice, around) for choice in choices]


def plan_of(access: Access, terminal: Terminal, place: Place, request: RoleRequest) -> tuple[Plan, Role | None]:
    """The plan that makes the role, and the role as it is now. Raises as `plan_role` does."""
    iam, journal, keys = access.aws.iam, access.journal, {"roleName": request.name}
    with terminal.working(f"reading role {request.name}"):
        current = iam.find_role(request.name)
        existing = role_policies(iam, current)
    plan = plan_role(
        request,
        place.the_cluster,
        place.header,
        current,
        existing,
        ours=journal.made(place.account, ROLE.name, keys, role_id=current.role_id if current is not None else ""),
        half_made=journal.half_made(place.account, keys),
    )
    return plan, current


def onward_of(
    access: Access,
    place: Place,
    request: RoleRequest,
    current: Role | None,
    target_role_arn: str | None,
    profile: str | None,
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
    own = f"role{request.path}{request.name}" if current is None else Arn.parse(current.arn).resource
    wanted = Arn.parse(target_role_arn)
    if (wanted.account, wanted.resource) == (place.account or cluster.account, own):
        what = f"the target role of role {request.name} is that role itself: leave --target-role out"
        raise UsageError(what, subject=request.name)
    other = access.aws_as(profile) if profile else None
    seen = read_target(target_role_arn, place.account or cluster.account, access.aws, other)
    untagged = () if request.session_tags else request.refs
    ids = external_ids(access.aws.eks, cluster.name, untagged, target_role_arn)
    onward = plan_onward(
        target_role_arn,
        hops_of(request, cluster, current, ids),
        seen,
        profile=profile or "",
        update=update,
        associating=associating,
        must_exist=must_exist,
    )
    barred = barred_notes(access.aws.iam, request, current, target_role_arn)
    return replace(onward, notes=(*onward.notes, *barred))


def mending(access: Access, plan: Plan, hint: Callable[[TargetTrustChange], Hint]) -> Plan:
    """The plan, in which what is owed at target roles says by which command podid goes on with it."""
    owed = tuple(replace(item, command=hint_words(hint(item), access.argv)) for item in plan.owed)
    return replace(plan, owed=owed)


def take_back(access: Access, terminal: Terminal, result: ChangeResult, name: str) -> None:
    """Raises the failure of a role that could not be finished, once nothing is left of it."""
    from podid.cli.changing import CHANGE_SECONDS
    from podid.ops.change.apply import apply

    plan = plan_taking_back(result)
    if plan is None or result.error is None:
        return
    terminal.note(f"{result.error.what}; deleting role {name} again")
    undone = apply(
        plan,
        access.clients,
        access.journal,
        access.patience(CHANGE_SECONDS),
        command=access.runtime.argv,
        undoes=result.run_id,
    )
    if undone.error is None:
        raise taken_back(result.error, name)
