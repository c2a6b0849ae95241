"""Move an association to another cluster: create it there, and delete it here once new pods there get credentials."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from podid.cli.access import Access
from podid.cli.changing import Change
from podid.cli.hints import hint_words
from podid.cli.multicluster import in_each_cluster
from podid.commands.association.associating import associate_in
from podid.domain.errors import Again, ClusterNotFound, Conflict, Declined, PodidError, UsageError
from podid.domain.plan import Consent, Place
from podid.ops.association.aftermath import after_disassociate
from podid.ops.association.associate import AssociateRequest
from podid.ops.association.request import AccountOptions, AssociateOptions, MoveOptions
from podid.ops.association.transfer import Transfer, copies


def place_of_one(access: Access, other: str) -> Place:
    """Return the place of one of two clusters. If it does not exist, the error does not suggest the `other` one."""
    try:
        return access.place(for_change=True)
    except ClusterNotFound as error:
        if isinstance(error.hint, Again) and other in (error.hint.swap or ()):
            error.hint = ()
        raise


@contextmanager
def suggesting(target: Access, argv: Sequence[str]) -> Iterator[None]:
    """Complete the commands that errors of the target cluster suggest: with that cluster, or as a change of `argv`."""
    try:
        yield
    except PodidError as error:
        again = isinstance(error.hint, Again)
        error.hint = hint_words(error.hint, argv) if again else target.at_place(hint_words(error.hint, ()))
        raise


def move_to_cluster(access: Access, options: MoveOptions) -> None:
    """Move associations to another cluster, with one run for each cluster. The deletion is planned first, so that
    nothing is created if it is not possible."""
    old = options.source
    place, target = access.place(for_change=True), access.of(cluster=options.to_cluster)
    new_place, old_cluster = place_of_one(target, place.cluster_name), place.cluster_name
    if place.the_cluster.arn == new_place.the_cluster.arn:
        raise UsageError(
            f"--to-cluster is the cluster of the association itself: {old_cluster}", subject=options.to_cluster
        )
    consent = Consent(
        question=f"Delete the association of {old} in cluster {old_cluster}?", needed_for="Moving an association"
    )
    if not access.shared.dry_run and not access.runtime.interactive:
        access.terminal.consent(consent)  # without --yes, before anything is changed
    change = Change.begin(access, place)
    transfer = _read(access, target, options)
    if transfer.association is not None:
        change.owner_notes(transfer.deletion(access.runtime.now(), remove_trust=options.remove_trust))
    done = False

    def run(local: Access) -> None:
        nonlocal done
        if local.place(for_change=True).cluster_name != old_cluster:
            with suggesting(local, access.argv):
                _create(local, options, transfer)
            done = True
        elif done:
            _delete(local, target, options, consent)
        elif transfer.association is not None:
            raise Conflict(
                f"{old} keeps its association in cluster {old_cluster}: "
                f"the one in cluster {new_place.cluster_name} is not confirmed",
                subject=str(old),
            )

    in_each_cluster(access, run, clusters=(options.to_cluster, old_cluster))


def _read(access: Access, target: Access, options: MoveOptions) -> Transfer:
    old, new = options.source, options.target or options.source
    elsewhere = (target.clients, target.place(for_change=True))
    with access.terminal.working(f"reading the association of {old}"):
        return Transfer.read(
            access.clients, access.place(for_change=True), old, new, access.at_place, elsewhere=elsewhere
        )


def _create(local: Access, options: MoveOptions, transfer: Transfer) -> None:
    association = transfer.association or transfer.moved
    assert association is not None
    (item,) = copies((association,))
    accounts = AccountOptions(create_service_account=options.create_service_account)
    new = AssociateOptions(change=options.change, accounts=accounts, restart=options.restart, force=options.force)
    associate_in(local, AssociateRequest(items=(replace(item, ref=transfer.new),), options=new))


def _delete(local: Access, target: Access, options: MoveOptions, consent: Consent) -> None:
    """Delete the association in its present state. After a refusal both associations exist, and the error says so."""
    change = Change(local, local.place(for_change=True))
    transfer = _read(local, target, options)
    if transfer.association is None:
        change.run(transfer.remaining(remove_trust=options.remove_trust))
        return
    plan = transfer.deletion(local.runtime.now(), remove_trust=options.remove_trust)
    plan = change.with_outlook(plan, (transfer.old,))
    try:
        change.run(plan, lambda result: after_disassociate(change.waiting(), result), consent=consent)
    except Declined as error:
        message = f"{transfer.old} keeps its association in cluster {change.place.cluster_name}: both clusters have it"
        raise Conflict(message, subject=str(transfer.old)) from error
