"""podid whoami."""

from podid.cli.command import Access, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES


@command(shared=(*CLUSTER, *KUBERNETES))
def whoami(
    access: Access,
    terminal: Terminal,
) -> None:
    """Show caller, account, region, cluster and context.

    Also shows the source of each value. If settings contradict each other, podid exits with 2, as every command does.

    Example: podid whoami

    Example: podid whoami --profile dev

    Example: podid whoami -o json --query callerArn
    """
    from podid.render.permissions import whoami_view

    terminal.emit(whoami_view(access.who_and_where()))
