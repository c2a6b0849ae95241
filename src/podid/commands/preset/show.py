"""podid preset show."""

from podid.cli.command import Access, command
from podid.domain.option import argument


@command()
def show(
    access: Access,
    preset: str = argument("PRESET", "Name of the preset, with any of its parameters: NAME[,KEY=VALUE…]."),
) -> None:
    """Show a preset in words and as a policy.

    Parameters that you specify appear in the policy. When podid creates a role, it fills in partition, region and
    account of the cluster.

    Example: podid preset show dynamodb-read,table=orders

    Example: podid preset show external-dns
    """
    from podid.ops.role.presets import parse_choice
    from podid.render.roles import preset_view

    access.terminal.emit(preset_view(parse_choice(preset, complete=False)))
