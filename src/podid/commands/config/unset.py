"""podid config unset."""

from podid.cli.command import Access, command
from podid.domain.option import argument


@command(settings=False)
def unset(access: Access, key: str = argument("KEY", "The option, without its hyphens.")) -> None:
    """Remove the default of an option from the settings file.

    podid prints the remaining default: the value of the environment variable, or none.

    Example: podid config unset region

    Example: podid config unset guard
    """
    from podid.commands.config.values import change_setting
    from podid.render.settings import changed_view

    setting = change_setting(access, key, None)
    words = f"is {setting.value} ({setting.source})" if setting.source else "has no default"
    access.terminal.emit(changed_view(setting, f"{setting.key} {words}"))
