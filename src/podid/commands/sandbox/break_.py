"""podid sandbox break."""

from podid.cli.command import Access, command
from podid.domain.errors import NotFound, Other, UsageError
from podid.domain.option import argument, switch
from podid.domain.text import did_you_mean, nearest


@command()
def break_(
    access: Access,
    mode: str | None = argument("[ID]", "The id of the failure mode, as in podid explain."),
    list_modes: bool = switch("List the failure modes that the sandbox can reproduce.", name="--list"),
) -> None:
    """Reproduce a failure mode in the sandbox.

    podid creates the required objects: the agent, and in namespace broken a service account, a role, an association
    and pods, all named after the failure mode. Their timestamps are in the past, as in a cluster that has been broken
    for some time. podid sandbox heal removes them.

    Example: podid sandbox break trust-missing-tag-session && podid doctor

    Example: podid sandbox break --list
    """
    from podid.ops.errortext import BY_ID
    from podid.render.pages import FailureState, failures_view
    from podid.sandbox import process
    from podid.sandbox.breaks.table import BREAKS, to_see

    listing = Other(("sandbox", "break"), flags=("--list",))
    if list_modes:
        sandbox = process.status(directory=access.sandbox_dir)
        broken = process.broken(directory=access.sandbox_dir) if sandbox.running is not None else {}
        states: dict[str, tuple[FailureState, str]] = dict.fromkeys(BREAKS, ("possible", ""))
        access.terminal.emit(failures_view(states | {name: ("in place", subject) for name, subject in broken.items()}))
        return
    if mode is None:
        raise UsageError("Nothing to break: specify the id of a failure mode", hint=listing)
    if mode in BY_ID and mode not in BREAKS:
        raise NotFound(f"The sandbox cannot reproduce {mode}", hint=listing, subject=mode)
    if mode not in BREAKS:
        near = nearest(mode, BREAKS)
        raise NotFound(
            f"{mode!r} is not a failure mode{did_you_mean(mode, BREAKS)}",
            hint=Other(("sandbox", "break"), flags=(near[0],)) if near else listing,
            subject=mode,
        )
    with access.terminal.working(f"reproducing {mode}"):
        subject = process.put_in_place(mode, directory=access.sandbox_dir)
    access.terminal.emit(failures_view({mode: ("in place", subject)}))
    access.terminal.note(f"To see it:     {' '.join(('podid', *to_see(mode)))}")
    access.terminal.note(f"To remove it:  podid sandbox heal {mode}")
