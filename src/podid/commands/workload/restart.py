"""podid restart."""

from typing import Annotated

import typer

from podid.cli.arguments import AnyServiceAccounts
from podid.cli.command import Access, Shared, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.rights import CommandRights, OptionalRight


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.cli import rights
    from podid.domain.plan import Verb
    from podid.kube.reader import KubeReader
    from podid.kube.writer import KubeWriter
    from podid.ops.change.kinds import RESTART

    return CommandRights.of(
        Eks.list_association_summaries,
        *RESTART.calls(Verb.RESTART),
        optional=(
            *rights.REACHED,
            OptionalRight.of(
                "seeing that there is an agent at all", KubeReader.list_agent_daemon_sets, KubeReader.list_nodes
            ),
            OptionalRight.of("--evict: taking pods of OnDelete workloads away", KubeWriter.evict),
            rights.NAMING_NAMESPACES_TOO,
            OptionalRight.of("--stale: when the associations were last changed", Eks.list_associations),
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *CHANGE), rights=rights)
def restart(
    access: Access,
    terminal: Terminal,
    options: Shared,
    targets: AnyServiceAccounts = None,
    stale: Annotated[
        bool,
        typer.Option(
            "--stale",
            help="Only workloads with pods that lack the injected fields, or that are older than a change of their "
            "association whose credentials from before can still be in use.",
        ),
    ] = False,
    evict: Annotated[
        bool,
        typer.Option("--evict", help="Evict the pods of OnDelete workloads, one at a time, within disruption budgets."),
    ] = False,
) -> None:
    """Restart the workloads of service accounts. More than one asks first, or needs --yes.

    Their controllers replace the pods, as `kubectl rollout restart` does; pods that were missed are restarted again, at
    most twice. What no restart replaces (bare and static pods, Jobs, paused workloads, and OnDelete ones without
    --evict) is named with what to do instead. A service account may be named whose association is gone: then pods that
    still carry it are replaced. Where new pods would be given no credentials, those that run are left alone.

    Example: podid restart -n shop --stale
    """
    from dataclasses import replace

    from podid.cli import typed
    from podid.cli.changing import agree, report, restarting, settle_interrupted
    from podid.ops.restart.ahead import SECONDS_AHEAD, look_ahead
    from podid.ops.restart.journalled import restart_journalled, restart_plan
    from podid.ops.restart.rollout import with_obstacles
    from podid.ops.restart.targets import find_associated_targets
    from podid.render.changes import plan_view

    refs = typed.whose_pods(targets, options, access.sources)
    place = access.place(for_change=True)
    access.kube.needed()
    settle_interrupted(access, terminal, place)
    with terminal.working("looking for pods"):
        now = access.runtime.now()
        found = find_associated_targets(access.clients, place, refs, namespace=options.namespace, stale=stale, now=now)
        found = with_obstacles(access.clients.kube.reader, found, evict=evict)
    with terminal.working("looking at what new pods would be given"):
        found, notes = look_ahead(access.clients.kube, found, access.patience(SECONDS_AHEAD))
    plan = restart_plan(place, found).noting(notes)
    if options.dry_run:
        terminal.emit(plan_view(plan))
        return
    if found:
        count = sum(target.obstacle is None for target in found)
        question = f"Restart {count} workloads?" if count > 1 else ""
        agree(access, terminal, plan, question, needed_for="Restarting more than one workload")
    access.runtime.changing = bool(found)
    nothing = "nothing to restart" + (": every pod carries what its association gives" if stale else "")
    how = replace(restarting(access, terminal), evict=evict)
    result = restart_journalled(access.clients, place, found, how)
    report(terminal, replace(result, plan=result.plan.noting(notes)), nothing=nothing)
