"""podid sandbox heal."""

from podid.cli.command import Access, Terminal, command
from podid.domain.option import argument


@command()
def heal(
    access: Access,
    terminal: Terminal,
    mode: str | None = argument("ID", "The failure mode. [default: all that are in place]", default=None),
) -> None:
    """Take failure modes away from the sandbox.

    What was made for them goes with them, but for the agent, which others may stand on by now.

    Example: podid sandbox heal
    """
    from podid.domain.errors import NotFound, Other
    from podid.render.pages import failures_view
    from podid.sandbox import process

    with terminal.working("healing the sandbox"):
        healed = process.heal(mode or "", directory=access.sandbox_dir)
    if mode is not None and not healed:
        raise NotFound(
            f"The sandbox is not broken by {mode!r}", hint=Other(("sandbox", "break"), flags=("--list",)), subject=mode
        )
    if not healed:
        terminal.note("There is nothing to heal: no failure mode was put in place.")
    terminal.emit(failures_view({name: ("healed", subject) for name, subject in healed.items()}))
