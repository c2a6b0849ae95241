"""The table of AWS's actions that podid contains."""

from podid.ops.permissions.actions import action_table


def test_the_table_has_the_actions_of_services_with_their_levels() -> None:
    table = action_table()
    assert table is action_table(), "it is parsed once"
    read, write = (table.find(f"dynamodb:{name}") for name in ("GetItem", "PutItem"))
    assert read is not None
    assert write is not None
    assert (read.level, write.level) == ("read", "write")
    assert table.find("dynamodb:Nosuch") is None
