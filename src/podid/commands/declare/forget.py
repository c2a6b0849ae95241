"""podid forget."""

from functools import partial

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.declaration import OWNER_KEY
from podid.domain.errors import UsageError
from podid.domain.names import ServiceAccountRef, check_role
from podid.domain.option import included, option, options, repeatable
from podid.ops.declare.request import FileOptions
from podid.ops.options import SERVICE_ACCOUNTS


@options
class ForgetOptions:
    service_accounts: tuple[ServiceAccountRef, ...] = SERVICE_ACCOUNTS
    roles: tuple[str, ...] = repeatable(
        "ROLE", "Role, by name or ARN.", name="--role", read=lambda texts: tuple(map(check_role, texts))
    )
    files: FileOptions = included(FileOptions)
    owner_key: str = option("KEY", "Key of the mark, if it is not podid:owner.", default=OWNER_KEY)


@command(
    shared=(*CLUSTER, *KUBERNETES, *CHANGE),
    needs="Eks.get_cluster Eks.list_associations Eks.untag_association",
    optional=(
        ("--role", "Iam.find_role Iam.untag_role"),
        ("-f: the roles of the file", "Iam.list_roles Iam.find_role Iam.untag_role"),
        ("clusters by tags", "Eks.list_clusters Eks.find_cluster_tags"),
        ("naming roles that do not exist", "Iam.list_role_names"),
        ("naming service accounts", "KubeReader.find_service_account KubeReader.list_service_accounts"),
    ),
    several=("cluster",),
)
def forget(access: Access, options: ForgetOptions) -> None:
    """Remove the mark of a file from associations and roles.

    The mark is a tag with the name of the file that owns the resource. podid apply does not change a resource without a
    mark unless you pass --adopt, and --prune does not delete it. With -f, podid removes the marks of the file from all
    of its associations and roles, in each cluster of the file. It changes nothing else and requires no confirmation.

    Example: podid forget shop/orders

    Example: podid forget --role shop-orders

    Example: podid forget -f identities.yaml --dry-run
    """
    from podid.cli.changing import Change
    from podid.cli.multicluster import over_clusters
    from podid.commands.declare.planning import reach
    from podid.ops.declare.clusters import FileSite
    from podid.ops.declare.ownership import plan_forget, plan_forget_file

    specified = bool(options.service_accounts or options.roles)
    if specified == bool(options.files.files):
        raise UsageError("Specify service accounts and roles (NS/SA, --role NAME), or files (-f FILE)")
    if specified:
        change = Change.begin(access)
        change.run(
            plan_forget(access.clients, change.place, options.service_accounts, options.roles, options.owner_key)
        )
        return
    reached = reach(access, options.files, settle=True)
    last = reached[-1][1]

    def in_one(change: Change, site: FileSite) -> None:
        change.run(plan_forget_file(site, roles=change is last))

    over_clusters(access, [(name, change.access, partial(in_one, change, site)) for name, change, site in reached])
