"""podid who-can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.ops.permissions.request import WhoOptions

if TYPE_CHECKING:
    from podid.domain.errors import PodidError
    from podid.ops.permissions.can import ActionQuery
    from podid.ops.permissions.who import ClusterIdentities


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES),
    needs="Eks.iter_readable READING_POLICIES",
    optional=(
        "MANY_ROLES",
        ("the number of running pods", "KubeReader.list_pods"),
        "EMPTY_NAMESPACE",
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

    podid does not check resource policies or policies of the organization: AWS can deny an action that is listed, and
    a resource policy can allow one that is not. podid can-i checks the policy of a resource.

    You can repeat --cluster, --region and --profile. Exit 9 if the access of a service account is unknown.

    Example: podid who-can dynamodb:DeleteTable

    Example: podid who-can s3:GetObject --resource 'arn:aws:s3:::reports/*'

    Example: podid who-can 'iam:*' --all-clusters

    Example: podid who-can '*'
    """
    from podid.cli.cluster import no_cluster
    from podid.cli.several import check_namespace
    from podid.domain.errors import ExitCode, PodidError
    from podid.ops.permissions.actions import action_table
    from podid.ops.permissions.can import ActionQuery
    from podid.ops.permissions.who import report
    from podid.render.access import identities_notes, identities_view

    query, table, namespace = ActionQuery((options.action,), options.resources), action_table(), access.shared.namespace
    tuple(query.notes(table))  # a pattern without an action fails before anything is read
    with access.terminal.working("reading the policies"):
        parts = list(_parts(access, options, query))
    failures = [part for part in parts if isinstance(part, PodidError)]
    read = [part for part in parts if not isinstance(part, PodidError)]
    if failures and not read:
        raise failures[0]
    if not read:
        raise no_cluster(access.aws.region, access.shared, access.runtime.env)
    answer = report(query, table, [part for _, part in read])
    if namespace and not answer.items and not failures:
        check_namespace([local for local, _ in read], namespace)
    access.terminal.emit(identities_view(answer))
    access.terminal.note(*identities_notes(answer))
    for failure in failures:
        access.terminal.tell_failure(failure)
    code = ExitCode.OK if options.allow_unknown else answer.exit_code
    access.terminal.leave(ExitCode.PARTIAL if failures else code)


def _parts(
    access: Access, options: WhoOptions, query: ActionQuery
) -> Iterator[tuple[Access, ClusterIdentities] | PodidError]:
    """Yield the answer of each cluster with its access; a failure in one of several does not stop the others."""
    from podid.cli.hints import hint_words
    from podid.cli.several import each_cluster
    from podid.domain.errors import PodidError
    from podid.ops.permissions.actions import action_table
    from podid.ops.permissions.session import SessionReader
    from podid.ops.permissions.who import who_can

    keys, profile, now = options.context_keys, options.target_profile, access.runtime.now()
    # clusters of one account share roles
    readers: dict[int, SessionReader] = {}
    for name, local in each_cluster(access, all_clusters=options.all_clusters):
        if isinstance(local, PodidError):
            yield local
            continue
        try:
            new = SessionReader(clients=local.clients.for_many_roles(), now=now, specified=keys, target_profile=profile)
            reader = readers.setdefault(id(local.aws), new)
            place = local.place()
            yield local, who_can(local.clients, reader, place, access.shared.namespace, query, action_table())
        except PodidError as error:
            if not name:
                raise
            error.hint = hint_words(error.hint, local.argv)
            yield error
