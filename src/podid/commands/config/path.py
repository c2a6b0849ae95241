"""podid config path."""

from podid.cli.command import Access, command


@command(settings=False)
def path(access: Access) -> None:
    """Print the path of the settings file.

    podid reads ~/.config/podid/config.toml, or podid/config.toml below XDG_CONFIG_HOME. PODID_CONFIG specifies another
    file. If the variable is empty, podid reads no file.

    Example: podid config path

    Example: "$EDITOR" "$(podid config path)"
    """
    from podid.commands.config.values import needed_path
    from podid.ops.settings import SettingsPath
    from podid.render.settings import path_view

    file = needed_path(access.runtime.env)
    access.terminal.emit(path_view(SettingsPath(str(file), exists=file.exists())))
