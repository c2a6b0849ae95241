"""`podid move`: the new association first, the old one last, in one run."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from podid.cli.associating import missing_accounts
from podid.cli.changing import carry_out, looking, report, restarting, settle_interrupted, tell_left_behind
from podid.cli.disassociating import losing_notes
from podid.domain.errors import UsageError
from podid.ops.association.absent import association_not_found
from podid.ops.association.aftermath import ASSOCIATION_SECONDS, after_change
from podid.ops.association.plan import plan_associations, plan_disassociate, with_service_accounts
from podid.ops.association.read import current_associations, onward_notes
from podid.ops.association.request import AssociateRequest, AssociationWanted, kept_role
from podid.ops.association.transfer import OnceInEffect, all_settings, left_in_trust

if TYPE_CHECKING:
    from podid.cli.access import Access
    from podid.cli.terminal import Terminal
    from podid.domain.model import Association
    from podid.domain.names import ServiceAccountRef
    from podid.domain.place import Place
    from podid.domain.plan import Plan
    from podid.domain.trust import ScopeKind
    from podid.ops.role.resolve import ResolvedRole


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveAsked:
    """What `podid move` was asked for."""

    source: ServiceAccountRef
    target: ServiceAccountRef
    scope: ScopeKind
    replace: bool
    update_trust: bool
    remove_trust: bool
    restart: bool
    create_service_account: bool


def move_in(access: Access, terminal: Terminal, asked: MoveAsked) -> None:
    """Plans, shows, asks, carries out and reports. Raises NotFound where there is nothing to move."""
    source, target = asked.source, asked.target
    if source == target:
        raise UsageError(f"{source} has it already", subject=str(source))
    place = access.place(for_change=True)
    if asked.create_service_account:
        access.kube.needed()  # known before anything is changed
    restarts = restarting(access, terminal, (source, target)) if asked.restart else None
    settle_interrupted(access, terminal, place)
    with terminal.working(f"reading the associations of {source} and {target}"):
        current = current_associations(access.clients, place, (source, target))
    existing, moved = current[source], current[target]
    if existing is None:
        rest = carry_out(access, terminal, _rest(access, place, asked, moved))
        if rest is not None:
            report(terminal, rest)
        return
    once = OnceInEffect(access.clients, target, access.patience(ASSOCIATION_SECONDS), access.options.wait)
    result = carry_out(
        access,
        terminal,
        _plan(access, terminal, place, asked, existing, moved),
        question=f"Delete the association of {source} once {target} has it?",
        needed_for="Moving an association",
        restarts=asked.restart,
        ahead=once,
    )
    if result is None:
        return
    result = after_change(looking(access, place, result, restarts), result, seen=once.effect)
    report(terminal, result if asked.restart else tell_left_behind(access, terminal, place, result, (target,)))


def _rest(access: Access, place: Place, asked: MoveAsked, moved: Association | None) -> Plan:
    """What is left where the old one is gone: an earlier run may have come to its end before it changed the trust
    policy."""
    source, target = asked.source, asked.target
    if moved is None:
        known = access.aws.eks.list_association_summaries(place.cluster_name)
        raise association_not_found(access.clients, place, source, (item.ref for item in known))
    sentence = f"{source} has no association, and {target} has one: nothing is left to move"
    gone = plan_disassociate((source,), place.header, {source: None}).noting((sentence,))
    role = kept_role(access.aws.iam, target, moved)
    return _and_trust(access, gone, role, source, moved, remove=asked.remove_trust)


def _plan(
    access: Access,
    terminal: Terminal,
    place: Place,
    asked: MoveAsked,
    existing: Association,
    moved: Association | None,
) -> Plan:
    """The new one, then the old one, which goes only if the new one is there."""
    source, target = asked.source, asked.target
    role = kept_role(access.aws.iam, source, existing)
    request = AssociateRequest(
        wanted=(AssociationWanted(target, role, all_settings(existing)),),
        scope=asked.scope,
        replace=asked.replace,
        update_trust=asked.update_trust,
    )
    made = plan_associations(request, place.the_cluster, place.header, {target: moved})
    made = made.noting(onward_notes(access.aws.iam, place.the_cluster, made))
    if asked.create_service_account:
        made = with_service_accounts(made, (target,), access.kube.reader)
    else:
        made = made.noting(missing_accounts(access, terminal, (target,), strict=False))
    gone = plan_disassociate((source,), place.header, {source: existing})
    plan = replace(made.then(gone).noting(losing_notes(access, {source: existing})), separate=False)
    return _and_trust(access, plan, role, source, existing, remove=asked.remove_trust)


def _and_trust(
    access: Access, plan: Plan, role: ResolvedRole, source: ServiceAccountRef, existing: Association, *, remove: bool
) -> Plan:
    """The plan, which takes the old service account out of the role's trust at its end or names what would. Raises
    AccessDenied where that was asked for and the trust may not be read."""
    cluster = access.place().the_cluster
    if role.role is None:
        if remove and role.denied is not None:
            raise role.denied
        return plan
    left = left_in_trust(plan, role.role, cluster, source, session_tags=existing.session_tags)
    if left is None:
        return plan
    if remove:
        return replace(plan.then(left), separate=False)
    command = ("podid", "trust", "remove", "--role", role.role.name, "--for", str(source), "--cluster", cluster.name)
    words = shlex.join(access.at_place(command))
    return plan.noting((f"the trust policy of role {role.role.name} goes on admitting {source}: {words}",))
