"""podid reconcile."""

from contextlib import closing

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.errors import Again, ConsentNeeded
from podid.ops.declare.request import ReconcileOptions


@command(shared=(*CLUSTER, *KUBERNETES, "yes", "journal_dir", "take_over"), needs="RECONCILING", several=("cluster",))
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
    from podid.commands.declare.rounds import print_manifests, rounds, until_terminated
    from podid.render.reconcile import round_view

    options.files.check()
    if options.manifests:
        print_manifests(access, options)
        return
    if options.applies and options.ownership.prune and not access.shared.yes:
        raise ConsentNeeded("--apply --prune deletes resources without confirmation", hint=Again(add=("--yes",)))
    with until_terminated(), closing(rounds(access, options)) as results:
        for done in results:
            access.terminal.emit(round_view(done))
            if options.once:
                access.terminal.leave(done.exit_code)
                return
