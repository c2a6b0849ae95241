"""The command tree as Typer gets it, made of the rows of `podid.cli.tree`."""

from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from podid.cli.tree import COMMANDS, GROUPS, Row

ABOUT = """Amazon EKS Pod Identity from nothing to verified credentials, or the first broken link.

Start with `podid install-agent`, then `podid associate`, which asks when it is typed alone; in scripts
`podid role create`, `podid associate NS/SA --role ROLE`, `podid verify NS/SA`. When something does not work,
`podid doctor`.
"""

_CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


def build(*, rich_help: bool, argv: Sequence[str] | None = None, rows: Sequence[Row] = COMMANDS) -> TyperGroup:
    """The command tree. `rich_help` draws help with rich, which costs 50 ms when help is asked for. With `argv`, only
    the command that it is about is loaded; the others keep name and summary."""
    words = None if argv is None else [word for word in argv if not word.startswith("-")]
    mode: Any = "markdown" if rich_help else None
    root = _made(_root, None, ABOUT, mode)
    assert isinstance(root, TyperGroup)
    for row in rows:
        parent = root
        if len(row.path) == 2:
            parent = _group(root, row, mode)
        named = words is None or words[: len(row.path)] == list(row.path)
        parent.commands[row.path[-1]] = _full(row, mode) if named else _outline(row, mode)
    return root


def _group(root: TyperGroup, row: Row, mode: Any) -> TyperGroup:
    name = row.path[0]
    if name not in root.commands:
        root.commands[name] = TyperGroup(
            name=name,
            help=GROUPS[name],
            no_args_is_help=True,
            rich_markup_mode=mode,
            rich_help_panel=row.panel,
            context_settings=_CONTEXT,
        )
    group = root.commands[name]
    assert isinstance(group, TyperGroup)
    return group


def _full(row: Row, mode: Any) -> Any:
    from podid.cli.command import function

    made = _made(None, function(row.load(), row.name), None, mode, name=row.path[-1], panel=row.panel)
    return made.commands[row.path[-1]]


def _outline(row: Row, mode: Any) -> TyperCommand:
    return TyperCommand(
        name=row.path[-1],
        help=row.summary,
        rich_markup_mode=mode,
        rich_help_panel=row.panel,
        context_settings=_CONTEXT,
    )


class _Strict(TyperCommand):
    """Refuses an option that is given twice and takes one value: the last one would win without a word."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        single = [param for param in order if param.param_type_name == "option" and _says_one_thing(param)]
        for param in single:
            if single.count(param) > 1:
                raise typer.BadParameter("it is given twice, and only one value can hold", ctx=ctx, param=param)
        return super().parse_args(ctx, args)


def _says_one_thing(param: Any) -> bool:
    return not (param.multiple or param.count or (param.is_flag and not param.secondary_opts))


def _made(
    callback: Callable[..., None] | None,
    function: Callable[..., None] | None,
    help_text: str | None,
    mode: Any,
    *,
    name: str = "",
    panel: str = "",
) -> Any:
    """A group as Typer makes it of its own app, with one command in it if there is a `function`."""
    app = typer.Typer(
        help=help_text,
        no_args_is_help=True,
        rich_markup_mode=mode,
        # a traceback with local values can show a token
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings=_CONTEXT,
    )
    app.callback()(callback or _nothing)
    if function is not None:
        app.command(name, cls=_Strict, rich_help_panel=panel, context_settings=_CONTEXT)(function)
    return typer.main.get_command(app)


def _nothing() -> None: ...


def _version(ctx: typer.Context, given: bool) -> None:
    if given and not ctx.resilient_parsing:
        from podid.version import VERSION

        ctx.obj.streams.stdout.write(f"podid {VERSION}\n")
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", is_eager=True, callback=_version, help="Print the version and exit."
    ),
) -> None:
    """Typer replaces this by the app's own help."""
