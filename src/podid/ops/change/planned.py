"""What changes of roles and of their policies come to in a snapshot, before they are made.

A section that is missing stays so: what was not read is not known afterwards either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from podid.domain.aws import Decision, Role
from podid.domain.iam import AssumeRights, PolicyNames, allowed_actions, assume_rights, matches
from podid.domain.names import AWS_MANAGED, Arn, role_name
from podid.domain.plan import State, text, texts
from podid.domain.snapshot import PLANNED, Known, Missing, Section, Snapshot, known_or
from podid.domain.trust import ACTIONS, TAG_SESSION
from podid.facts.nodes import REDEEMING_POLICIES

K = TypeVar("K")
V = TypeVar("V")


def mapped(section: Section[Mapping[K, V]], change: Callable[[K, V], V]) -> Section[Mapping[K, V]]:
    """The section with each of its values changed."""
    if isinstance(section, Missing):
        return section
    return Known({key: change(key, value) for key, value in section.value.items()})


def put(section: Section[Mapping[K, V]], key: K, value: V) -> Section[Mapping[K, V]]:
    return section if isinstance(section, Missing) else Known({**section.value, key: value})


def own_account(snapshot: Snapshot, arn: str) -> bool:
    cluster = snapshot.cluster
    return isinstance(cluster, Known) and Arn.parse(arn).account == cluster.value.account


def arn_of(snapshot: Snapshot, state: State) -> str:
    """Of a role that is made in the cluster's account; empty where nobody knows which that is."""
    cluster = snapshot.cluster
    if known := text(state, "roleArn"):
        return known
    if isinstance(cluster, Missing):
        return ""
    path = text(state, "path") or "/"
    return f"arn:{cluster.value.partition}:iam::{cluster.value.account}:role{path}{text(state, 'roleName')}"


def with_role(snapshot: Snapshot, name: str, change: Callable[[Role], Role | None]) -> Snapshot:
    """The snapshot with the role of that name in the cluster's account changed, in whatever part it plays there."""

    def changed(_: str, section: Section[Role | None]) -> Section[Role | None]:
        role = section.value if isinstance(section, Known) else None
        if role is None or role.name != name or not own_account(snapshot, role.arn):
            return section
        return Known(change(role))

    sections = ("roles", "target_roles", "chained_roles")
    return _replaced(snapshot, {part: mapped(getattr(snapshot, part), changed) for part in sections})


def with_new_role(snapshot: Snapshot, role: Role) -> Snapshot:
    """The snapshot with a role that had not been there, and that has no policy yet."""
    arn = role.arn
    changed: dict[str, Any] = {
        part: put(getattr(snapshot, part), arn, Known(role))
        for part in ("roles", "target_roles", "chained_roles")
        if part == "roles" or arn in known_or(getattr(snapshot, part), {})
    }
    changed["role_policies"] = put(snapshot.role_policies, arn, Known(PolicyNames()))
    changed["assume_rights"] = put(snapshot.assume_rights, arn, Known(AssumeRights(allows=())))
    if role.permissions_boundary_arn:
        changed["bounded"] = put(snapshot.bounded, arn, PLANNED)

    def nothing(pair: tuple[str, str], section: Section[tuple[Decision, ...]]) -> Section[tuple[Decision, ...]]:
        if pair[0] != arn:
            return section
        decided = tuple(Decision(action=each, resource=pair[1], decision="implicitDeny") for each in ACTIONS)
        return PLANNED if role.permissions_boundary_arn else Known(decided)

    changed["target_rights"] = mapped(snapshot.target_rights, nothing)
    return _replaced(snapshot, changed)


def with_settings(role: Role, state: State) -> Role:
    return replace(
        role,
        description=text(state, "description"),
        permissions_boundary_arn=text(state, "permissionsBoundary"),
        tags=dict(texts(state, "tags")),
    )


def with_boundary(snapshot: Snapshot, name: str, boundary: str) -> Snapshot:
    """What another permissions boundary, or none, leaves of a role's policies is not known before."""

    def left(arn: str, section: Section[bool]) -> Section[bool]:
        return PLANNED if role_name(arn) == name else section

    bounded = mapped(snapshot.bounded, left)
    for arn in known_or(snapshot.roles, {}):
        if role_name(arn) == name and own_account(snapshot, arn):
            bounded = put(bounded, arn, PLANNED)
    if not boundary and isinstance(bounded, Known):
        bounded = Known({arn: section for arn, section in bounded.value.items() if role_name(arn) != name})
    return replace(snapshot, bounded=bounded, target_rights=_rights_open(snapshot, name))


