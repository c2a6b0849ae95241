"""podid reconcile."""

from contextlib import closing

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.errors import Again, ConsentNeeded
from podid.domain.option import given_options
from podid.ops.declare.request import ReconcileOptions
from podid.version import VERSION


@command(
    shared=(*CLUSTER, *KUBERNETES, "yes", "journal_dir", "take_over", "accept_unread"),
    needs="RECONCILING",
    several=("cluster",),
)
def reconcile(access: Access, options: ReconcileOptions) -> None:
    """Compare files with clusters at an interval.

    Each round prints one line, which names the resources and fields that differ; -v prints their values. Without
    --apply podid only reports the drift. With --apply it makes the changes, as podid apply does; --prune also requires
    --yes. podid repeats a failed round after 10 seconds, and then with
    increasing delays. If several replicas run in a cluster, only the replica that holds the Lease podid-reconcile-NAME
    runs rounds. SIGTERM ends the command after the current step, with exit code 0.

    Example: podid reconcile -f identities.yaml --once

    Example: podid reconcile -f identities/ --interval 5m --apply --listen :8080

    Example: podid reconcile -f identities.yaml --apply --manifests
    """
    from podid.commands.declare.rounds import rounds
    from podid.local.processes import until_terminated
    from podid.render.fileplan import round_view

    options.files.check()
    if options.manifests:
        _print_manifests(access, options)
        return
    if options.applies and options.ownership.prune and not access.shared.yes:
        raise ConsentNeeded("--apply --prune deletes resources without confirmation", hint=Again(add=("--yes",)))
    with until_terminated(), closing(rounds(access, options)) as results:
        for done in results:
            for line in (*(text for item in done.drift for text in item.lines), *done.notes):
                access.terminal.explain(line)
            access.terminal.emit(round_view(done))
            if options.once:
                access.terminal.leave(done.exit_code)
                return


def _print_manifests(access: Access, options: ReconcileOptions) -> None:
    """Print or write the manifests that run the command in a cluster."""
    from podid.cli.permissions import granted
    from podid.ops.declare.files import read_files
    from podid.ops.declare.manifests import HOURS, MINUTES, MOUNT, Setting, object_name, schedule_of
    from podid.render.declaration import declarations_text, self_contained
    from podid.render.fileplan import files_of, manifests_view

    place, terminal = access.place(), access.terminal
    declarations = read_files(options.files, read_file=terminal.read_file)
    setting = Setting(
        name=object_name(declarations[0].name),
        namespace=options.lease or "podid",
        image=options.image or f"ghcr.io/podid/podid:{VERSION}",
        cluster_arn=place.the_cluster.arn,
        # variables have their values in it, and policy files are part of it
        files={"identities.yaml": declarations_text(map(self_contained, declarations))},
        words=(
            *("reconcile", f"--file={MOUNT}", *(["--apply"] if options.applies else ())),
            *given_options(options.ownership),
            *(["--take-over"] if access.shared.take_over else ()),
            *(["--yes"] if options.applies and options.ownership.prune else ()),
        ),
    )
    if not schedule_of(options.interval):
        minutes, hours = (", ".join(map(str, numbers)) for numbers in (MINUTES, HOURS))
        terminal.note(
            f"note: no CronJob is printed, because no schedule has the interval {options.interval:g}s; a CronJob "
            f"requires 1d, or a number of minutes ({minutes}) or hours ({hours})"
        )
    view = manifests_view(setting, *granted(options, declarations), options.interval)
    if not options.write:
        terminal.emit(view)
        return
    for name, text in files_of(view):
        file = terminal.file_in(options.write, name, force=options.force)
        file.write(text.encode())
        terminal.note(f"Saved to {file.name}")
