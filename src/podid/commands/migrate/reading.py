"""Read the migration of a cluster: the common part of the commands of podid migrate."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from podid.cli.access import Access
from podid.domain.dependents import not_read
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Place, Plan
from podid.ops.agent.install import prepare
from podid.ops.agent.request import InstallRequest
from podid.ops.migrate.base_role import BaseRole
from podid.ops.migrate.carry import ChosenItems
from podid.ops.migrate.items import Migration, read_migration, scope_of
from podid.ops.migrate.request import ApplyOptions, MigrationOptions
from podid.ops.migrate.saved import check_plan, creates_accounts
from podid.ops.reading.scope import EVERYTHING
from podid.render.migration import item_lines


def read(
    access: Access,
    place: Place,
    which: MigrationOptions | None = None,
    *,
    refs: Collection[ServiceAccountRef] = (),
    complete: bool = False,
    removing: bool = False,
    **how: Any,
) -> Migration:
    """Return the migration of `which` service accounts, by default of the cluster. Raise NotFound if one of them, or of
    `refs`, does not exist; with `complete` the failure of a read. For `removing` the previous credentials, raise
    Undetermined for any unread part, unless the user accepts that."""
    namespace, options, scope = access.shared.namespace, which or MigrationOptions(), EVERYTHING
    if which is not None:
        refs = which.service_accounts
        scope = scope_of(refs, namespace)
    how |= {"now": access.runtime.now(), "journal": access.journal_to_read, "adjust": access.with_commands}
    with access.terminal.working(f"reading cluster {place.cluster_name}"):
        migration = read_migration(access.clients, place, options, scope, **how)
    if removing and migration.gaps and not access.shared.accept_unread:
        raise not_read("the previous credentials", migration.gaps)
    if complete or removing:
        migration.check_read()
    migration.check_exist(refs, namespace)
    return replace(migration, items=tuple(item.with_commands(access.at_place) for item in migration.items))


def choose(access: Access, place: Place, options: ApplyOptions, saved: Mapping[str, Any] | None) -> ChosenItems:
    """Return the items to migrate, of the `saved` plan if there is one. Print all items."""
    agent = Plan(header=place.header, actions=())
    if options.install_agent:
        agent = plan_agent(access, place)
    migration = read(
        access,
        place,
        options.which,
        complete=True,
        first=agent,
        base_role=BaseRole(options.base_role, options.target_profile),
        create=options.create_service_accounts or (saved is not None and creates_accounts(saved)),
        tags=options.tag,
    )
    if saved is not None:
        migration = migration.only(check_plan(saved, migration, options.plan))
    items, blocked = migration.selected(options)
    access.terminal.note(*item_lines(migration.items))
    return ChosenItems(migration=migration, items=items, blocked=blocked, agent=agent)


def plan_agent(access: Access, place: Place) -> Plan:
    """Return the plan that installs the agent; empty if it is installed. Raise as `podid install-agent` does."""
    plan, installed = prepare(access.clients, place, InstallRequest(), now=access.runtime.now())
    return Plan(header=place.header, actions=()) if installed else plan
