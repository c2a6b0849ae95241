"""podid unused."""

from datetime import timedelta

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.names import ServiceAccountRef
from podid.domain.option import seconds
from podid.ops.options import OLDER_THAN, SERVICE_ACCOUNTS

# IAM takes seconds for a report, and makes all of them concurrently
_REPORT_SECONDS = 120.0


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES),
    needs="READING_UNUSED Iam.start_usage_report Iam.find_usage_report Iam.list_roles",
    optional=(
        "MANY_ROLES",
        ("associations whose role other principals can also assume", "CloudTrail.iter_sessions"),
        (
            "NS/SA, -n: whether it exists",
            (
                "KubeReader.list_service_accounts KubeReader.list_namespaces KubeReader.list_pods "
                "KubeReader.list_workloads"
            ),
        ),
    ),
)
def unused(
    access: Access,
    service_accounts: tuple[ServiceAccountRef, ...] = SERVICE_ACCOUNTS,
    older_than: str = OLDER_THAN,
) -> None:
    """List associations, roles and permissions that are not used.

    podid reads the last use of each role, and IAM's reports on its services and actions. Without NS/SA or -n it also
    lists roles without an association. podid does not evaluate associations and roles that are younger than
    --older-than, or associations that were changed since and their roles. IAM does not report the age of a role's
    permissions.

    IAM reports attempts of the last 400 days, including denied ones, with a delay of up to four hours. It reports
    single actions only for some services, and only management actions. The use of other actions of a used service is
    unknown. If other principals can also assume the role of an association, podid searches CloudTrail for sessions of
    the service account. CloudTrail keeps events for 90 days.

    Exit 9 if a part could not be read.

    Example: podid unused

    Example: podid unused shop/orders --older-than 30d

    Example: podid unused -o json --query 'items[?verdict == `unused`].[kind, roleArn, services]'
    """
    from podid.ops.audit.unused import find_unused, read_window
    from podid.ops.reading.scope import DoctorScope
    from podid.render.access import unused_view

    access.check_whose_pods(service_accounts, everywhere=True)
    terminal, namespace, age = (
        access.terminal,
        access.shared.namespace or "",
        timedelta(seconds=seconds(older_than, "--older-than")),
    )
    now = access.runtime.now()
    since = read_window(age, now)
    scope = DoctorScope.of(service_accounts) if service_accounts else DoctorScope(namespace=namespace, typed=namespace)
    place, patience = access.place(), access.patience(_REPORT_SECONDS)
    with terminal.working("reading the last use of roles"):
        report = find_unused(access.clients, place, scope, since, patience, now)
    terminal.emit(unused_view(report, age.days, short=terminal.for_person))
    terminal.leave(report.exit_code)
