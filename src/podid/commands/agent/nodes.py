"""podid agent nodes."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES


@command(
    shared=(*CLUSTER, *KUBERNETES),
    needs=(
        "KubeReader.list_nodes KubeReader.list_agent_daemon_sets KubeReader.list_pods Eks.list_association_summaries"
    ),
)
def nodes(access: Access) -> None:
    """List nodes with their agent pods.

    Each node is shown with its kind, its agent's restarts, the service accounts whose pods need it, and the reason for
    a missing agent, such as a taint. Exit 3 if a node that should run the agent, or whose pods need it, has no Ready
    agent pod. Exit 9 if podid could not read the pods on a node without an agent.

    Example: podid agent nodes

    Example: podid agent nodes -o json
    """
    from podid.ops.agent.coverage import read_nodes
    from podid.render.agent import node_list_view

    place = access.place()
    with access.terminal.working("reading nodes and agent pods"):
        coverage, unread = read_nodes(access.clients, place)
    access.terminal.emit(node_list_view(place.cluster_name, coverage, unread))
    access.terminal.leave(coverage.exit_code)
