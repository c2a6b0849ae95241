"""podid graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.errors import ExitCode
from podid.domain.names import ServiceAccountRef
from podid.domain.option import options, switch
from podid.ops.options import CLUSTER_TAGS, SERVICE_ACCOUNTS
from podid.render.formats import Drawing

if TYPE_CHECKING:
    from podid.aws.iam import Iam
    from podid.ops.audit.graph import ClusterReading


@options
class GraphOptions:
    service_accounts: tuple[ServiceAccountRef, ...] = SERVICE_ACCOUNTS
    all_clusters: bool = switch("Draw every cluster of the region, or of each --region.")
    cluster_tags: Mapping[str, str] = CLUSTER_TAGS


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES),
    needs="READING_GRAPH",
    optional=(
        "CLUSTER_TAGS MANY_ROLES",
        ("NS/SA: whether it exists", "KubeReader.list_pods KubeReader.list_workloads"),
    ),
    formats=tuple(Drawing),
    several=("cluster", "region", "profile"),
)
def graph(access: Access, options: GraphOptions) -> None:
    """Draw service accounts, their roles and the services of these roles.

    The nodes are clusters, service accounts with an association, their roles and target roles, accounts and services. A
    role, account or service that several service accounts use is one node. An edge between two roles is dashed if a
    policy allows it and no association uses it.

    Services come from the Allow statements of the roles' policies. Deny statements, conditions, permissions boundaries
    and session policies are not evaluated. Policies of roles in other accounts cannot be read.

    -o html is one file for a browser, with a search field. -o dot is for Graphviz, -o mermaid for Markdown.

    You can repeat --cluster, --region and --profile. Exit 9 if something could not be read.

    Example: podid graph

    Example: podid graph -n shop -o mermaid

    Example: podid graph --all-clusters -o html > graph.html

    Example: podid graph -o json --query 'nodes[?kind == `service`].name'
    """
    from podid.cli.multicluster import read_each
    from podid.ops.audit.graph import build, read_cluster
    from podid.ops.clusters import ClusterOptions
    from podid.ops.reading.scope import DoctorScope
    from podid.render.graph import graph_view

    terminal, namespace = access.terminal, access.shared.namespace or ""
    access.check_whose_pods(options.service_accounts, everywhere=True)
    refs = options.service_accounts
    scope = DoctorScope.of(refs) if refs else DoctorScope(namespace=namespace, typed=namespace)
    # clusters of one account share roles
    accounts: dict[int, Iam] = {}

    def read(local: Access) -> ClusterReading:
        clients = local.clients.for_many_roles(accounts.setdefault(id(local.aws), local.aws.listing_iam()))
        return read_cluster(clients, local.place(), scope, access.runtime.now())

    chosen = ClusterOptions(all_clusters=options.all_clusters, cluster_tags=options.cluster_tags)
    with terminal.working("reading roles and their policies"):
        readings, failures = read_each(access, chosen, read)
    graph = build([reading for _, reading in readings])
    terminal.emit(graph_view(graph, access.shared.output, several=len(readings) > 1))
    terminal.tell_failure(*failures)
    terminal.leave(ExitCode.PARTIAL if failures else graph.exit_code)
