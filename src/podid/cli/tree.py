"""Every command there is, one literal row each, and the command tree made of them.

Only the module of the command that a command line is about is imported; the others are known by their rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from podid.cli.command import Command


@dataclass(frozen=True, slots=True)
class Row:
    """`name` is what is typed after podid; `summary` the first sentence of the command's help; `where` its module under
    podid.commands and the function in it."""

    name: str
    panel: str
    summary: str
    where: str

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(self.name.split())

    def load(self) -> "Command":
        module, _, function = self.where.partition(":")
        found: Command = getattr(import_module(f"podid.commands.{module}"), function)
        return found


SET_UP, LOOK, CHANGES, TRY = "Set up", "Look", "Changes", "Try"

COMMANDS: tuple[Row, ...] = (
    Row("install-agent", SET_UP, "Install or upgrade the agent add-on and wait for it.", "agent.install:install_agent"),
    Row("uninstall-agent", SET_UP, "Remove the agent add-on.", "agent.uninstall:uninstall_agent"),
    Row("role create", SET_UP, "Create an IAM role for a service account's pods.", "role.create:create"),
    Row("role attach", SET_UP, "Give a role more permissions.", "role.attach:attach"),
    Row("role detach", SET_UP, "Take permissions away from a role.", "role.detach:detach"),
    Row("role delete", SET_UP, "Delete a role with its policies.", "role.delete:delete"),
    Row("associate", SET_UP, "Give a service account's pods an IAM role.", "association.associate:associate"),
    Row("disassociate", SET_UP, "Take the role away again.", "association.disassociate:disassociate"),
    Row("copy", SET_UP, "Make a cluster's associations again in another one.", "association.copy:copy"),
    Row("move", SET_UP, "Give an association to another service account.", "association.move:move"),
    Row("addon associate", SET_UP, "Give an add-on's service account a role.", "addon.associate:associate"),
    Row("addon disassociate", SET_UP, "Take it away again.", "addon.disassociate:disassociate"),
    Row("restart", SET_UP, "Restart the workloads of service accounts.", "workload.restart:restart"),
    Row("list", LOOK, "List associations with their roles.", "association.list:list_associations"),
    Row("show", LOOK, "Show everything about one service account.", "association.show:show"),
    Row("verify", LOOK, "Prove whose credentials pods get.", "workload.verify:verify"),
    Row("doctor", LOOK, "Find the first broken link.", "diagnosis.doctor:doctor"),
    Row("bundle", LOOK, "Write what was read and found to an archive for others.", "diagnosis.bundle:bundle"),
    Row("explain", LOOK, "Explain a failure by id or error text.", "diagnosis.explain:explain"),
    Row("agent status", LOOK, "Show add-on, DaemonSets and coverage.", "agent.status:status"),
    Row("agent nodes", LOOK, "List nodes with their agent pods.", "agent.nodes:nodes"),
    Row("agent logs", LOOK, "Sort the agents' logs into failure modes.", "agent.logs:logs"),
    Row("agent versions", LOOK, "List the add-on's versions that EKS offers this cluster.", "agent.versions:versions"),
    Row("addon list", LOOK, "List add-ons and their service accounts' roles.", "addon.list:list_addons"),
    Row("role show", LOOK, "Show a role, its trust and who uses it.", "role.show:show"),
    Row("role list", LOOK, "List the roles that pods can assume, and which pods.", "role.list:list_roles"),
    Row("trust check", LOOK, "Evaluate trust policies; a file takes no AWS access.", "trust.check:check"),
    Row("preset list", LOOK, "List permissions of well-known workloads.", "preset.list:list_presets"),
    Row("preset show", LOOK, "Show a preset in words and as a policy.", "preset.show:show"),
    Row("whoami", LOOK, "Show caller, account, region, cluster and context.", "whoami:whoami"),
    Row("trust add", CHANGES, "Let service accounts in by a trust policy.", "trust.add:add"),
    Row(
        "trust remove",
        CHANGES,
        "Take pods, or an OIDC provider, out of a trust policy.",
        "trust.remove:remove",
    ),
    Row("trust tighten", CHANGES, "Narrow a trust policy to those who use the role.", "trust.tighten:tighten"),
    Row("history", CHANGES, "List what podid changed from here.", "history.history:history"),
    Row("undo", CHANGES, "Take back what one run changed.", "history.undo:undo"),
    Row("demo", TRY, "Run the main job on the sandbox, narrated.", "demo:demo"),
    Row("sandbox start", TRY, "Start an AWS account and an EKS cluster on this machine.", "sandbox.start:start"),
    Row("sandbox stop", TRY, "Stop the sandbox.", "sandbox.stop:stop"),
    Row("sandbox status", TRY, "Say whether the sandbox runs.", "sandbox.status:status"),
    Row("sandbox env", TRY, "Print what points podid, the AWS CLI and kubectl at it.", "sandbox.env:env"),
    Row("sandbox reset", TRY, "Put the sandbox back to how it started.", "sandbox.reset:reset"),
    Row("sandbox break", TRY, "Put a failure mode in place in the sandbox.", "sandbox.break_:break_"),
    Row("sandbox heal", TRY, "Take failure modes away from the sandbox.", "sandbox.heal:heal"),
    Row("completion", TRY, "Print a shell's completion script.", "completion:completion"),
)

GROUPS: dict[str, str] = {
    "role": "IAM roles for pods.",
    "preset": "Permissions for well-known workloads.",
    "trust": "Trust policies: who may assume a role.",
    "addon": "EKS add-ons and the roles of their service accounts.",
    "agent": "The EKS Pod Identity Agent.",
    "sandbox": "A cluster on this machine to try podid on.",
}

ABOUT = """Amazon EKS Pod Identity from nothing to proven credentials, or the first broken link.

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
    found = root.commands[name]
    assert isinstance(found, TyperGroup)
    return found


def _full(row: Row, mode: Any) -> Any:
    command = row.load()
    made = _made(None, command.function(row.name), None, mode, name=row.path[-1], panel=row.panel)
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
