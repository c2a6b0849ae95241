"""Apply planned changes of roles and policies to a snapshot.

A missing section stays missing: a change adds no facts about it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any, TypeVar

from podid.domain import iam
from podid.domain.aws import Decision, Role
from podid.domain.names import AWS_MANAGED, Arn, role_name
from podid.domain.plan import State, text, texts
from podid.domain.snapshot import PLANNED, Known, Missing, Section, Snapshot, known_or
from podid.domain.trust import ACTIONS, TAG_SESSION
from podid.facts.nodes import REDEEMING_POLICIES
from podid.facts.privileges import Policies

K = TypeVar("K")
V = TypeVar("V")
# the sections with roles
_ROLES = ("roles", "target_roles", "chained_roles")


def mapped(section: Section[Mapping[K, V]], change: Callable[[K, V], V]) -> Section[Mapping[K, V]]:
    """Return the section with each of its values changed."""
    if isinstance(section, Missing):
        return section
    return Known({key: change(key, value) for key, value in section.value.items()})


def with_changed(snapshot: Snapshot, name: str, change: Callable[[Any], Any]) -> Snapshot:
    """Return the snapshot with the named section changed, if it was read."""
    section: Section[Any] = getattr(snapshot, name)
    changed: dict[str, Any] = {} if isinstance(section, Missing) else {name: Known(change(section.value))}
    return replace(snapshot, **changed)


def _of_role(
    section: Section[Mapping[K, Section[V]]], name: str, change: Callable[[K, V], Section[V]]
) -> Section[Mapping[K, Section[V]]]:
    """Return the section with the values of the named role changed. Keys are ARNs, or pairs that begin with one."""

    def changed(key: K, part: Section[V]) -> Section[V]:
        arn = key[0] if isinstance(key, tuple) else str(key)
        return part if role_name(arn) != name or isinstance(part, Missing) else change(key, part.value)

    return mapped(section, changed)


def put(section: Section[Mapping[K, V]], key: K, value: V) -> Section[Mapping[K, V]]:
    return section if isinstance(section, Missing) else Known({**section.value, key: value})


def own_account(snapshot: Snapshot, arn: str) -> bool:
    cluster = snapshot.cluster
    return isinstance(cluster, Known) and Arn.parse(arn).account == cluster.value.account


def arn_of(snapshot: Snapshot, state: State) -> str:
    """Return the ARN of a role to be created in the cluster's account; empty if the account is not known."""
    cluster = snapshot.cluster
    if known := text(state, "roleArn"):
        return known
    if isinstance(cluster, Missing):
        return ""
    path = text(state, "path") or "/"
    return f"arn:{cluster.value.partition}:iam::{cluster.value.account}:role{path}{text(state, 'roleName')}"


def with_role(snapshot: Snapshot, name: str, change: Callable[[Role], Role | None]) -> Snapshot:
    """Return the snapshot with the named role of the cluster's account changed in all sections."""

    def changed(_: str, section: Section[Role | None]) -> Section[Role | None]:
        role = section.value if isinstance(section, Known) else None
        if role is None or role.name != name or not own_account(snapshot, role.arn):
            return section
        return Known(change(role))

    sections: dict[str, Any] = {part: mapped(getattr(snapshot, part), changed) for part in _ROLES}
    return replace(snapshot, **sections)


def with_new_role(snapshot: Snapshot, role: Role) -> Snapshot:
    """Return the snapshot with a new role that has no policies yet."""
    arn = role.arn
    changed: dict[str, Any] = {
        part: put(getattr(snapshot, part), arn, Known(role))
        for part in _ROLES
        if part == "roles" or arn in known_or(getattr(snapshot, part), {})
    }
    changed["role_policies"] = put(snapshot.role_policies, arn, Known(iam.PolicyNames()))
    changed["permission_policies"] = put(snapshot.permission_policies, arn, Known({}))
    changed["assume_permissions"] = put(snapshot.assume_permissions, arn, Known(iam.AssumePermissions(allows=())))
    if role.permissions_boundary_arn:
        changed["bounded"] = put(snapshot.bounded, arn, PLANNED)

    def nothing(pair: tuple[str, str], section: Section[tuple[Decision, ...]]) -> Section[tuple[Decision, ...]]:
        if pair[0] != arn:
            return section
        decided = tuple(Decision(action=action, resource=pair[1], decision="implicitDeny") for action in ACTIONS)
        return PLANNED if role.permissions_boundary_arn else Known(decided)

    changed["target_permissions"] = mapped(snapshot.target_permissions, nothing)
    return replace(snapshot, **changed)


def with_settings(role: Role, state: State) -> Role:
    return replace(
        role,
        description=text(state, "description"),
        permissions_boundary_arn=text(state, "permissionsBoundary"),
        tags=dict(texts(state, "tags")),
    )


