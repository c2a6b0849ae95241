"""podid migrate apply."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.migration import Stage
from podid.domain.option import included, number, option, options, switch
from podid.domain.permissions import CommandPermissions
from podid.ops.migrate.request import MigrationOptions, read_stage

if TYPE_CHECKING:
    from podid.domain.migration import MigrationItem


def permissions() -> CommandPermissions:
    from podid.checks.all import ALL
    from podid.cli import permissions
    from podid.domain.permissions import permissions_of
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import ASSOCIATION, ROLE_TRUST
    from podid.ops.reading.sections import permissions as permissions_of_checks

    changes = (*ROLE_TRUST.calls(Verb.UPDATE), *ASSOCIATION.calls(Verb.CREATE, Verb.DELETE))
    return CommandPermissions(
        permissions_of_checks(ALL) | permissions_of(changes),
        (permissions.DRY_RUNS, permissions.RESTARTING, permissions.TOKENS),
    )


@options
class ApplyOptions:
    which: MigrationOptions = included(MigrationOptions)
    plan: str = option("FILE", "Carry out a saved plan ('-' is stdin). It is the confirmation.", default="")
    until: Stage = option(
        "STAGE",
        "Stop at this stage: admitted, associated, moved or proven.",
        default=Stage.PROVEN,
        read=partial(read_stage, option="--until"),
    )
    parallel: int = number("N", "Service accounts to migrate at the same time.", default=10, bounds=(1, 100))
    max_failures: int = number(
        "N", "Start no further batch after more failures than this.", default=0, bounds=(0, 5000)
    )
    keep_failed: bool = switch("Leave failed service accounts as they are instead of taking them back to IRSA.")
    approve_each: bool = switch("Ask before each service account.")


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *CHANGE), permissions=permissions)
def apply(access: Access, options: ApplyOptions) -> None:
    """Migrate service accounts from IRSA to Pod Identity.

    For each service account, podid extends the trust policy of its role, creates the association, waits until it takes
    effect, restarts the workloads and redeems a token of every pod. It changes nothing of IRSA, so pods get credentials
    at every moment. If a service account fails, podid deletes its association and restarts it with IRSA.
    The first service account is migrated alone. A rerun continues where an earlier run stopped.
    Asks first, or requires --yes.

    Example: podid migrate apply shop/orders
    Example: podid migrate apply -n shop --yes
    Example: podid migrate apply --plan plan.json
    """
    from dataclasses import replace

    from podid.cli.changing import report, restarting, settle_interrupted, show
    from podid.domain.errors import Declined, UsageError
    from podid.domain.plan import Consent
    from podid.domain.text import count_of
    from podid.ops.association.aftermath import ASSOCIATION_SECONDS
    from podid.ops.migrate.carry import Carrying, carry_out
    from podid.ops.migrate.items import read_migration, scope_of
    from podid.ops.migrate.saved import check_plan, read_plan
    from podid.render.changes import plan_view
    from podid.render.migration import item_lines

    saved = read_plan(access.terminal.read_file(options.plan), options.plan) if options.plan else None
    if saved is None:
        access.check_whose_pods(options.which.service_accounts)
    elif options.which.service_accounts:
        raise UsageError("--plan and service accounts cannot be used together")
    place = access.place(for_change=True)
    access.kube.needed()
    settle_interrupted(access, place)
    with access.terminal.working(f"reading cluster {place.cluster_name}"):
        migration = read_migration(
            access.clients,
            place,
            scope=scope_of(options.which.service_accounts, access.shared.namespace),
            now=access.runtime.now(),
            journal=access.journal,
            accepted=options.which.accepts,
            adjust=access.with_commands,
        )
    if saved is not None:
        migration = replace(migration, items=check_plan(saved, migration, options.plan))
    items = migration.ready(options.which, options.until)
    access.terminal.note(*item_lines(migration.items))
    if access.shared.dry_run:
        access.terminal.emit(plan_view(migration.plan))
        return
    if items:
        show(access, migration.plan)
        question = f"Migrate {count_of(len(items), 'service account')} and restart their workloads?"
        if saved is None:
            access.terminal.consent(Consent(question=question, needed_for="Migrating service accounts"))

    def agree(item: MigrationItem) -> bool:
        if not options.approve_each:
            return True
        try:
            access.terminal.consent(Consent(question=f"Migrate {item.ref}?", needed_for="--approve-each"), flag="")
        except Declined:
            return False
        return True

    access.runtime.changing = True
    how = Carrying(
        clients=access.clients,
        journal=access.journal,
        command=access.runtime.argv,
        patience=access.patience(ASSOCIATION_SECONDS),
        restarting=restarting(access),
        until=options.until,
        parallel=options.parallel,
        max_failures=options.max_failures,
        keep_failed=options.keep_failed,
        agree=agree,
    )
    try:
        result = carry_out(migration, how, items)
    finally:
        access.terminal.progress.done()
    report(access, result)
