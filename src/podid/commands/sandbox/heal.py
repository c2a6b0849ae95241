"""podid sandbox heal."""

from podid.cli.command import Access, Terminal, command
from podid.domain.option import argument


@command()
def heal(
    access: Access,
    terminal: Terminal,
    mode: str | None = argument("ID", "ID of the failure mode. [default: all that are in place]", default=None),
) -> None:
    """Remove failure modes from the sandbox.

    Objects that were created for them are deleted too, except the agent: other pods may use it by now.

    Example: podid sandbox heal
    """
    from podid.domain.errors import NotFound, Other
    from podid.render.pages import failures_view
    from podid.sandbox import process

    with terminal.working("healing the sandbox"):
        healed = process.heal(mode or "", directory=access.sandbox_dir)
    if mode is not None and not healed:
        raise NotFound(
            f"Failure mode {mode!r} is not in place", hint=Other(("sandbox", "break"), flags=("--list",)), subject=mode
        )
    if not healed:
        terminal.note("Nothing to heal: no failure mode is in place.")
    terminal.emit(failures_view({name: ("healed", subject) for name, subject in healed.items()}))
