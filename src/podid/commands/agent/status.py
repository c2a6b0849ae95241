"""podid agent status."""

from podid.cli.command import Access, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.rights import CommandRights


def rights() -> CommandRights:
    from podid.ops.agent.status import AGENT_CHECKS
    from podid.ops.doctor.diagnose import select
    from podid.ops.doctor.sections import rights as rights_of_checks

    return CommandRights(rights_of_checks(select(AGENT_CHECKS)))


@command(shared=(*CLUSTER, *KUBERNETES), rights=rights)
def status(access: Access, terminal: Terminal) -> None:
    """Show add-on, DaemonSets and coverage.

    Exit 0 healthy, 3 when something is wrong, 9 when it could not be told.

    Example: podid agent status
    """
    from podid.ops.agent.status import look_at_agent
    from podid.render.agent import agent_status_view

    place = access.place()
    with terminal.working(f"looking at cluster {place.cluster_name}"):
        found = look_at_agent(access.clients, place, now=access.runtime.now())
    terminal.emit(agent_status_view(found))
    terminal.leave(found.exit_code)
