"""podid preset list."""

from podid.cli.command import Terminal, command


@command()
def list_presets(
    terminal: Terminal,
) -> None:
    """List permissions of well-known workloads.

    Applications by what they do with one table, bucket or queue, and controllers by their own names. Each is narrowed
    by its parameters, for `podid role create --preset`.

    Example: podid preset list
    """
    from podid.ops.role.presets import list_presets as presets
    from podid.render.roles import list_view

    terminal.emit(list_view(presets()))
