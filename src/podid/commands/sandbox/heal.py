"""podid sandbox heal."""

from podid.cli.command import Access, command
from podid.domain.errors import NotFound, Other
from podid.domain.option import argument


@command()
def heal(
    access: Access,
    mode: str | None = argument("[ID]", "The failure mode. [default: all that are in place]"),
) -> None:
    """Remove failure modes from the sandbox.

    podid deletes the objects that it created for them, except the agent. Other objects may need the agent.

    Example: podid sandbox heal

    Example: podid sandbox heal trust-missing-tag-session
    """
    from podid.render.pages import failures_view
    from podid.sandbox import process

    with access.terminal.working("healing the sandbox"):
        healed = process.heal(mode or "", directory=access.sandbox_dir)
    if mode is not None and not healed:
        raise NotFound(
            f"The sandbox does not reproduce {mode!r}",
            hint=Other(("sandbox", "break"), flags=("--list",)),
            subject=mode,
        )
    if not healed:
        access.terminal.note("Nothing to heal: the sandbox reproduces no failure mode.")
    access.terminal.emit(failures_view({name: ("healed", subject) for name, subject in healed.items()}))
