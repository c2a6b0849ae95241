"""podid privileges."""

from datetime import timedelta

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.option import seconds
from podid.ops.permissions.request import PrivilegeOptions

# IAM makes the report within seconds
REPORT_SECONDS = 30.0


@command(
    shared=(*CLUSTER, *KUBERNETES),
    needs="READING_SESSION",
    optional=(
        ("unused privileges", "Iam.start_usage_report Iam.find_usage_report"),
        "NAMES_OF_SESSION",
    ),
)
def privileges(access: Access, options: PrivilegeOptions) -> None:
    """Show the privileges of a service account's pods.

    For each service, podid shows the access levels of the allowed actions, as AWS classifies them: list, read, tagging,
    write and permissions management. It marks wildcards: every action of a service, or every resource. Privilege
    escalation paths are combinations of actions with which the pods can get more privileges, such as iam:PassRole with
    ec2:RunInstances.

    podid marks a service as unused if IAM's last accessed information on the role shows no use within --older-than. For
    a younger role, the use is not known.

    podid evaluates the policies of the role as podid can-i does. It does not check resource policies or policies of
    the organization. Exit 9 if a policy could not be read.

    Example: podid privileges shop/orders

    Example: podid privileges --role orders -o json --query 'services[?everyResource].service'

    Example: podid privileges --policy-file policy.json
    """
    from podid.commands.permissions.sessions import read_session
    from podid.ops.audit.unused import read_window
    from podid.ops.permissions.actions import action_table
    from podid.ops.permissions.privileges import read_privileges, with_last_use
    from podid.render.access import privileges_view

    since = read_window(timedelta(seconds=seconds(options.older_than, "--older-than")), access.runtime.now())
    with access.terminal.working("reading the policies"):
        session = read_session(access, options)
        answer = read_privileges(session, action_table())
        if not options.policy_files:
            iam, patience = access.clients.iam_of(session.profile), access.patience(REPORT_SECONDS)
            answer = with_last_use(answer, iam, since, patience)
    access.terminal.emit(privileges_view(answer))
    access.terminal.leave(answer.exit_code)
