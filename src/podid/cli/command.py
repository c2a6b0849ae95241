"""Make a command of a function, with its own and the shared options; and the Typer tree of all commands."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from podid.cli import options
from podid.cli.access import Access
from podid.cli.argv import value_of
from podid.cli.options import SHARED, Command, Shared
from podid.cli.runtime import Runtime
from podid.cli.terminal import Terminal
from podid.cli.tree import COMMANDS, GROUPS, Row
from podid.domain.errors import NotFound, PodidError, UsageError
from podid.domain.option import REQUIRED, OptionField, refuse_blank, seconds
from podid.domain.permissions import CommandPermissions
from podid.render.formats import Drawing, Report, check_query

# five thousand associations at ten calls a second
READ_SECONDS = 600.0
_PANEL = "Shared options"


def function(command: Command, name: str) -> Callable[..., None]:
    """Return the function for Typer, with the body's own options and then the shared ones. `name` is for sentences."""
    shared = [item for item in command.common if item.field != "show_permissions"]
    signature = [
        inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context),
        *map(_own, command.own),
        *map(_shared, shared),
    ]
    if "show_permissions" in command.shared:
        signature.append(_show_permissions(command, name))

    def call(**values: Any) -> None:
        ctx: typer.Context = values.pop("ctx")
        shown = values.pop("show_permissions", False)
        runtime: Runtime = ctx.obj
        if not command.settings:
            runtime.ignore_settings()
        access = access_for(runtime, {item.field: values.pop(item.field) for item in shared}, further=command.formats)
        if shown:
            permissions = command.all_permissions(**values, namespace=access.shared.namespace, access=access)
            _emit_permissions(access.terminal, name, permissions)
            return
        verbatim = {item.field for item in command.own if item.verbatim}
        _refuse_blank(ctx.command.params, {name: value for name, value in values.items() if name not in verbatim})
        defaults = _defaults(command, ctx, runtime)
        try:
            command.run(access, {**values, **{name: value for name, (value, _) in defaults.items()}})
        except (UsageError, NotFound) as error:
            tell_sources(error, access)
            for value, source in defaults.values():
                if error.subject == value:
                    options.tell_source(error, value, source)
            raise

    call.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]  # Typer reads the options here
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in signature}
    call.__doc__ = command.body.__doc__
    call.__name__ = command.body.__name__
    return call


def _defaults(command: Command, ctx: typer.Context, runtime: Runtime) -> dict[str, tuple[str, str]]:
    """Return the values of the command's own options that a variable or the settings file sets, with the sources."""
    defaults: dict[str, tuple[str, str]] = {}
    for item in command.own:
        typed = getattr(ctx.get_parameter_source(item.field), "name", "DEFAULT") != "DEFAULT"
        if item.env and not typed and (default := item.default_from(runtime.env, runtime.stored)):
            refuse_blank(default[1], default[0])
            defaults[item.field] = default
    return defaults


# --- options as Typer reads them --------------------------------------------------------------------------------------


