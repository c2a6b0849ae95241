"""podid schema."""

from podid.cli.command import Access, command


@command()
def schema(access: Access) -> None:
    """Print the JSON Schema of podid's own files.

    Editors with the YAML language server complete and check a file with the schema. podid export and podid convert
    write the line that names the schema at the top of each file.

    Example: podid schema > podid.schema.json

    Example: podid schema --query 'keys(schema.properties)'
    """
    from podid.render.declaration import schema_view

    access.terminal.emit(schema_view())
