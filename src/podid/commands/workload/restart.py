"""podid restart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, CONFIRM, KUBERNETES, NAMESPACES
from podid.domain.names import ServiceAccountRef
from podid.domain.option import options, switch
from podid.domain.plan import Consent, Status
from podid.ops.options import FORCE, SERVICE_ACCOUNTS

if TYPE_CHECKING:
    from podid.ops.restart.targets import Target, Tried


@options
class RestartOptions:
    service_accounts: tuple[ServiceAccountRef, ...] = SERVICE_ACCOUNTS
    stale: bool = switch("Restart only workloads with stale pods (podid status).")
    evict: bool = switch("Evict the pods of OnDelete workloads, one at a time, within disruption budgets.")
    force: bool = FORCE


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *CONFIRM, "wait"),
    needs="Eks.list_association_summaries RESTART.restart",
    optional=(
        "REACHED",
        ("--evict: evicting pods of OnDelete workloads", "KubeWriter.evict"),
        "NAMING_NAMESPACES_TOO REFUSED_PODS",
        ("--stale: finding the stale pods", "Eks.list_associations"),
    ),
)
def restart(access: Access, options: RestartOptions) -> None:
    """Restart the workloads of service accounts. More than one workload requires confirmation, or --yes.

    The controllers of the workloads replace the pods, as with kubectl rollout restart. podid waits until the new pods
    are ready, and restarts again, at most twice, if new pods lack the injected fields. podid cannot restart bare and
    static pods, Jobs, paused workloads, and OnDelete workloads without --evict. It lists them with the alternative for
    each. You can also specify a service account whose association was deleted. podid skips workloads whose new pods
    would be broken, unless the pods use credentials of their own, such as static access keys. Exit 6 if all are
    skipped.

    Example: podid restart shop/orders

    Example: podid restart -n shop --stale

    Example: podid restart -A --stale --dry-run
    """
    from podid.cli.changing import Change
    from podid.cli.guide.run import ask_instead
    from podid.ops.association.aftermath import after_restart
    from podid.ops.restart.rollout import restart_journalled, with_obstacles
    from podid.ops.restart.targets import SECONDS_OF_DRY_RUNS, choose, find_associated_targets, try_new_pods
    from podid.render.changes import plan_view

    ask_instead(access, "restart")
    refs, stale, namespace = options.service_accounts, options.stale, access.shared.namespace
    access.check_whose_pods(refs)
    place = access.place(for_change=True)
    access.kube.needed()
    change = Change.begin(access, place)
    with access.terminal.working("reading pods"):
        now, journal = access.runtime.now(), access.journal
        targets = find_associated_targets(
            access.clients, place, refs, namespace=namespace, stale=stale, now=now, journal=journal
        )
        targets = with_obstacles(access.clients.kube.reader, targets, evict=options.evict)

    def try_pods(targets: Sequence[Target]) -> Tried:
        with access.terminal.working("checking the credentials of new pods"):
            return try_new_pods(access.kube, targets, access.patience(SECONDS_OF_DRY_RUNS))

    targets, plan = choose(place, targets, change.forecast, try_pods, force=options.force)
    if access.shared.dry_run:
        access.terminal.emit(plan_view(plan))
        return
    if targets:
        count = sum(target.obstacle is None for target in targets)
        consent = Consent(question=f"Restart {count} workloads?", needed_for="Restarting more than one workload")
        change.agree(plan, consent if count > 1 else None)
    access.runtime.changing = bool(targets)
    how = change.plan_restarts(evict=options.evict)
    result = restart_journalled(access.clients, place, targets, how)
    replaced = [target for target, item in zip(targets, result.done, strict=True) if item.status is Status.DONE]
    with access.terminal.working("checking the credentials of new pods"):
        whom = sorted({ref for target in replaced for ref in target.refs})
        result = after_restart(change.waiting(), result, whom)
    nothing = "nothing to restart" + (": no pod is stale" if stale else "")
    change.report(replace(result, plan=result.plan.noting(plan.notes)), nothing=nothing)