def with_boundary(snapshot: Snapshot, name: str, boundary: str) -> Snapshot:
    """Return the snapshot after a change of the permissions boundary: the effective permissions are PLANNED."""
    bounded = _bounded_open(snapshot, name)
    for arn in known_or(snapshot.roles, {}):
        if role_name(arn) == name and own_account(snapshot, arn):
            bounded = put(bounded, arn, PLANNED)
    if not boundary and isinstance(bounded, Known):
        bounded = Known({arn: section for arn, section in bounded.value.items() if role_name(arn) != name})
    return replace(snapshot, bounded=bounded, target_permissions=_permissions_open(snapshot, name))


def with_policy(
    snapshot: Snapshot,
    name: str,
    change: Callable[[iam.PolicyNames], iam.PolicyNames],
    *,
    added: Mapping[str, object] | None = None,
    managed: str = "",
) -> Snapshot:
    """Return the snapshot with the names of a role's policies changed. `added` is the document of a new policy,
    `managed` the ARN of a new one whose document is not known; without both, a policy was removed or replaced."""
    policies = _of_role(snapshot.role_policies, name, lambda arn, names: Known(change(names)))
    grant = None if added is None else iam.assume_permissions((added,), iam.allowed_actions((added,)))

    def permissions(arn: str, before: iam.AssumePermissions) -> Section[iam.AssumePermissions]:
        if known_or(policies, {}).get(arn) == Known(iam.PolicyNames()):
            return Known(iam.AssumePermissions(allows=()))
        if grant is None:
            return PLANNED
        return Known(
            iam.AssumePermissions(
                tuple(dict.fromkeys((*before.assume, *grant.assume))),
                tuple(dict.fromkeys((*before.tag, *grant.tag))),
                before.clear and grant.clear,
                tuple(dict.fromkeys((*before.allows, *grant.allows))),
            )
        )

    def documents(arn: str, before: Policies) -> Section[Policies]:
        if known_or(policies, {}).get(arn) == Known(iam.PolicyNames()):
            return Known({})
        return PLANNED if added is None else Known({**before, "the new policy": Known(added)})

    return replace(
        snapshot,
        role_policies=policies,
        permission_policies=_of_role(snapshot.permission_policies, name, documents),
        assume_permissions=_of_role(snapshot.assume_permissions, name, permissions),
        bounded=_bounded_open(snapshot, name),
        target_permissions=_with_grant(snapshot, name, grant)
        if grant is not None
        else _permissions_open(snapshot, name, may_change=attrgetter("lacks_a_policy" if managed else "allowed")),
        node_role_allowed=_nodes_may(snapshot, name, managed, taken=added is None and not managed),
    )


def _bounded_open(snapshot: Snapshot, name: str) -> Section[Mapping[str, Section[bool]]]:
    return mapped(snapshot.bounded, lambda arn, section: PLANNED if role_name(arn) == name else section)


TargetPermissions = Section[Mapping[tuple[str, str], Section[tuple[Decision, ...]]]]


def _permissions_open(
    snapshot: Snapshot, name: str, *, may_change: Callable[[Decision], bool] = lambda decision: True
) -> TargetPermissions:
    """Make the decisions PLANNED if one of them may change."""

    def changed(_: tuple[str, str], decisions: tuple[Decision, ...]) -> Section[tuple[Decision, ...]]:
        return PLANNED if any(map(may_change, decisions)) else Known(decisions)

    return _of_role(snapshot.target_permissions, name, changed)


def _with_grant(snapshot: Snapshot, name: str, permissions: iam.AssumePermissions) -> TargetPermissions:
    """Add the permissions of one more policy, if nothing else blocks the request."""

    def granted(decision: Decision, target: str) -> Decision:
        patterns = permissions.tag if decision.action == TAG_SESSION else permissions.assume
        allowed = decision.lacks_a_policy and any(iam.matches(pattern, target) for pattern in patterns)
        return replace(decision, decision="allowed") if allowed else decision

    def changed(pair: tuple[str, str], decisions: tuple[Decision, ...]) -> Section[tuple[Decision, ...]]:
        return Known(tuple(granted(decision, pair[1]) for decision in decisions)) if permissions.clear else PLANNED

    return _of_role(snapshot.target_permissions, name, changed)


def _nodes_may(snapshot: Snapshot, name: str, managed: str, *, taken: bool) -> Section[Mapping[str, Section[Decision]]]:
    """Return whether nodes with the role may redeem tokens after a managed policy was added, or a policy removed."""
    gives = AWS_MANAGED in managed and managed.rpartition("/")[2] in REDEEMING_POLICIES

    def changed(_: str, decision: Decision) -> Section[Decision]:
        if gives and decision.lacks_a_policy:
            return Known(replace(decision, decision="allowed"))
        return PLANNED if taken and decision.allowed else Known(decision)

    return _of_role(snapshot.node_role_allowed, name, changed)
