"""podid reconcile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.permissions import CommandPermissions, OptionalPermission, Permissions
from podid.ops.declare.request import ReconcileOptions

if TYPE_CHECKING:
    from podid.ops.declare.reconcile import FileNeeds

LEASE, APPLY = "--lease, and in a pod: the Lease", "--apply: creating and changing the resources of the files"


def permissions() -> CommandPermissions:
    from podid.cli import permissions as shared
    from podid.commands.declare import apply, filing
    from podid.kube.reader import KubeReader
    from podid.kube.writer import KubeWriter

    read, change = filing.reading(), apply.permissions()
    # a user who can create pods or restart workloads can get every identity
    known = (*read.optional, *shared.REACHED, shared.RESTARTING)
    lease = OptionalPermission.of(LEASE, KubeReader.find_lease, KubeWriter.hold_lease)
    applying = OptionalPermission(change.always, APPLY)
    more = (item for item in change.optional if item not in known)
    return CommandPermissions(read.always, (*read.optional, lease, applying, *more))


def granted(options: ReconcileOptions, needs: FileNeeds) -> tuple[Permissions, Permissions]:
    """Return the permissions for these options and files, without and with the namespace of the Lease."""
    from podid.cli.permissions import OWNERS
    from podid.commands.declare import apply, filing

    every, read = permissions(), {item.reason for item in filing.reading().optional}
    always, lease = filing.reading(roles=needs.roles).always, Permissions()
    for item in every.optional:
        if item.reason == LEASE:
            lease = item.permissions
        elif item.reason == APPLY:
            changing = apply.changing(roles=needs.roles, trust=options.ownership.update_trust)
            always |= changing | OWNERS.permissions if options.applies else Permissions()
        elif needs.all_of(item.reason, options.ownership) and (options.applies or item.reason in read):
            always |= item.permissions
    return always, lease


@command(
    shared=(*CLUSTER, *KUBERNETES, "yes", "journal_dir", "take_over"), permissions=permissions, several=("cluster",)
)
def reconcile(access: Access, options: ReconcileOptions) -> None:
    """Compare files with clusters at an interval.

    Each round prints one line. Without --apply podid only reports the drift. With --apply it makes the changes, as
    podid apply does; --prune also requires --yes. podid repeats a failed round after 10 seconds, and then with
    increasing delays. If several replicas run in a cluster, only the replica that holds the Lease podid-reconcile-NAME
    runs rounds. SIGTERM ends the command after the current step, with exit code 0.

    Example: podid reconcile -f identities.yaml --once

    Example: podid reconcile -f identities/ --interval 5m --apply --listen :8080

    Example: podid reconcile -f identities.yaml --apply --manifests
    """
    from contextlib import closing

    from podid.commands.declare.rounds import print_manifests, rounds, until_terminated
    from podid.domain.errors import Again, ConsentNeeded, UsageError
    from podid.render.reconcile import round_view

    if not options.files.files:
        raise UsageError("Specify the file: -f FILE, a directory, or - for stdin")
    if options.manifests:
        print_manifests(access, options, granted)
        return
    if options.applies and options.ownership.prune and not access.shared.yes:
        raise ConsentNeeded("--apply --prune deletes resources without confirmation", hint=Again(add=("--yes",)))
    with until_terminated(), closing(rounds(access, options)) as results:
        for done in results:
            access.terminal.emit(round_view(done))
            if options.once:
                access.terminal.leave(done.exit_code)
                return
