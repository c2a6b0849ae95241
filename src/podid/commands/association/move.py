"""podid move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.cli.arguments import CREATE_SERVICE_ACCOUNT, FORCE, REPLACE, SCOPE, UPDATE_TRUST
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.option import argument, switch
from podid.domain.rights import CommandRights

if TYPE_CHECKING:
    from podid.domain.model import Association
    from podid.domain.names import ServiceAccountRef
    from podid.domain.place import Place
    from podid.domain.plan import Plan
    from podid.ops.role.resolve import ResolvedRole


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.cli import rights

    return rights.making(
        Eks.delete_association,
        Eks.list_association_summaries,
        optional=(rights.RESTARTING,),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *CHANGE, "wait"), rights=rights)
def move(
    access: Access,
    terminal: Terminal,
    source: str = argument("NS/SA", "Who has the association now."),
    target: str = argument("NEW-NS/SA", "Who gets it."),
    scope: str = SCOPE,
    replace: bool = REPLACE,
    update_trust: bool = UPDATE_TRUST,
    create_service_account: bool = CREATE_SERVICE_ACCOUNT,
    remove_trust: bool = switch("Take the old service account out of the role's trust policy too."),
    restart: bool = switch("Restart the workloads of both whose pods the change did not reach."),
    force: bool = FORCE,
) -> None:
    """Give an association to another service account. Deleting asks first, or needs --yes.

    EKS changes no association's service account: the new one is made first, and the old one is deleted only once new
    pods are seen to get credentials by the new one, where that can be looked at (--wait).

    Example: podid move shop/orders shop/orders-api --update-trust --yes
    """
    from functools import partial

    from podid.cli import typed
    from podid.cli.associating import missing_accounts, onwards_of
    from podid.cli.changing import carry_out, report, restarting, settle_interrupted, tell_left_behind, waiting
    from podid.cli.foreseeing import with_outlook
    from podid.cli.roles import mending
    from podid.domain.errors import UsageError
    from podid.domain.names import ServiceAccountRef
    from podid.ops.association.aftermath import after_change
    from podid.ops.association.losing import losing_notes
    from podid.ops.association.plan import plan_associations, plan_disassociate, with_service_accounts
    from podid.ops.association.read import current_associations
    from podid.ops.association.request import AssociateRequest, AssociationWanted, kept_role
    from podid.ops.association.transfer import OnceReady, all_settings
    from podid.ops.role.target import by_update_trust, with_owed

    old, new = ServiceAccountRef.parse(source), ServiceAccountRef.parse(target)
    kind = typed.scope(scope)
    if old == new:
        raise UsageError(f"{old} has it already", subject=str(old))
    place = access.place(for_change=True)
    if create_service_account:
        access.kube.needed()  # known before anything is changed
    restarts = restarting(access, terminal, (old, new), insist=force) if restart else None
    settle_interrupted(access, terminal, place)
    with terminal.working(f"reading the associations of {old} and {new}"):
        current = current_associations(access.clients, place, (old, new))
    existing, moved = current[old], current[new]
    if existing is None:
        rest = carry_out(access, terminal, _rest(access, place, old, new, moved, remove_trust=remove_trust))
        if rest is not None:
            report(terminal, rest)
        return
    role = kept_role(access.aws.iam, old, existing)
    request = AssociateRequest(
        wanted=(AssociationWanted(new, role, all_settings(existing)),),
        scope=kind,
        replace=replace,
        update_trust=update_trust,
    )
    plan = plan_associations(request, place.the_cluster, place.header, {new: moved})
    for onward in onwards_of(access, place, request.wanted, {new: moved}, profile="", update=update_trust):
        plan = onward.around(plan)
    plan = mending(access, plan, partial(by_update_trust, update=update_trust))
    if create_service_account:
        plan = with_service_accounts(plan, (new,), access.kube.reader)
    else:
        plan = plan.noting(missing_accounts(access, terminal, (new,), strict=False))
    # the old one goes only if the new one is there
    plan = plan.then(plan_disassociate((old,), place.header, {old: existing})).in_order()
    plan = plan.noting(losing_notes(access.kube, {old: existing}, access.runtime.now()))
    once = OnceReady(waiting(access, place), new)
    plan = _and_trust(access, plan, role, old, existing, remove=remove_trust)
    result = carry_out(
        access,
        terminal,
        with_outlook(access, terminal, place, plan, (old, new), restart=restart, force=force),
        question=f"Delete the association of {old} once {new} has it?",
        needed_for="Moving an association",
        restarts=restarts,
        ahead=once,
    )
    if result is None:
        return
    result = with_owed(result, access.aws.eks)
    result = after_change(waiting(access, place, result, restarts), result, seen=once.found)
    report(terminal, result if restart else tell_left_behind(access, terminal, place, result, (new,)))


def _rest(
    access: Access,
    place: Place,
    old: ServiceAccountRef,
    new: ServiceAccountRef,
    moved: Association | None,
    *,
    remove_trust: bool,
) -> Plan:
    """What is left where the old one is gone: an earlier run may have come to its end before it changed the trust
    policy. Raises NotFound where there is nothing to move."""
    from podid.ops.association.absent import association_not_found
    from podid.ops.association.plan import plan_disassociate
    from podid.ops.association.request import kept_role

    if moved is None:
        known = access.aws.eks.list_association_summaries(place.cluster_name)
        raise association_not_found(access.clients, place, old, (item.ref for item in known))
    sentence = f"{old} has no association, and {new} has one: nothing is left to move"
    gone = plan_disassociate((old,), place.header, {old: None}).noting((sentence,))
    return _and_trust(access, gone, kept_role(access.aws.iam, new, moved), old, moved, remove=remove_trust)


def _and_trust(
    access: Access, plan: Plan, role: ResolvedRole, old: ServiceAccountRef, existing: Association, *, remove: bool
) -> Plan:
    """The plan, which takes the old service account out of the role's trust at its end or names what would. Raises
    AccessDenied where that was asked for and the trust may not be read."""
    import shlex

    from podid.ops.association.transfer import left_in_trust

    cluster = access.place().the_cluster
    if role.role is None:
        if remove and role.denied is not None:
            raise role.denied
        return plan
    left = left_in_trust(plan, role.role, cluster, old, session_tags=existing.session_tags)
    if left is None:
        return plan
    if remove:
        return plan.then(left).in_order()
    command = ("podid", "trust", "remove", "--role", role.role.name, "--for", str(old), "--cluster", cluster.name)
    words = shlex.join(access.at_place(command))
    return plan.noting((f"the trust policy of role {role.role.name} goes on admitting {old}: {words}",))
