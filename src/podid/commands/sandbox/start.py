"""podid sandbox start."""

from typing import Annotated

import typer

from podid.cli.command import Access, Terminal, command


@command()
def start(
    access: Access,
    terminal: Terminal,
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Port on loopback; 0 takes a free one.")
    ] = 0,
    samples: Annotated[bool, typer.Option("--samples", help="Add some associations, right and wrong ones.")] = False,
) -> None:
    """Start an AWS account and an EKS cluster on this machine.

    It is ready when the command returns, and runs until `podid sandbox stop`. Nothing leaves the machine.

    Example: podid sandbox start && eval "$(podid sandbox env)"
    """
    from podid.commands.sandbox.views import running_view
    from podid.sandbox import process

    with terminal.working("starting the sandbox"):
        running = process.start(directory=access.sandbox_dir, port=port, samples=samples)
    terminal.emit(running_view(running, "already running" if running.already else "running"))
    terminal.note('To use it:  eval "$(podid sandbox env)"')
