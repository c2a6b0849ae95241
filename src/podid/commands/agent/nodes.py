"""podid agent nodes."""

from podid.cli.command import Access, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.rights import CommandRights


def rights() -> CommandRights:
    from podid.kube.reader import KubeReader

    return CommandRights.of(
        KubeReader.list_nodes,
        KubeReader.list_agent_daemon_sets,
        KubeReader.list_agent_pods,
    )


@command(shared=(*CLUSTER, *KUBERNETES), rights=rights)
def nodes(access: Access, terminal: Terminal) -> None:
    """List nodes with their agent pods.

    Exit 3 when a node that should run the agent has no Ready pod of it.

    Example: podid agent nodes -o json
    """
    from podid.ops.agent.coverage import read_coverage
    from podid.render.agent import node_list_view

    place = access.place()
    with terminal.working("reading nodes and agent pods"):
        found = read_coverage(access.kube.reader)
    terminal.emit(node_list_view(place.cluster_name, found))
    terminal.leave(found.exit_code)
