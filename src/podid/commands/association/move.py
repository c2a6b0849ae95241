"""podid move."""

from functools import partial

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NARROW
from podid.domain.errors import UsageError
from podid.domain.plan import ChangeResult, Consent
from podid.ops.association.request import MoveOptions


@command(
    shared=(*CLUSTER, *KUBERNETES, *NARROW, "wait"),
    needs="ASSOCIATING Eks.delete_association Eks.list_association_summaries Eks.get_cluster",
    optional=("RESTARTING",),
)
def move(access: Access, options: MoveOptions) -> None:
    """Move an association to another service account or cluster. Asks for confirmation, or requires --yes.

    EKS cannot change the service account of an association, so podid creates a new one first. It deletes the old one
    after new pods get credentials from the new one, if podid can check this (--wait). With --to-cluster, podid changes
    each cluster in a run of its own.

    Example: podid move shop/orders shop/orders-api --update-trust --yes

    Example: podid move shop/orders shop/orders-api --create-service-account --remove-trust --dry-run

    Example: podid move shop/orders --to-cluster green --update-trust --yes
    """
    from podid.cli.changing import Change
    from podid.commands.association.moving import move_to_cluster
    from podid.ops.association.aftermath import after_associate, after_change, after_disassociate
    from podid.ops.association.plan import changed_associations
    from podid.ops.association.transfer import OnceReady, Transfer
    from podid.ops.role.target import by_update_trust, with_owner_changes

    if options.to_cluster:
        move_to_cluster(access, options)
        return
    old, new = options.source, options.target
    if new is None:
        raise UsageError("Specify the new service account, or the cluster: --to-cluster NAME")
    if old == new:
        raise UsageError(f"{old} already has the association", subject=str(old))
    change = Change(access, access.place(for_change=True), restart=options.restart, force=options.force)
    if options.create_service_account:
        access.kube.needed()  # fails before anything is changed
    if options.restart:
        change.plan_restarts((old, new))
    change.settle()
    with access.terminal.working(f"reading the associations of {old} and {new}"):
        transfer = Transfer.read(access.clients, change.place, old, new, access.at_place)
    if transfer.association is None:
        # an incomplete run of this command did not restart all pods
        done = access.journal.done_before(access.runtime.argv, change.place.header) if options.restart else ()
        kept, deleted = changed_associations(done)

        def after_rest(result: ChangeResult) -> ChangeResult:
            waiting = change.waiting(result)
            return after_disassociate(waiting, after_associate(waiting, result, kept), deleted)

        change.run(transfer.remaining(remove_trust=options.remove_trust), after_rest)
        return
    absent = () if options.create_service_account else change.absent_notes((new,))
    plan = transfer.plan(options.change, create_service_account=options.create_service_account).noting(absent)
    plan = change.with_next_commands(plan, partial(by_update_trust, update=options.change.update_trust))
    plan = transfer.then_delete(plan, access.runtime.now(), remove_trust=options.remove_trust)
    once = OnceReady(change.waiting(), new)

    def after(result: ChangeResult) -> ChangeResult:
        wait = partial(after_change, diagnosis=once.diagnosis)
        return change.followed(with_owner_changes(result, access.clients), (new,), wait)

    question = f"Delete the association of {old} once {new} has it?"
    consent = Consent(question=question, needed_for="Moving an association")
    change.run(change.with_outlook(plan, (old, new)), after, consent=consent, ahead=once)
