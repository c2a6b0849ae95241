"""podid preset show."""

from podid.cli.command import Terminal, command
from podid.domain.option import argument


@command()
def show(
    terminal: Terminal,
    preset: str = argument("PRESET", "A preset's name, with what is known of its parameters: NAME[,KEY=VALUE…]."),
) -> None:
    """Show a preset in words and as a policy.

    Values that are given stand in it; the cluster at hand gives partition, region and account when a role is made.

    Example: podid preset show dynamodb-read,table=orders
    """
    from podid.ops.role.presets import parse_choice
    from podid.render.roles import preset_view

    terminal.emit(preset_view(parse_choice(preset, complete=False)))
