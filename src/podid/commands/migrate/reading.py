"""Read the migration of a cluster: the common part of the commands of podid migrate."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from podid.cli.access import Access
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Place
from podid.ops.migrate.items import Migration, read_migration, scope_of
from podid.ops.migrate.request import MigrationOptions


def read(
    access: Access,
    place: Place,
    which: MigrationOptions | None = None,
    *,
    refs: Collection[ServiceAccountRef] = (),
    complete: bool = False,
    **how: Any,
) -> Migration:
    """Return the migration of `which` service accounts, by default of the cluster. Raise NotFound if one of them, or of
    `refs`, does not exist; with `complete` the failure of a read."""
    namespace = access.shared.namespace
    if which is not None:
        refs = which.service_accounts
        how |= {"options": which, "scope": scope_of(refs, namespace)}
    now, journal = access.runtime.now(), access.journal_to_read
    with access.terminal.working(f"reading cluster {place.cluster_name}"):
        migration = read_migration(access.clients, place, now=now, journal=journal, adjust=access.with_commands, **how)
    if complete:
        migration.check_read()
    migration.check_exist(refs, namespace)
    return replace(migration, items=tuple(item.with_commands(access.at_place) for item in migration.items))
