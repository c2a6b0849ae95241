"""podid can-i."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.names import Arn
from podid.ops.permissions.request import CanOptions


@command(
    shared=(*CLUSTER, *KUBERNETES),
    needs="READING_SESSION",
    optional=(
        ("IAM's policy simulator, with service control policies", "Iam.simulate"),
        "RESOURCE_POLICIES NAMES_OF_SESSION",
    ),
)
def can_i(access: Access, options: CanOptions) -> None:
    """Check whether a service account's pods may perform actions.

    podid evaluates the policies of the role, its permissions boundary, the session policy and role chaining, and shows
    the deciding statement. If the caller is authorized to use IAM's policy simulator, podid also simulates the actions.
    The simulator includes service control policies. podid reports any difference between the two results.

    Without --resource, podid lists the resources. A pattern such as 's3:*' lists the actions that are allowed. podid
    sets the session tags of the pods. Specify other condition keys with --context-key.

    With --resource, podid also reads the policies of S3 buckets, KMS keys, roles, SQS queues, SNS topics, secrets,
    Lambda functions and DynamoDB tables. podid does not check other resource policies. The last line lists them.

    Exit 0 if all actions are allowed, 3 if one is denied, 9 if one is not known.

    Example: podid can-i shop/orders s3:GetObject --resource arn:aws:s3:::reports/2026.csv

    Example: podid can-i pod/shop/orders-7d4 'dynamodb:*'

    Example: podid can-i --role orders s3:PutObject --context-key aws:SourceIp=203.0.113.9

    Example: podid can-i --policy-file policy.json s3:GetObject
    """
    from podid.commands.permissions.sessions import read_session
    from podid.ops.permissions.actions import action_table
    from podid.ops.permissions.can import ActionQuery, check_access
    from podid.ops.permissions.resources import read_resource_policies
    from podid.render.access import access_view

    query = ActionQuery(options.actions, options.resources)
    with access.terminal.working("reading the policies"):
        session = read_session(access, options)
        iam = access.clients.iam_of(session.profile) if session.not_simulated is None else None
        policies = None
        if session.role_arn and query.resources:
            aws = access.clients.aws_of(session.profile) if session.profile else access.aws
            account = Arn.parse(session.role_arn).account
            policies = read_resource_policies(aws.resource_policies, query.resources, account)
        report = check_access(session, query, action_table(), iam, policies)
    access.terminal.emit(access_view(report))
    access.terminal.leave(report.exit_code)
