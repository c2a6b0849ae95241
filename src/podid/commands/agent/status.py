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
    """Show add-on, DaemonSets and coverage.

    The state of the agent first: ready, doubtful, broken, unknown or not-installed. Then the add-on's version beside
    what EKS offers, its issues decoded, coverage by kind of node, restarts, and whether the nodes' roles may redeem
    tokens. Exit 0 ready, 3 broken or not installed, 9 when that is in doubt or not known.

    Example: podid agent status
    """
    from podid.ops.agent.status import read_agent
    from podid.render.agent import agent_status_view

    place = access.place()
    with terminal.working(f"looking at cluster {place.cluster_name}"):
        agent = read_agent(access.clients, place, now=access.runtime.now())
    terminal.emit(agent_status_view(agent))
    terminal.leave(agent.exit_code)
