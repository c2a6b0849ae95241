"""podid preset list."""

from podid.cli.command import Access, command


@command()
def list_presets(access: Access) -> None:
    """List permission presets for well-known workloads.

    A preset for applications allows one kind of access, such as dynamodb-read. A preset for a controller has the name
    of the controller. Parameters narrow a preset. Use one with podid role create --preset.

    Example: podid preset list

    Example: podid preset list -o json
    """
    from podid.ops.role.presets import list_presets as presets
    from podid.render.roles import list_view

    access.terminal.emit(list_view(presets()))
