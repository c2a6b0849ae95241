"""The order of the changes of declared roles: among each other, and before or after the associations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from podid.domain import trust
from podid.domain.fileplan import FileConflict
from podid.domain.incomplete import NotRead
from podid.domain.plan import Action, Place, Plan, State, document
from podid.ops.change.kinds import ROLE, ROLE_TRUST, kind_of
from podid.ops.change.kinds.base import needed_role
from podid.ops.role.quota import TrustQuota
from podid.ops.role.resolve import ResolvedRole


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePlanned:
    """The plan of one declared role. `role` is the role for the associations: as planned, or without its trust
    policy if that is not known. `idle` is whether there is nothing to plan, because no service account is to assume
    the role."""

    role: ResolvedRole
    actions: tuple[Action, ...] = ()
    conflict: FileConflict | None = None
    unread: NotRead | None = None
    notes: tuple[str, ...] = ()
    idle: bool = False


def in_order(planned: dict[str, RolePlanned]) -> dict[str, RolePlanned]:
    """Return the roles so that each new role precedes the roles whose trust policies name it. The order of the files
    stays if there is none such."""
    new = {
        name: key
        for key, item in planned.items()
        if any(action.kind == ROLE.name for action in item.actions)
        for name in needed_role(key)
    }

    def before(key: str) -> set[str]:
        names = {name for action in planned[key].actions for name in kind_of(action.kind).needs(action)}
        return {new[name] for name in names if name in new} - {key}

    graph = {key: before(key) for key in planned}
    if not any(graph.values()):
        return planned
    try:
        return {key: planned[key] for key in TopologicalSorter(graph).static_order()}
    except CycleError:
        return planned


def role_plans(
    places: Sequence[Place], planned: Iterable[RolePlanned], leaving: Collection[str], quota: TrustQuota
) -> tuple[Plan, list[Plan]]:
    """Return the plan of the roles, and for each cluster the part that follows its associations: changes that only
    remove statements of trust policies, since the associations use these until they are changed. `leaving` are the
    names of the roles, in lower case, that an association no longer has after the plan. If their trust policies gain
    and lose statements, these changes are several actions, and the later ones follow the associations."""
    items, first, later = tuple(planned), list[Action](), [list[Action]() for _ in places]
    for action in (action for item in items for action in item.actions):
        gains, losses = _gains_and_losses(action, leaving, quota) if action.kind == ROLE_TRUST.name else ((action,), ())
        first += gains
        for loss in losses:
            for actions, part in zip(later, by_cluster(loss, places), strict=True):
                actions += part
    notes = tuple(dict.fromkeys(note for item in items for note in item.notes))
    whole = Plan(header=places[0].header, actions=tuple(first), notes=notes, separate=True)
    parts = zip(places, later, strict=True)
    return whole, [Plan(header=at.header, actions=tuple(actions), separate=True) for at, actions in parts]


def _gains_and_losses(
    action: Action, leaving: Collection[str], quota: TrustQuota
) -> tuple[tuple[Action, ...], tuple[Action, ...]]:
    """Return the changes of a trust policy that precede the associations, and those that follow them."""
    old, new = (trust.parse_policy(document(state, "policyDocument")) for state in (action.before, action.after))
    gained, kept = {trust.meaning(item.raw) for item in new.statements}, list[Mapping[str, object]]()
    for item in old.statements:
        if (meaning := trust.meaning(item.raw)) in gained:
            kept.append(item.raw)
        gained.discard(meaning)
    if not gained and len(new.statements) < len(old.statements):
        return (), (action,)
    both = trust.merged(old.with_statements(kept), old, new)
    if action.target.lower() not in leaving or both is None or both == new or not quota.allows(both, old):
        return (action,), ()
    state = {**(action.after or {}), "policyDocument": both.to_document()}
    return (
        (ROLE_TRUST.action(action.before, state, note=action.note),),
        (ROLE_TRUST.action(state, action.after, note=action.note),),
    )


def by_cluster(action: Action, places: Sequence[Place]) -> Iterator[tuple[Action, ...]]:
    """Yield for each cluster the part of a change that removes its own statements; for the last one, all the others."""
    state = action.before
    for place in places[:-1]:
        old, new = (trust.parse_policy(document(item, "policyDocument")) for item in (state, action.after))
        stays = {trust.meaning(item.raw) for item in new.statements}
        kept = [
            item.raw
            for item in old.statements
            if trust.meaning(item.raw) in stays or trust.cluster_of(item.raw) != place.the_cluster.arn
        ]
        after = old.with_statements(kept) if kept else old
        if len(after.statements) == len(old.statements):
            yield ()
            continue
        following: State = {**(state or {}), "policyDocument": after.to_document()}
        yield (ROLE_TRUST.action(state, following, note=action.note),)
        state = following
    done = trust.equal(document(state, "policyDocument"), document(action.after, "policyDocument"))
    yield () if done else (ROLE_TRUST.action(state, action.after, note=action.note),)
