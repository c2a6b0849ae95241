"""podid config get."""

from podid.cli.command import Access, command
from podid.domain.option import argument


@command(settings=False)
def get(access: Access, key: str = argument("KEY", "The option, without its hyphens.")) -> None:
    """Print the default of an option.

    podid prints the value of the environment variable or, if it is not set, the value in the settings file. Exit 5 if
    neither is set.

    Example: podid config get region

    Example: podid config get output -o json
    """
    from podid.cli.settings import keys, read_file
    from podid.ops.settings import get_setting
    from podid.render.settings import setting_view

    env = access.runtime.env
    access.terminal.emit(setting_view(get_setting(key, keys(), read_file(env), env)))
