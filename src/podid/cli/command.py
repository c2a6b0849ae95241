"""How a plain function becomes a command with the shared options it asks for."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from podid.cli import options
from podid.cli.argv import output_option
from podid.cli.invocation import Invocation
from podid.cli.permissions import Permissions


@dataclass(frozen=True, slots=True)
class Command:
    """A command as `podid.cli.app` lists it. `path` is ("role", "create") for `podid role create`."""

    path: tuple[str, ...]
    function: Callable[..., None]
    panel: str
    permissions: Permissions

    @property
    def name(self) -> str:
        return " ".join(self.path)


def command(
    path: str, *, panel: str, shared: tuple[str, ...] = (), permissions: Permissions | None = None
) -> Callable[[Callable[..., None]], Command]:
    """Turns `function(run: Invocation, …its own options…)` into a Command that also takes the `shared` options."""
    needed = permissions or Permissions()

    def wrap(function: Callable[..., None]) -> Command:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        names = tuple(name for name in (*shared, *options.OUTPUT) if name != "show_permissions")
        extra = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=options.SHARED[name][1],
                annotation=options.SHARED[name][0],
            )
            for name in names
        ]
        if "show_permissions" in shared:
            extra.append(_show_permissions(path, needed))
        context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
        own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]

        def call(**values: Any) -> None:
            ctx: typer.Context = values.pop("ctx")
            values.pop("show_permissions", None)
            run = Invocation.begin(ctx.obj, {name: values.pop(name) for name in names})
            function(run, **values)

        signature = inspect.Signature([context, *own, *extra])
        call.__signature__ = signature  # type: ignore[attr-defined]  # Typer reads the options from here
        call.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
        call.__doc__ = function.__doc__
        call.__name__ = function.__name__
        return Command(tuple(path.split()), call, panel, needed)

    return wrap


def _show_permissions(path: str, needed: Permissions) -> inspect.Parameter:
    """Answered while parsing, so that it works without the command's required arguments."""

    def show(ctx: typer.Context, wanted: bool) -> None:
        if wanted and not ctx.resilient_parsing:
            runtime = ctx.obj
            run = Invocation.begin(runtime, {"output": output_option(runtime.argv, runtime.env) or None})
            run.emit(needed.view(path))
            raise typer.Exit

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
