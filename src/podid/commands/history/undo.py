"""podid undo."""

from functools import partial

from podid.cli.command import Access, command
from podid.cli.options import AWS, KUBERNETES, NARROW
from podid.domain.errors import Other, UsageError
from podid.domain.option import argument, switch
from podid.domain.permissions import CommandPermissions
from podid.domain.plan import Verb
from podid.ops.options import FORCE


def permissions_for(run_id: str | None, access: Access, **_: object) -> CommandPermissions:
    """Return the permissions to undo the named run, by default any run."""
    from podid.cli.permissions import UNDOING, undoing
    from podid.ops.change.kinds import kind_of

    if run_id is None:
        return UNDOING
    run = access.journal.peek(run_id)
    runs = access.journal.of_command(run) if run_id == "last" else (run,)
    actions = [step.action for run in runs for step in run.changed]
    back = {Verb.CREATE: Verb.DELETE, Verb.DELETE: Verb.CREATE}
    return undoing((kind_of(action.kind), back.get(action.verb, action.verb)) for action in actions)


@command(shared=(*AWS, *KUBERNETES, *NARROW, "wait"), needs="UNDOING", permissions_for=permissions_for)
def undo(
    access: Access,
    run_id: str | None = argument(
        "RUN", "Run: its id, at least six characters of its start or end, or 'last'.", default=None
    ),
    restart: bool = switch("Restart the workloads whose associations change."),
    force: bool = FORCE,
) -> None:
    """Undo one run. Asks for confirmation, or requires --yes.

    podid does not undo a run if a resource has changed since, or if the run was made in another account, region or
    cluster. 'last' is the newest run that can be undone and is not an undo itself. If a command changed several
    clusters, 'last' undoes its runs in all of them. Some runs require confirmation on a terminal even with --yes: a run
    of another caller, and an undo that may make a role an administrator, that allows another account in a trust policy,
    or that removes a permissions boundary. The undo of podid migrate apply always restarts the workloads.
    --show-permissions prints the permissions that undoing RUN requires.

    Example: podid undo last

    Example: podid undo last --dry-run

    Example: podid undo last --yes --restart
    """
    from podid.cli.multicluster import over_clusters
    from podid.commands.history.undoing import at_run, tell_others, undo_run

    if run_id is None and access.runtime.interactive:
        from podid.cli.guide.run import guide_undo

        raise guide_undo(access)
    if run_id is None:
        raise UsageError("Specify the run: its id, or 'last'", hint=Other(("history",)))
    recorded = access.journal.get(run_id)
    runs = access.journal.of_command(recorded)
    if run_id != "last" or len(runs) == 1:
        undo_run(access, recorded, restart=restart, force=force)
        tell_others(access, recorded, runs)
        return
    # a change in several clusters is undone in all of them
    reached = [(at_run(access, run), run) for run in runs]
    over_clusters(
        access,
        [
            (run.header.cluster, local, partial(undo_run, local, run, restart=restart, force=force, together=runs))
            for local, run in reached
        ],
    )
