"""podid migrate status."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.ops.migrate.request import MigrationOptions


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, "journal_dir"),
    needs="MIGRATION",
    optional=("MIGRATION_TRAIL MANY_ROLES READING_ADDONS",),
)
def status(access: Access, options: MigrationOptions) -> None:
    """Show the migration stage of each service account.

    podid lists service accounts by stage: old, admitted, associated, moved, proven, clean. It derives the stage from
    AWS and the cluster, so anyone can continue a migration. It also prints the next command. Only --cloudtrail shows
    the stage proven: EKS has issued the role to every running pod. Calls appear in CloudTrail after a few minutes. Exit
    9 if something could not be read.

    Example: podid migrate status

    Example: podid migrate status -n shop

    Example: podid migrate status shop/orders --cloudtrail
    """
    from podid.commands.migrate.reading import read
    from podid.render.migration import migration_status_view

    access.check_whose_pods(options.service_accounts, everywhere=True)
    migration = read(access, access.place(), options)
    result = migration.status(access.at_place)
    access.terminal.emit(migration_status_view(result, short=access.terminal.for_person))
    access.terminal.leave(result.exit_code)