def with_policy(
    snapshot: Snapshot,
    name: str,
    change: Callable[[PolicyNames], PolicyNames],
    *,
    added: Mapping[str, object] | None = None,
    managed: str = "",
) -> Snapshot:
    """The snapshot with the names of a role's policies changed. `added` is the document of one that is new, and
    `managed` the ARN of one whose document is not known; without either something was taken away or replaced."""

    def names(arn: str, section: Section[PolicyNames]) -> Section[PolicyNames]:
        ours = role_name(arn) == name and isinstance(section, Known)
        return Known(change(section.value)) if ours and isinstance(section, Known) else section

    policies = mapped(snapshot.role_policies, names)
    after = known_or(policies, {})

    def rights(arn: str, section: Section[AssumeRights]) -> Section[AssumeRights]:
        if role_name(arn) != name or isinstance(section, Missing):
            return section
        if after.get(arn) == Known(PolicyNames()):
            return Known(AssumeRights(allows=()))
        return PLANNED if added is None else Known(_joined(section.value, _rights(added)))

    return replace(
        snapshot,
        role_policies=policies,
        assume_rights=mapped(snapshot.assume_rights, rights),
        bounded=mapped(snapshot.bounded, lambda arn, section: PLANNED if role_name(arn) == name else section),
        target_rights=_with_grant(snapshot, name, _rights(added))
        if added is not None
        else _rights_open(snapshot, name, may_change=_lacks if managed else _allowed),
        node_role_allowed=_nodes_may(snapshot, name, managed, taken=added is None and not managed),
    )


def _rights(document: Mapping[str, object]) -> AssumeRights:
    return assume_rights((document,), allowed_actions((document,)))


def _joined(one: AssumeRights, other: AssumeRights) -> AssumeRights:
    """Of all the policies of both."""
    return AssumeRights(
        tuple(dict.fromkeys((*one.assume, *other.assume))),
        tuple(dict.fromkeys((*one.tag, *other.tag))),
        one.clear and other.clear,
        tuple(dict.fromkeys((*one.allows, *other.allows))),
    )


Decisions = Section[tuple[Decision, ...]]


def _rights_open(
    snapshot: Snapshot, name: str, *, may_change: Callable[[Decision], bool] = lambda decision: True
) -> Section[Mapping[tuple[str, str], Decisions]]:
    """Decisions are not known afterwards where one of them may change."""

    def changed(pair: tuple[str, str], section: Decisions) -> Decisions:
        if role_name(pair[0]) != name or isinstance(section, Missing):
            return section
        return PLANNED if any(map(may_change, section.value)) else section

    return mapped(snapshot.target_rights, changed)


def _with_grant(snapshot: Snapshot, name: str, rights: AssumeRights) -> Section[Mapping[tuple[str, str], Decisions]]:
    """What one more policy gives, where nothing but its lack is in the way."""

    def granted(decision: Decision, target: str) -> Decision:
        patterns = rights.tag if decision.action == TAG_SESSION else rights.assume
        held = False in (decision.boundary_allows, decision.organization_allows)
        given = any(matches(pattern, target) for pattern in patterns)
        return replace(decision, decision="allowed") if given and not held and _lacks(decision) else decision

    def changed(pair: tuple[str, str], section: Decisions) -> Decisions:
        if role_name(pair[0]) != name or isinstance(section, Missing):
            return section
        return Known(tuple(granted(each, pair[1]) for each in section.value)) if rights.clear else PLANNED

    return mapped(snapshot.target_rights, changed)


def _allowed(decision: Decision) -> bool:
    return decision.allowed


def _lacks(decision: Decision) -> bool:
    return decision.decision == "implicitDeny"


def _nodes_may(snapshot: Snapshot, name: str, managed: str, *, taken: bool) -> Section[Mapping[str, Section[Decision]]]:
    """Whether the nodes that have the role may redeem tokens with one managed policy more, or something less."""
    gives = AWS_MANAGED in managed and managed.rpartition("/")[2] in REDEEMING_POLICIES

    def changed(arn: str, section: Section[Decision]) -> Section[Decision]:
        if role_name(arn) != name or isinstance(section, Missing):
            return section
        decision = section.value
        held = False in (decision.boundary_allows, decision.organization_allows)
        if gives and _lacks(decision) and not held:
            return Known(replace(decision, decision="allowed"))
        return PLANNED if taken and decision.allowed else section

    return mapped(snapshot.node_role_allowed, changed)


def _replaced(snapshot: Snapshot, sections: Mapping[str, Any]) -> Snapshot:
    return replace(snapshot, **sections)
