"""podid reconcile."""

from __future__ import annotations

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.permissions import CommandPermissions, OptionalPermission
from podid.ops.declare.request import ReconcileOptions


def permissions() -> CommandPermissions:
    from podid.cli import permissions as shared
    from podid.commands.declare import apply, filing
    from podid.kube.reader import KubeReader
    from podid.kube.writer import KubeWriter

    read, change = filing.reading(), apply.permissions()
    every = change.always
    for item in change.optional:
        # who can create pods or restart workloads gets every identity
        if item not in (*shared.REACHED, shared.RESTARTING):
            every |= item.permissions
    lease = OptionalPermission.of("--lease, and in a pod: the Lease", KubeReader.find_lease, KubeWriter.hold_lease)
    applying = OptionalPermission(every, "--apply: the permissions of podid apply")
    return CommandPermissions(read.always, (*read.optional, lease, applying))


@command(
    shared=(*CLUSTER, *KUBERNETES, "yes", "journal_dir", "take_over"), permissions=permissions, several=("cluster",)
)
def reconcile(access: Access, options: ReconcileOptions) -> None:
    """Compare files with clusters again and again.

    Each round prints one line. Without --apply podid only reports the drift. With --apply it makes the changes, as
    podid apply does; --prune also requires --yes. A failed round is repeated after 10 seconds, then later and later.
    In a pod, of several replicas only the one that holds the Lease podid-reconcile-NAME acts. SIGTERM and Ctrl-C end
    the command after the current step, with exit code 0.

    Example: podid reconcile -f identities.yaml --once

    Example: podid reconcile -f identities/ --interval 5m --apply --listen :8080

    Example: podid reconcile -f identities.yaml --apply --manifests
    """
    from podid.commands.declare.rounds import print_manifests, rounds
    from podid.domain.errors import Again, ConsentNeeded, UsageError
    from podid.render.reconcile import round_view

    if not options.files.files:
        raise UsageError("Specify the file: -f FILE, a directory, or - for stdin")
    if options.manifests:
        print_manifests(access, options, permissions())
        return
    if options.applies and options.ownership.prune and not access.shared.yes:
        raise ConsentNeeded("--apply --prune deletes without a question", hint=Again(add=("--yes",)))
    for done in rounds(access, options):
        access.terminal.emit(round_view(done))
        if options.once:
            access.terminal.leave(done.exit_code)
            return
