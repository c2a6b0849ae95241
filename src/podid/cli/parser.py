"""The Typer command tree, built from the rows of `podid.cli.tree`."""

from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from podid.cli.tree import COMMANDS, GROUPS, Row

_CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


def build(*, argv: Sequence[str] | None = None, rows: Sequence[Row] = COMMANDS) -> TyperGroup:
    """Return the command tree. With `argv`, load only the command that it names; the others have name and summary.
    `podid.cli.help` prints help."""
    words = None if argv is None else [word for word in argv if not word.startswith("-")]
    root = _app_group(_root, None)
    assert isinstance(root, TyperGroup)
    for row in rows:
        parent = root if len(row.path) == 1 else _group(root, row.path[0])
        named = words is None or words[: len(row.path)] == list(row.path)
        parent.commands[row.path[-1]] = _full(row) if named else TyperCommand(name=row.path[-1], help=row.summary)
    return root


def _group(root: TyperGroup, name: str) -> TyperGroup:
    if name not in root.commands:
        root.commands[name] = TyperGroup(name=name, help=GROUPS[name], context_settings=_CONTEXT)
    group = root.commands[name]
    assert isinstance(group, TyperGroup)
    return group


def _full(row: Row) -> Any:
    from podid.cli.command import function

    return _app_group(None, function(row.load(), row.name), name=row.path[-1]).commands[row.path[-1]]


class _Strict(TyperCommand):
    """Refuses a repeated option with one value: Typer would silently use the last one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        single = [param for param in order if param.param_type_name == "option" and _says_one_thing(param)]
        for param in single:
            if single.count(param) > 1:
                raise typer.BadParameter("the option is specified twice and accepts one value", ctx=ctx, param=param)
        return super().parse_args(ctx, args)


def _says_one_thing(param: Any) -> bool:
    return not (param.multiple or param.count or (param.is_flag and not param.secondary_opts))


def _app_group(callback: Callable[..., None] | None, function: Callable[..., None] | None, *, name: str = "") -> Any:
    """Return the group of a new Typer app, with one command for `function`."""
    app = typer.Typer(
        rich_markup_mode=None,
        # a traceback with local values may contain a token
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings=_CONTEXT,
    )
    app.callback()(callback or _nothing)
    if function is not None:
        app.command(name, cls=_Strict, context_settings=_CONTEXT)(function)
    return typer.main.get_command(app)


def _nothing() -> None: ...


def _version(ctx: typer.Context, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from podid.version import VERSION

        ctx.obj.to_stdout(lambda stdout: stdout.write(f"podid {VERSION}\n"))
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", is_eager=True, callback=_version, help="Print the version and exit."
    ),
) -> None:
    """Declare the options of podid itself."""
