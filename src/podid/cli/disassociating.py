"""`podid disassociate` in one cluster, once the command line is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from podid.cli.changing import carry_out, looking, report, restarting, settle_interrupted
from podid.domain.errors import Conflict, Other, PodidError
from podid.domain.names import role_name
from podid.domain.words import short_list
from podid.ops.association.absent import check_associated
from podid.ops.association.aftermath import after_disassociate
from podid.ops.association.losing import losing
from podid.ops.association.plan import plan_disassociate
from podid.ops.association.read import current_associations
from podid.ops.change.kinds import ROLE
from podid.ops.role.delete import RoleContents, plan_delete, read_profiles
from podid.ops.role.uses import Uses, read_all_uses

if TYPE_CHECKING:
    from podid.cli.access import Access
    from podid.cli.terminal import Terminal
    from podid.domain.model import Association
    from podid.domain.names import ServiceAccountRef
    from podid.domain.place import Place
    from podid.domain.plan import Plan


def disassociate_in(
    access: Access,
    terminal: Terminal,
    refs: tuple[ServiceAccountRef, ...],
    *,
    restart: bool,
    delete_role: bool,
    ignore_not_found: bool,
) -> None:
    """Plans, shows, asks, carries out, looks at the effect and reports it."""
    place = access.place(for_change=True)
    restarts = restarting(access, terminal, refs) if restart else None
    settle_interrupted(access, terminal, place)
    with terminal.working(f"reading the associations of {short_list(map(str, refs), 10)}"):
        current = current_associations(access.clients, place, refs)
    if not ignore_not_found:
        check_associated(access.clients, place, current)
    plan = plan_disassociate(refs, place.header, current).noting(losing_notes(access, current))
    if delete_role:
        for arn in dict.fromkeys(item.role_arn for item in current.values() if item is not None):
            plan = plan.then(_without_role(access, terminal, place, arn, current))
    names = short_list(map(str, refs), 10)
    result = carry_out(
        access,
        terminal,
        plan,
        question=f"Delete the association of {names}{' and its role' if delete_role else ''}?",
        needed_for="Deleting an association",
        word="delete" if len(plan.actions) > 1 else "",
        restarts=restart,
    )
    if result is None:
        return
    report(terminal, after_disassociate(looking(access, place, result, restarts), result))


def losing_notes(access: Access, current: Mapping[ServiceAccountRef, Association | None]) -> tuple[str, ...]:
    """Which pods lose the role and when, or why that could not be looked at."""
    kube = access.kube  # a wrong --context is known before anything is changed
    try:
        return losing(kube.reader, current, access.runtime.now())
    except PodidError as error:
        return (f"which running pods lose the role could not be looked at: {error.what}",)


def _without_role(
    access: Access,
    terminal: Terminal,
    place: Place,
    arn: str,
    current: Mapping[ServiceAccountRef, Association | None],
) -> Plan:
    """The plan that deletes the role once these associations are gone. Raises Conflict where podid did not make it
    here, and while anything else uses it."""
    name, iam = role_name(arn), access.aws.iam
    with terminal.working(f"reading role {name} and who uses it"):
        role = iam.find_role(name)
        if role is None or role.arn != arn:
            gone = ROLE.action({"roleName": name}, None)
            return replace(plan_disassociate((), place.header, {}), unchanged=(gone,))
        if not access.journal.made(place.account, ROLE.name, {"roleName": name}):
            raise Conflict(
                f"Role {name} was not made by podid here, and --delete-role deletes no other",
                hint=Other(("role", "show", name)),
                subject=name,
            )
        uses = read_all_uses(access.aws, place.account)
        ended = {item.association_arn for item in current.values() if item is not None}
        left = {
            cluster: tuple(item for item in items if item.association_arn not in ended)
            for cluster, items in uses.associations.items()
        }
        found = RoleContents(role, iam.get_policies(name), Uses(left, uses.unread), *read_profiles(iam, name))
        return replace(plan_delete(found, place.header, ours=True, adopt=False), separate=False)
