"""podid agent status."""

from podid.cli.command import Access, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.permissions import CommandPermissions


def permissions() -> CommandPermissions:
    from podid.aws.eks import Eks
    from podid.domain.permissions import permissions_of
    from podid.ops.agent.status import AGENT_CHECKS
    from podid.ops.reading.sections import permissions as permissions_of_checks
    from podid.ops.status.diagnose import select

    return CommandPermissions(
        permissions_of_checks(select(AGENT_CHECKS)) | permissions_of((Eks.find_addon, Eks.list_addon_versions))
    )


@command(shared=(*CLUSTER, *KUBERNETES), permissions=permissions)
def status(
    access: Access,
    terminal: Terminal,
) -> None:
    """Show the agent's add-on, DaemonSets and coverage.

    The first line is the state of the agent: ready, doubtful, broken, unknown or not-installed. The next lines show the
    add-on's version, the versions that EKS offers, the add-on's issues, the coverage by kind of node, restarts, and
    whether the node roles are authorized to redeem tokens. Exit 0 if the agent is ready, 3 if it is broken or not
    installed, 9 if it is doubtful or unknown.

    Example: podid agent status

    Example: podid agent status -o json --query state
    """
    from dataclasses import replace

    from podid.ops.agent.status import read_agent
    from podid.render.agent import agent_status_view

    place = access.place()
    with terminal.working(f"checking the agent of cluster {place.cluster_name}"):
        agent = read_agent(access.clients, place, now=access.runtime.now())
    agent = replace(agent, report=access.with_commands(agent.report))
    terminal.emit(agent_status_view(agent))
    terminal.leave(agent.exit_code)
