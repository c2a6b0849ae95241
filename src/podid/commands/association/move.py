"""podid move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.names import ServiceAccountRef
from podid.domain.option import argument, included, options, switch
from podid.domain.permissions import CommandPermissions
from podid.ops.association.request import AssociationChange
from podid.ops.options import CREATE_SERVICE_ACCOUNT, FORCE

if TYPE_CHECKING:
    from podid.domain.plan import ChangeResult


def permissions() -> CommandPermissions:
    from podid.aws.eks import Eks
    from podid.cli import permissions

    return permissions.making(
        Eks.delete_association,
        Eks.list_association_summaries,
        optional=(permissions.RESTARTING,),
    )


@options
class MoveOptions:
    source: ServiceAccountRef = argument(
        "NS/SA", "Service account that has the association.", read=ServiceAccountRef.parse
    )
    target: ServiceAccountRef = argument(
        "NEW-NS/SA", "Service account that gets the association.", read=ServiceAccountRef.parse
    )
    change: AssociationChange = included(AssociationChange)
    create_service_account: bool = CREATE_SERVICE_ACCOUNT
    remove_trust: bool = switch("Also remove the old service account from the role's trust policy.")
    restart: bool = switch("Restart the workloads of both whose pods do not have the change yet.")
    force: bool = FORCE


@command(shared=(*CLUSTER, *KUBERNETES, *CHANGE, "wait"), permissions=permissions)
def move(access: Access, options: MoveOptions) -> None:
    """Move an association to another service account. Asks for confirmation, or requires --yes.

    EKS cannot change the service account of an association, so podid creates a new one first. It deletes the old one
    after new pods get credentials from the new one, if podid can check this (--wait).

    Example: podid move shop/orders shop/orders-api --update-trust --yes

    Example: podid move shop/orders shop/orders-api --create-service-account --remove-trust --dry-run
    """
    from functools import partial

    from podid.cli import changing
    from podid.domain.errors import UsageError
    from podid.domain.plan import Consent
    from podid.ops.association.aftermath import after_change
    from podid.ops.association.transfer import OnceReady, Transfer
    from podid.ops.role.target import by_update_trust, with_owner_changes

    old, new = options.source, options.target
    if old == new:
        raise UsageError(f"{old} already has the association", subject=str(old))
    place = access.place(for_change=True)
    if options.create_service_account:
        access.kube.needed()  # fails before anything is changed
    restarts = changing.restarting(access, (old, new), insist=options.force) if options.restart else None
    changing.settle_interrupted(access, place)
    with access.terminal.working(f"reading the associations of {old} and {new}"):
        transfer = Transfer.read(access.clients, place, old, new, access.at_place)
    if transfer.association is None:
        changing.run(access, transfer.rest(remove_trust=options.remove_trust))
        return
    absent = () if options.create_service_account else changing.absent_notes(access, (new,))
    plan = transfer.plan(options.change, create_service_account=options.create_service_account).noting(absent)
    plan = changing.with_next_commands(access, plan, partial(by_update_trust, update=options.change.update_trust))
    plan = transfer.then_delete(plan, access.runtime.now(), remove_trust=options.remove_trust)
    once = OnceReady(changing.waiting(access, place), new)

    def after(result: ChangeResult) -> ChangeResult:
        wait = partial(after_change, diagnosis=once.diagnosis)
        return changing.followed(access, place, with_owner_changes(result, access.aws.eks), restarts, (new,), wait)

    changing.run(
        access,
        changing.with_outlook(access, place, plan, (old, new), restart=options.restart, force=options.force),
        after,
        consent=Consent(
            question=f"Delete the association of {old} once {new} has it?", needed_for="Moving an association"
        ),
        restarts=restarts,
        ahead=once,
    )
