"""podid restart."""

from podid.cli.arguments import FORCE, SERVICE_ACCOUNTS
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.option import switch
from podid.domain.rights import CommandRights, OptionalRight


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.cli import rights
    from podid.domain.plan import Verb
    from podid.kube.writer import KubeWriter
    from podid.ops.change.kinds import RESTART

    return CommandRights.of(
        Eks.list_association_summaries,
        *RESTART.calls(Verb.RESTART),
        optional=(
            *rights.REACHED,
            OptionalRight.of("--evict: taking pods of OnDelete workloads away", KubeWriter.evict),
            rights.NAMING_NAMESPACES_TOO,
            OptionalRight.of("--stale: when the associations were last changed", Eks.list_associations),
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *CHANGE, "wait"), rights=rights)
def restart(
    access: Access,
    terminal: Terminal,
    targets: tuple[str, ...] = SERVICE_ACCOUNTS,
    stale: bool = switch(
        "Only workloads with pods that lack the injected fields, or that are older than a change of their "
        "association whose credentials from before can still be in use."
    ),
    evict: bool = switch("Evict the pods of OnDelete workloads, one at a time, within disruption budgets."),
    force: bool = FORCE,
) -> None:
    """Restart the workloads of service accounts. More than one asks first, or needs --yes.

    Their controllers replace the pods, as with `kubectl rollout restart`. podid restarts missed pods again, at most
    twice, and then waits until the new pods are ready. A restart does not replace bare and static pods, Jobs, paused
    workloads, and OnDelete workloads without --evict; podid names them and what to do instead. You can also name a
    service account whose association was deleted. podid does not restart workloads whose new pods would not get the
    credentials that running pods have. Exit 6 if that is all of them.

    Example: podid restart -n shop --stale
    """
    from dataclasses import replace

    from podid.cli import typed
    from podid.cli.changing import agree, report, restarting, settle_interrupted, waiting
    from podid.cli.foreseeing import look_ahead
    from podid.domain.plan import Status
    from podid.ops.association.aftermath import after_restart
    from podid.ops.restart.dry_runs import SECONDS_OF_DRY_RUNS, missed_by_webhook
    from podid.ops.restart.journalled import restart_journalled, restart_plan
    from podid.ops.restart.refusal import obstacle, refusal
    from podid.ops.restart.rollout import with_obstacles
    from podid.ops.restart.targets import find_associated_targets
    from podid.render.changes import plan_view

    refs = typed.whose_pods(targets, access.shared, access.sources)
    place = access.place(for_change=True)
    access.kube.needed()
    settle_interrupted(access, terminal, place)
    with terminal.working("looking for pods"):
        now = access.runtime.now()
        found = find_associated_targets(
            access.clients, place, refs, namespace=access.shared.namespace, stale=stale, now=now
        )
        found = with_obstacles(access.clients.kube.reader, found, evict=evict)
    free = [target for target in found if target.obstacle is None]
    notes: tuple[str, ...] = ()
    outlook = None
    if free:
        whom = sorted({ref for target in free for ref in target.refs})
        ahead = look_ahead(access, terminal, place, restart_plan(place, free), whom)
        outlook, harms = ahead.outlook()
        harmed = {harm.workload: harm for harm in harms}
        with terminal.working("checking what new pods would get"):
            left = [target for target in free if target.workload.subject not in harmed]
            missed, notes = missed_by_webhook(access.kube, left, access.patience(SECONDS_OF_DRY_RUNS))
        if missed:
            outlook, harms = ahead.outlook(missed)
            harmed = {harm.workload: harm for harm in harms}
        if harmed and not force:
            if all(target.workload.subject in harmed for target in free):
                raise refusal(tuple(harmed.values()))
            found = tuple(
                replace(target, obstacle=obstacle(harm)) if (harm := harmed.get(target.workload.subject)) else target
                for target in found
            )
            # what is left alone is shown as it is
            ahead = replace(ahead, plan=restart_plan(place, [target for target in found if target.obstacle is None]))
            outlook, _ = ahead.outlook(missed)
    plan = replace(restart_plan(place, found).noting(notes), outlook=outlook)
    if access.shared.dry_run:
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
    replaced = [target for target, item in zip(found, result.done, strict=True) if item.status is Status.DONE]
    whom = sorted({ref for target in replaced for ref in target.refs})
    with terminal.working("checking what the new pods get"):
        result = after_restart(waiting(access, place), result, whom)
    report(terminal, replace(result, plan=result.plan.noting(notes)), nothing=nothing)
