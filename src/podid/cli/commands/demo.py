"""podid demo."""

from typing import Annotated

import typer

from podid.cli.command import command
from podid.cli.invocation import Invocation


@command("demo", panel="Try")
def demo(
    run: Invocation,
    keep: Annotated[bool, typer.Option("--keep/--no-keep", help="Leave the sandbox running, to go on playing.")] = True,
) -> None:
    """Run the main job on the sandbox, narrated.

    Each command is shown before its real output: from a cluster without the agent to proven credentials, and a doctor's
    view of what is still wrong there. Nothing leaves this machine.

    Example: podid demo
    """
    from podid.cli.demo import run_demo

    run_demo(run, keep=keep)
