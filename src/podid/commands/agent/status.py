"""podid agent status."""

from dataclasses import replace

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, SEVERAL
from podid.ops.clusters import ClusterOptions


@command(
    shared=(*CLUSTER, *KUBERNETES),
    needs="CHECKING_AGENT Eks.find_addon Eks.list_addon_versions",
    optional=("SEVERAL_CLUSTERS",),
    several=SEVERAL,
)
def status(access: Access, clusters: ClusterOptions) -> None:
    """Show the agent's add-on, DaemonSets and coverage.

    The first line is the state of the agent: ready, doubtful, broken, unknown or not-installed. The next lines show the
    add-on's version, the versions that EKS offers, the add-on's issues, the coverage by kind of node, restarts, and
    whether the node roles are authorized to redeem tokens. Exit 0 if the agent is ready, 3 if it is broken or not
    installed, 9 if it is doubtful or unknown.

    Example: podid agent status

    Example: podid agent status -o json --query state

    Example: podid agent status --all-clusters --all-regions
    """
    from podid.cli.multicluster import report_clusters
    from podid.ops.agent.status import read_agent
    from podid.render.agent import AgentStatusListDocument, agent_status_view

    def show(local: Access) -> None:
        place = local.place()
        with local.terminal.working(f"checking the agent of cluster {place.cluster_name}"):
            agent = read_agent(local.clients, place, now=local.runtime.now())
        agent = replace(agent, report=local.with_commands(agent.report))
        local.terminal.emit(agent_status_view(agent))
        local.terminal.leave(agent.exit_code)

    report_clusters(access, clusters, show, AgentStatusListDocument)
