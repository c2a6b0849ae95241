"""How a plain function becomes a command with the shared options that it asks for."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from podid.cli import options
from podid.cli.access import Access
from podid.cli.argv import output_option, value_of
from podid.cli.declared import Command
from podid.cli.options import Shared
from podid.cli.runtime import Runtime
from podid.cli.terminal import Terminal
from podid.domain.errors import NotFound, PodidError, UsageError
from podid.domain.rights import CommandRights, Rights
from podid.render.formats import check_query

# what a body may ask for by name; all its other parameters are its own options
HANDED_IN = ("access", "terminal", "options")
# five thousand associations at ten calls a second
READ_SECONDS = 600.0


def function(command: Command, name: str) -> Callable[..., None]:
    """What Typer is given: the body's own options, then the shared ones. `name` is the command's in a sentence."""
    names = tuple(item for item in (*command.shared, *options.OUTPUT) if item != "show_permissions")
    parameters = inspect.signature(command.body, eval_str=True).parameters
    wanted = [item for item in parameters if item in HANDED_IN]
    own = [item for item in parameters.values() if item.name not in HANDED_IN]
    signature = [
        inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context),
        *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own),
        *(options.parameter(item, reports=command.reports, several=item in command.several) for item in names),
    ]
    if "show_permissions" in command.shared:
        signature.append(_show_permissions(command, name))

    def call(**values: Any) -> None:
        ctx: typer.Context = values.pop("ctx")
        shown = values.pop("show_permissions", False)
        handed = _handed_in(ctx.obj, {item: values.pop(item) for item in names}, reports=command.reports)
        if shown:
            place = {"namespace": handed["options"].namespace, "access": handed["access"]}
            _emit_permissions(handed["terminal"], name, command.all_rights(**values, **place))
            return
        _refuse_blank(ctx.command.params, values)
        try:
            command.body(**{item: handed[item] for item in wanted}, **values)
        except (UsageError, NotFound) as error:
            _tell_sources(error, handed["access"])
            raise

    call.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]  # Typer reads the options here
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in signature}
    call.__doc__ = command.body.__doc__
    call.__name__ = command.body.__name__
    return call


def _refuse_blank(params: Sequence[Any], values: Mapping[str, Any]) -> None:
    """For a command's own options and arguments, whose values these are. Raises InvalidInput for one that says nothing,
    such as a variable that is not set: without it the command would be about everything, or remove something."""
    for param in params:
        value = values.get(param.name)
        argument = param.param_type_name == "argument"
        name = str(param.metavar).strip("[].").removesuffix("...") if argument else param.opts[0]
        for text in value if isinstance(value, list) else (value,):
            if isinstance(text, str):
                options.refuse_blank(name, text)


def _show_permissions(command: Command, name: str) -> inspect.Parameter:
    """Answered while parsing, so that it works without the command's required arguments; by the command itself where
    its options choose what is read."""

    def show(ctx: typer.Context, wanted: bool) -> bool:
        if wanted and command.rights_for is None and not ctx.resilient_parsing:
            runtime: Runtime = ctx.obj
            output = output_option(runtime.argv, runtime.env) or None
            query = value_of("--query", runtime.argv) or None
            terminal = _handed_in(runtime, {"output": output, "query": query})["terminal"]
            _emit_permissions(terminal, name, command.all_rights())
            raise typer.Exit
        return wanted

    option = typer.Option(
        "--show-permissions",
        is_eager=True,
        callback=show,
        help="Print the IAM policy and the Kubernetes Role that this command needs, and exit.",
        rich_help_panel="Shared options",
    )
    return inspect.Parameter(
        "show_permissions", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, option]
    )


def _emit_permissions(terminal: Terminal, name: str, rights: CommandRights) -> None:
    from podid.render.permissions import permissions_view

    terminal.emit(permissions_view(name, rights))


def _tell_sources(error: PodidError, access: Access) -> None:
    """An error about what a variable of the environment says names the variable."""
    for name, source in access.sources.items():
        if error.subject and error.subject == getattr(access.options, name):
            options.tell_source(error, error.subject, source)


def _limit(chosen: Shared, sources: Mapping[str, str], *, changing: bool) -> tuple[float, str]:
    """How long the command may take, in seconds and in words. What changes something has limits for each wait."""
    if chosen.timeout is not None:
        seconds = options.parse_duration(chosen.timeout)
        return seconds, f"the {seconds:g} s of {sources['timeout']}"
    return (math.inf, "") if changing else (READ_SECONDS, f"the {READ_SECONDS:g} s that reading may take")


def _handed_in(runtime: Runtime, values: dict[str, Any], *, reports: bool = False) -> dict[str, Any]:
    chosen, sources = options.from_values(values, runtime.env, reports=reports)
    check_query(chosen.query, chosen.output)
    terminal = Terminal(runtime, chosen)
    deadline = runtime.deadline(*_limit(chosen, sources, changing="dry_run" in values and not reports))
    access = Access(runtime, chosen, sources, terminal, deadline=deadline)
    return {"access": access, "terminal": terminal, "options": chosen}


def command(
    *,
    shared: tuple[str, ...] = (),
    rights: Callable[[], CommandRights] = CommandRights,
    reports: bool = False,
    several: tuple[str, ...] = (),
    rights_for: Callable[..., Rights | CommandRights] | None = None,
) -> Callable[[Callable[..., None]], Command]:
    """Turns a function into a Command. It is handed, by name, what it asks for of `access`, `terminal` and `options`;
    its other parameters become options of its own. The docstring is the help. `rights` sums up the gateways' operations
    that it may call; it imports them itself, for they are wanted only by --show-permissions. `reports`: -o takes the
    formats of `podid.render.reports` too; `several` names shared options that may be given more than once;
    `rights_for` is what its own options' values, the namespace and the `access` take of `rights`."""

    def wrap(body: Callable[..., None]) -> Command:
        return Command(body, shared, rights, reports, several, rights_for)

    return wrap


__all__ = ["Access", "Command", "Shared", "Terminal", "command"]