def _own(declared: OptionField) -> inspect.Parameter:
    more: dict[str, Any] = {"metavar": declared.metavar or None, "help": declared.help}
    default, kind = declared.default, _TYPES[declared.kind]
    # a default text that help does not already mention
    shown = declared.kind != "texts" and default not in (None, "", REQUIRED) and "[default" not in declared.help
    if declared.argument:
        annotation: Any = Annotated[kind if default is REQUIRED or shown else kind | None, typer.Argument(**more)]
    else:
        if declared.bounds is not None:
            more["min"], more["max"] = declared.bounds
        names = tuple(name for name in declared.spellings if name != declared.off)
        if declared.off:
            names = (f"{names[0]}/{declared.off}", *names[1:])
        annotation = Annotated[kind if default is REQUIRED or shown else kind | None, typer.Option(*names, **more)]
    if default is REQUIRED:
        default = inspect.Parameter.empty
    elif not shown:
        default = None
    elif declared.kind == "text":
        default = str(default)
    return inspect.Parameter(declared.field, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


_TYPES: dict[str, Any] = {"switch": bool, "text": str, "texts": list[str], "number": int}


def _shared(declared: OptionField) -> inspect.Parameter:
    text = f"{declared.help} [env: {', '.join(declared.env)}]" if declared.env else declared.help
    option = typer.Option(
        *declared.spellings, help=text, metavar=declared.metavar or None, rich_help_panel=_PANEL, show_default=False
    )
    kind: Any = bool if declared.kind == "switch" else _TYPES[declared.kind] | None
    return inspect.Parameter(
        declared.field,
        inspect.Parameter.KEYWORD_ONLY,
        default=False if declared.kind == "switch" else None,
        annotation=Annotated[kind, option],
    )


def _refuse_blank(params: Sequence[Any], values: Mapping[str, Any]) -> None:
    """Raise InvalidInput for a blank option or argument, such as an unset shell variable: without it the command would
    affect everything, or remove something."""
    for param in params:
        value = values.get(param.name)
        argument = param.param_type_name == "argument"
        name = str(param.metavar).strip("[].").removesuffix("...") if argument else param.opts[0]
        for text in value if isinstance(value, list) else (value,):
            if isinstance(text, str):
                refuse_blank(name, text)


def _show_permissions(command: Command, name: str) -> inspect.Parameter:
    """Return the option --show-permissions. Parsing answers it, without required arguments, unless the command's
    options decide which permissions it needs."""

    def show(ctx: typer.Context, value: bool) -> bool:
        if value and command.permissions_for is None and not ctx.resilient_parsing:
            runtime: Runtime = ctx.obj
            output = value_of("--output", runtime.argv, short="-o") or None
            query = value_of("--query", runtime.argv) or None
            terminal = access_for(runtime, {"output": output, "query": query}).terminal
            _emit_permissions(terminal, name, command.all_permissions())
            raise typer.Exit
        return value

    declared = SHARED["show_permissions"]
    option = typer.Option(
        declared.long,
        is_eager=True,
        callback=show,
        help=declared.help,
        rich_help_panel=_PANEL,
    )
    return inspect.Parameter(
        declared.field, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, option]
    )


def _emit_permissions(terminal: Terminal, name: str, permissions: CommandPermissions) -> None:
    from podid.render.permissions import permissions_view

    terminal.emit(permissions_view(name, permissions))


def tell_sources(error: PodidError, access: Access) -> None:
    """Add the environment variable to an error about its value."""
    for name, source in access.sources.items():
        if error.subject and error.subject == getattr(access.shared, name):
            options.tell_source(error, error.subject, source)
            options.override(error, name, source)


def _limit(chosen: Shared, sources: Mapping[str, str], *, changing: bool) -> tuple[float, str]:
    """Return the time limit of the command, in seconds and in words. Changes have a limit for each wait."""
    if chosen.timeout is not None:
        limit = seconds(chosen.timeout)
        return limit, f"the {limit:g} s of {sources['timeout']}"
    return (math.inf, "") if changing else (READ_SECONDS, f"the {READ_SECONDS:g} s for reads")


def access_for(runtime: Runtime, values: dict[str, Any], further: Sequence[Report | Drawing] = ()) -> Access:
    chosen, sources = options.from_values(values, runtime.env, further, stored=runtime.stored)
    check_query(chosen.query, chosen.output)
    deadline = runtime.deadline(*_limit(chosen, sources, changing="dry_run" in values and not further))
    runtime.knows_runs = "journal_dir" in values
    return Access(runtime, chosen, sources, Terminal(runtime, chosen), deadline=deadline)


# --- the command tree -------------------------------------------------------------------------------------------------

_CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


def build(*, argv: Sequence[str] | None = None) -> TyperGroup:
    """Return the command tree. With `argv`, load only the command that it names; the others have name and summary.
    `podid.cli.help` prints help."""
    words = None if argv is None else [word for word in argv if not word.startswith("-")]
    root = _app_group(_root, None)
    assert isinstance(root, TyperGroup)
    for row in COMMANDS:
        path = row.path
        parent = root if len(path) == 1 else _group(root, path[0])
        named = words is None or words[: len(path)] == list(path)
        parent.commands[path[-1]] = _full(row) if named else TyperCommand(name=path[-1], help=row.summary)
    return root


def _group(root: TyperGroup, name: str) -> TyperGroup:
    if name not in root.commands:
        root.commands[name] = TyperGroup(name=name, help=GROUPS[name], context_settings=_CONTEXT)
    group = root.commands[name]
    assert isinstance(group, TyperGroup)
    return group


def _full(row: Row) -> Any:
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
    app.callback()(callback or (lambda: None))
    if function is not None:
        app.command(name, cls=_Strict, context_settings=_CONTEXT)(function)
    return typer.main.get_command(app)


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


# the decorator of commands
command = Command
__all__ = ["Access", "Command", "command"]
