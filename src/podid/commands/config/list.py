"""podid config list."""

from podid.cli.command import Access, command


@command(settings=False)
def list_config(access: Access) -> None:
    """List the defaults of options, with the source of each.

    An option overrides its environment variable, and the variable overrides the settings file. -o wide shows the
    meaning of each key. Exit 2 if the file has mistakes.

    Example: podid config list

    Example: podid config list -o json
    """
    from podid.cli.settings import keys, read_file
    from podid.ops.settings import list_settings
    from podid.render.settings import settings_view

    env = access.runtime.env
    settings = list_settings(keys(), read_file(env, lenient=True), env)
    access.terminal.emit(settings_view(settings))
    access.terminal.leave(settings.exit_code)
