"""podid sandbox start."""

from podid.cli.command import Access, command
from podid.domain.errors import Again, UsageError
from podid.domain.option import argument, number, switch


@command()
def start(
    access: Access,
    port: int = number("PORT", "Port on the loopback address; 0 selects a free port.", bounds=(0, 65535), default=0),
    samples: bool = switch("Add sample associations, both correct and broken."),
    kind: str = argument(
        "[irsa|kiam|kube2iam]",
        "With --samples: add workloads that use IRSA, kiam or kube2iam, to migrate.",
        default="",
        values=("", "irsa", "kiam", "kube2iam"),
    ),
) -> None:
    """Start a simulated AWS account and EKS cluster.

    The sandbox runs on this machine and requires no network. It is ready when the command returns, and runs until
    podid sandbox stop.

    Example: podid sandbox start && eval "$(podid sandbox env)"

    Example: podid sandbox start --samples irsa
    """
    from podid.commands.sandbox.views import running_view
    from podid.sandbox import process

    if kind and not samples:
        raise UsageError(f"{kind} requires --samples", hint=Again(add=("--samples",)))
    with access.terminal.working("starting the sandbox"):
        running = process.start(directory=access.sandbox_dir, port=port, samples=samples, migration=kind)
    access.terminal.emit(running_view(running, "already running" if running.already else "running"))
    access.terminal.note('To use it:  eval "$(podid sandbox env)"')
