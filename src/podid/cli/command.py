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
    body: Callable[..., None]
    panel: str
    shared: tuple[str, ...]
    permissions: Permissions

    @property
    def name(self) -> str:
        return " ".join(self.path)

    def function(self) -> Callable[..., None]:
        """What Typer is given: the body's own options, then the shared ones, handed on as an Invocation."""
        names = tuple(name for name in (*self.shared, *options.OUTPUT) if name != "show_permissions")
        own = list(inspect.signature(self.body, eval_str=True).parameters.values())[1:]
        parameters = [
            inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context),
            *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own),
            *(_shared(name) for name in names),
        ]
        if "show_permissions" in self.shared:
            parameters.append(self._show_permissions())

        def call(**values: Any) -> None:
            ctx: typer.Context = values.pop("ctx")
            values.pop("show_permissions", None)
            run = Invocation.begin(ctx.obj, {name: values.pop(name) for name in names})
            self.body(run, **values)

        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # Typer reads the options here
        call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        call.__doc__ = self.body.__doc__
        call.__name__ = self.body.__name__
        return call

    def outline(self) -> Callable[[], None]:
        """A stand-in with the same help and no options, for command lines that are about another command: building all
        options of all commands costs 10 ms."""

        def nothing() -> None: ...

        nothing.__doc__ = self.body.__doc__
        return nothing

    def _show_permissions(self) -> inspect.Parameter:
        """Answered while parsing, so that it works without the command's required arguments."""

        def show(ctx: typer.Context, wanted: bool) -> None:
            if wanted and not ctx.resilient_parsing:
                runtime = ctx.obj
                run = Invocation.begin(runtime, {"output": output_option(runtime.argv, runtime.env) or None})
                run.emit(self.permissions.view(self.name))
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


def _shared(name: str) -> inspect.Parameter:
    annotation, default = options.SHARED[name]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def command(
    path: str, *, panel: str, shared: tuple[str, ...] = (), permissions: Permissions | None = None
) -> Callable[[Callable[..., None]], Command]:
    """Turns `body(run: Invocation, …its own options…)` into a Command that also takes the `shared` options."""

    def wrap(body: Callable[..., None]) -> Command:
        return Command(tuple(path.split()), body, panel, shared, permissions or Permissions())

    return wrap
