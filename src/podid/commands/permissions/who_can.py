"""podid who-can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.errors import ExitCode
from podid.ops.permissions.request import WhoOptions

if TYPE_CHECKING:
    from podid.ops.permissions.who import ClusterIdentities


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES),
    needs="Eks.iter_associations READING_POLICIES",
    optional=(
        "MANY_ROLES",
        ("the number of running pods", "KubeReader.list_pods"),
        "RESOURCE_POLICIES EMPTY_NAMESPACE",
    ),
    several=("cluster", "region", "profile"),
)
def who_can_do(access: Access, options: WhoOptions) -> None:
    """List the service accounts whose pods may perform an action.

    podid reads the associations of the cluster and the policies of their roles, each once, and evaluates them as podid
    can-i does: policies, permissions boundary, session policy and role chaining. If the access of a service account is
    not known, podid lists the service account as unknown, with the reason.

    '*' lists administrators: service accounts with a statement that allows all actions, or all except those of a
    NotAction. With --resource, the action must be allowed on that resource, or on a part of its pattern.

    With --resource, podid also reads the policy of the resource, as podid can-i does. Without it, a resource policy can
    deny an action that is listed, or allow one that is not. podid does not check policies of the organization.

    You can repeat --cluster, --region and --profile. Exit 9 if the access of a service account is unknown.

    Example: podid who-can dynamodb:DeleteTable

    Example: podid who-can s3:GetObject --resource 'arn:aws:s3:::reports/*'

    Example: podid who-can 'iam:*' --all-clusters

    Example: podid who-can '*'
    """
    from podid.cli.multicluster import check_namespace, read_each
    from podid.ops.clusters import ClusterOptions
    from podid.ops.permissions.actions import action_table
    from podid.ops.permissions.can import ActionQuery
    from podid.ops.permissions.session import SessionReader
    from podid.ops.permissions.who import report, who_can
    from podid.render.access import identities_view

    query, table, namespace = ActionQuery((options.action,), options.resources), action_table(), access.shared.namespace
    tuple(query.notes(table))  # a pattern without an action fails before anything is read
    keys, profile, now = options.context_keys, options.target_profile, access.runtime.now()
    # clusters of one account share roles
    readers: dict[int, SessionReader] = {}

    def read(local: Access) -> ClusterIdentities:
        new = SessionReader(clients=local.clients.for_many_roles(), now=now, specified=keys, target_profile=profile)
        reader = readers.setdefault(id(local.aws), new)
        return who_can(local.clients, reader, local.place(), namespace, query, table)

    with access.terminal.working("reading the policies"):
        parts, failures = read_each(access, ClusterOptions(all_clusters=options.all_clusters), read)
    answer = report(query, table, [part for _, part in parts])
    if namespace and not answer.items and not failures:
        check_namespace([local for local, _ in parts], namespace)
    access.terminal.emit(identities_view(answer))
    access.terminal.tell_failure(*failures)
    code = ExitCode.OK if options.allow_unknown else answer.exit_code
    access.terminal.leave(ExitCode.PARTIAL if failures else code)
