"""podid migrate apply."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.errors import Declined, ExitCode, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import ChangeResult, Consent, Plan
from podid.domain.text import count_of
from podid.ops.migrate.request import ApplyOptions

if TYPE_CHECKING:
    from podid.cli.changing import Change


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *CHANGE),
    needs="MIGRATION ROLE_TRUST.update ASSOCIATION.create",
    optional=(
        ("rolling back failed service accounts", "ASSOCIATION.delete"),
        (
            "--create-service-accounts; grant it per namespace",
            "SERVICE_ACCOUNT.create POD_TEMPLATE.update KubeReader.list_bindings",
        ),
        "MIGRATION_TRAIL MANY_ROLES READING_ADDONS MIGRATING_ADDONS",
        ("--base-role", "ROLE.create ROLE_POLICY.create"),
        "TARGET_ROLE POLICY_CHECKS",
        ("--install-agent", "INSTALLING_AGENT"),
        "DRY_RUNS RESTARTING",
        ("redeeming pods' tokens; grant it per namespace", "TOKENS"),
    ),
)
def apply(access: Access, options: ApplyOptions) -> None:
    """Migrate service accounts to Pod Identity.

    For each service account, podid extends the trust policy of its role, creates the association, waits until it takes
    effect, restarts the workloads and redeems a token of every pod. podid does not change IRSA, kiam or kube2iam, so
    pods always have credentials. If a service account fails, podid deletes its association and restarts its workloads
    with the previous credentials. With --create-service-accounts, podid creates separate service accounts for workloads
    that share one. podid migrates the first service account alone. --timeout limits each wait for credentials, not the
    whole command. A rerun continues after the last completed step. The command asks for confirmation, or requires
    --yes.

    Example: podid migrate apply shop/orders

    Example: podid migrate apply -n shop --yes

    Example: podid migrate apply -n shop --create-service-accounts --yes

    Example: podid migrate apply --plan plan.json
    """
    from podid.cli.changing import Change
    from podid.ops.migrate.items import read_plan

    access.limit_waits()
    saved = read_plan(access.terminal.read_file(options.plan), options.plan) if options.plan else None
    if saved is None:
        access.check_whose_pods(options.which.service_accounts)
    elif options.which.service_accounts:
        raise UsageError("--plan and service accounts cannot be used together")
    change = Change(access, access.place(for_change=True))
    access.kube.needed()
    with change.alone():
        _apply(change, options, saved)


def _apply(change: Change, options: ApplyOptions, saved: Mapping[str, Any] | None) -> None:
    from podid.commands.migrate.reading import read
    from podid.ops.association.aftermath import ASSOCIATION_SECONDS
    from podid.ops.migrate.base_role import BaseRole
    from podid.ops.migrate.carry import Carrying, carry_out, joined, plan_agent
    from podid.ops.migrate.items import check_plan, creates_accounts
    from podid.render.changes import plan_view
    from podid.render.migration import item_lines

    access, place = change.access, change.place
    change.settle()
    first = nothing = Plan(header=place.header, actions=())
    if options.install_agent:
        first = plan_agent(access.clients, place, access.runtime.now())
    migration = read(
        access,
        place,
        options.which,
        complete=True,
        first=first,
        base_role=BaseRole(options.base_role, options.target_profile),
        create=options.create_service_accounts or (saved is not None and creates_accounts(saved)),
        tags=options.tag,
    )
    if saved is not None:
        migration = migration.only(check_plan(saved, migration, options.plan))
    items, blocked = migration.selected(options)
    access.terminal.note(*item_lines(migration.items))
    plan = migration.only(items).plan
    plan = first.then(plan.noting(change.owner_notes(plan))) if items else nothing
    if access.shared.dry_run:
        access.terminal.emit(plan_view(plan))
        return
    if items:
        change.show(plan)
        if saved is None and not options.approve_each:
            question = f"Migrate {count_of(len(items), 'service account')} and restart their workloads?"
            access.terminal.consent(Consent(question=question, needed_for="Migrating service accounts"))
    agree = cache(partial(_agrees, access)) if options.approve_each else None
    if agree is not None and not any(agree(item.ref) for item in items):
        items = ()  # the agent, too, is only installed for an item that will be migrated
    access.runtime.changing = True
    installed = _install_agent(change, first) if items and first.actions else None
    how = Carrying(
        clients=access.clients,
        journal=access.journal,
        command=access.runtime.argv,
        patience=access.patience(ASSOCIATION_SECONDS),
        restarting=change.plan_restarts(),
        options=options,
        agree=agree,
    )
    try:
        result = carry_out(migration, how, items, blocked)
    finally:
        access.terminal.progress.done()
    change.report(result if installed is None else joined(installed, result))


def _install_agent(change: Change, plan: Plan) -> ChangeResult:
    """Install the agent and wait for it. Leave with its result if that failed."""
    from dataclasses import replace

    from podid.ops.agent.waiting import INSTALL_SECONDS, after_install

    access = change.access
    try:
        result = change.carry_out(plan)
        result = after_install(replace(change.waiting(seconds=INSTALL_SECONDS), wait=None), result)
    finally:
        access.terminal.progress.done()
    if result.exit_code is not ExitCode.OK:
        change.report(result)
    return result


def _agrees(access: Access, ref: ServiceAccountRef) -> bool:
    try:
        access.terminal.consent(Consent(question=f"Migrate {ref}?", needed_for="--approve-each"), flag="")
    except Declined:
        return False
    return True
