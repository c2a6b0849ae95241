"""podid config set."""

from podid.cli.command import Access, command
from podid.domain.option import argument


@command(settings=False)
def set_config(
    access: Access,
    key: str = argument("KEY", "The option, without its hyphens."),
    value: str = argument("VALUE", "The value, as the option accepts it."),
) -> None:
    """Set the default of an option in the settings file.

    The other lines, the comments and the permissions of the file stay as they are. podid config path prints the path of
    the file. A relative path is stored as an absolute one.

    Example: podid config set region eu-west-1

    Example: podid config set output wide
    """
    from podid.commands.config.values import change_setting, checked_value
    from podid.render.settings import changed_view

    setting = change_setting(access, key, checked_value(access, key, value))
    access.terminal.emit(changed_view(setting, f"{setting.key} is {setting.value} ({setting.source})"))
