"""podid sandbox start, stop, status, env, reset."""

from typing import Annotated

import typer

from podid.cli.command import command
from podid.cli.invocation import Invocation

_PANEL = "Try"


@command("sandbox start", panel=_PANEL)
def start(
    run: Invocation,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on loopback; 0 takes a free one.")] = 0,
    samples: Annotated[bool, typer.Option("--samples", help="Put some associations in, right and wrong ones.")] = False,
) -> None:
    """Start an AWS account and an EKS cluster on this machine.

    It is ready when the command returns, and runs until `podid sandbox stop`. Nothing leaves the machine.

    Example: podid sandbox start && eval "$(podid sandbox env)"
    """
    from podid.cli.sandbox import run_start

    run_start(run, port=port, samples=samples)


@command("sandbox stop", panel=_PANEL)
def stop(run: Invocation) -> None:
    """Stop the sandbox. What was in it is gone.

    Example: podid sandbox stop
    """
    from podid.cli.sandbox import run_stop

    run_stop(run)


@command("sandbox status", panel=_PANEL)
def status(run: Invocation) -> None:
    """Say whether the sandbox runs. Exit 0 if it does, 3 if not.

    Example: podid sandbox status
    """
    from podid.cli.sandbox import run_status

    run_status(run)


@command("sandbox env", panel=_PANEL)
def env(run: Invocation) -> None:
    """Print what points podid, the AWS CLI and kubectl at it.

    Shell commands: variables to set, and variables that would win over them to unset.

    Example: eval "$(podid sandbox env)"
    """
    from podid.cli.sandbox import run_env

    run_env(run)


@command("sandbox reset", panel=_PANEL)
def reset(run: Invocation) -> None:
    """Put the sandbox back to how it started.

    Example: podid sandbox reset
    """
    from podid.cli.sandbox import run_reset

    run_reset(run)
