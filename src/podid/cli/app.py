"""Every command there is, as one literal list, and the Typer app made of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from podid.cli.command import Command
from podid.cli.commands import (
    agent,
    association,
    changes,
    completion,
    demo,
    doctor,
    role,
    sandbox,
    trust,
    workload,
)

if TYPE_CHECKING:
    from typer.core import TyperGroup

COMMANDS: tuple[Command, ...] = (
    agent.install_agent,
    role.create,
    association.associate,
    association.disassociate,
    workload.restart,
    association.list_,
    association.show,
    workload.verify,
    doctor.doctor,
    doctor.explain,
    agent.status,
    agent.nodes,
    role.show,
    role.list_,
    trust.check,
    changes.history,
    changes.undo,
    demo.demo,
    sandbox.start,
    sandbox.stop,
    sandbox.status,
    sandbox.env,
    sandbox.reset,
    completion.completion,
)

GROUPS: dict[str, str] = {
    "role": "IAM roles for pods.",
    "trust": "Trust policies: who may assume a role.",
    "agent": "The EKS Pod Identity Agent.",
    "sandbox": "A cluster on this machine to try podid on.",
}

ABOUT = """Amazon EKS Pod Identity from nothing to proven credentials, or the first broken link.

Start with `podid install-agent`, `podid role create`, `podid associate NS/SA --role ROLE`, `podid verify NS/SA`;
when something does not work, `podid doctor`.
"""


def build(*, rich_help: bool, argv: Sequence[str] | None = None) -> "TyperGroup":
    """The command tree. `rich_help` draws help with rich, which costs 50 ms when help is asked for. With `argv`, only
    the command that it is about gets its options; the others keep name and help."""
    words = None if argv is None else [word for word in argv if not word.startswith("-")]
    mode: Any = "markdown" if rich_help else None
    app = _typer(ABOUT, mode)
    app.callback()(_root)
    groups: dict[str, typer.Typer] = {}
    for command in COMMANDS:
        parent = app
        if len(command.path) == 2:
            group = command.path[0]
            if group not in groups:
                groups[group] = _typer(GROUPS[group], mode)
                app.add_typer(groups[group], name=group, help=GROUPS[group], rich_help_panel=command.panel)
            parent = groups[group]
        parent.command(command.path[-1], rich_help_panel=command.panel)(
            command.function()
            if words is None or words[: len(command.path)] == list(command.path)
            else command.outline()
        )
    built: Any = typer.main.get_command(app)
    return built  # type: ignore[no-any-return]  # an app with several commands is a group


def _typer(help_text: str, mode: Any) -> typer.Typer:
    return typer.Typer(
        help=help_text,
        no_args_is_help=True,
        rich_markup_mode=mode,
        # a traceback with local values can show a token
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _version(ctx: typer.Context, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from podid.version import VERSION

        ctx.obj.streams.stdout.write(f"podid {VERSION}\n")
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", is_eager=True, callback=_version, help="Print the version and exit."
    ),
) -> None:
    """Typer replaces this by the app's own help."""
