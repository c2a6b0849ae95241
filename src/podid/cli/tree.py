"""All commands, one literal row each.

podid imports only the module of the command that is run. The rows describe the others.
"""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from podid.cli.options import Command
    from podid.domain.option import OptionField


class Row(NamedTuple):
    """`name` is typed after podid; `panel` is its group in help; `summary` is the first sentence of its help; `place`
    is its module under podid.commands, if that is not NOUN.VERB."""

    name: str
    panel: str
    summary: str
    place: str = ""

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(self.name.split())

    @property
    def module(self) -> str:
        return f"podid.commands.{self.place or '.'.join(self.path)}"

    def load(self) -> "Command":
        declared = vars(import_module(self.module)).values()
        from podid.cli.options import Command

        return next(value for value in declared if isinstance(value, Command))


START, INSPECT, AUDIT, CHANGE, AGENT = "Start", "Inspect", "Audit", "Change", "Agent and add-ons"
DECLARE = "Declarative"
OFFLINE = "Offline"
# the commands of START are in the main workflow of the first page
PANELS = (INSPECT, AUDIT, CHANGE, DECLARE, AGENT, OFFLINE)

COMMANDS: tuple[Row, ...] = (
    Row("demo", START, "Run the main workflow in the sandbox, step by step."),
    Row("whoami", INSPECT, "Show caller, account, region, cluster and context."),
    Row("install-agent", START, "Install or upgrade the agent add-on and wait for it.", "agent.install"),
    Row("associate", START, "Give a service account's pods an IAM role.", "association.associate"),
    Row("verify", START, "Verify which role pods get.", "workload.verify"),
    Row("doctor", START, "Find the first broken link.", "diagnosis.doctor"),
    Row("status", INSPECT, "Show whether each identity works.", "workload.status"),
    Row("list", INSPECT, "List associations with their roles.", "association.list"),
    Row("show", INSPECT, "Show everything about one service account.", "association.show"),
    Row("trace", INSPECT, "Find the pod of a role session.", "session.trace"),
    Row("activity", INSPECT, "Count the calls of a service account's pods, by action.", "session.activity"),
    Row("exec", INSPECT, "Run a local command with a service account's identity.", "session.exec_"),
    Row("bundle", INSPECT, "Save the snapshot and the report in an archive for support.", "diagnosis.bundle"),
    Row("mcp", INSPECT, "Serve podid's tools to AI assistants over the Model Context Protocol."),
    Row("audit", AUDIT, "Find excessive permissions and exposed identities.", "diagnosis.audit"),
    Row("can-i", AUDIT, "Check whether a service account's pods may perform actions.", "permissions.can_i"),
    Row("who-can", AUDIT, "List the service accounts whose pods may perform an action.", "permissions.who_can"),
    Row("privileges", AUDIT, "Show the privileges of a service account's pods.", "permissions.privileges"),
    Row("unused", AUDIT, "List associations, roles and permissions that are not used.", "audit.unused"),
    Row("right-size", AUDIT, "Reduce a role's policies to the used permissions.", "audit.right_size"),
    Row("graph", AUDIT, "Draw service accounts, their roles and the services of these roles.", "audit.graph"),
    Row("disassociate", CHANGE, "Delete associations of service accounts.", "association.disassociate"),
    Row("move", CHANGE, "Move an association to another service account or cluster.", "association.move"),
    Row("copy", CHANGE, "Copy associations to another cluster.", "association.copy"),
    Row(
        "decommission",
        CHANGE,
        "Remove a cluster's associations, roles and trust statements.",
        "association.decommission",
    ),
    Row("restart", CHANGE, "Restart the workloads of service accounts.", "workload.restart"),
    Row("role create", CHANGE, "Create an IAM role for a service account's pods."),
    Row("role attach", CHANGE, "Add permissions to a role."),
    Row("role detach", CHANGE, "Remove permissions from a role."),
    Row("role delete", CHANGE, "Delete a role and its policies."),
    Row("role show", CHANGE, "Show a role, its trust policy and its associations."),
    Row("role list", CHANGE, "List the roles that pods can assume."),
    Row("trust check", CHANGE, "Evaluate trust policies in files or of a role."),
    Row("trust add", CHANGE, "Allow service accounts in a trust policy."),
    Row("trust remove", CHANGE, "Remove pods, or an OIDC provider, from a trust policy."),
    Row("trust tighten", CHANGE, "Narrow a trust policy to the pods that use the role."),
    Row("migrate plan", CHANGE, "Plan a migration from IRSA, kiam or kube2iam."),
    Row("migrate apply", CHANGE, "Migrate service accounts to Pod Identity."),
    Row("migrate status", CHANGE, "Show the migration stage of each service account."),
    Row("migrate finish", CHANGE, "Remove the previous credentials after a migration."),
    Row("migrate rollback", CHANGE, "Roll service accounts back to IRSA, kiam or kube2iam."),
    Row("migrate cleanup", CHANGE, "List and delete unused resources after a migration."),
    Row("history", CHANGE, "List the changes in podid's journal.", "history.history"),
    Row("undo", CHANGE, "Undo one run.", "history.undo"),
    Row("plan", DECLARE, "Show the difference between files and live resources.", "declare.plan"),
    Row("apply", DECLARE, "Create and change the resources that files declare.", "declare.apply"),
    Row("reconcile", DECLARE, "Compare files with clusters at an interval.", "declare.reconcile"),
    Row("diff", DECLARE, "Show a unified diff between live resources and files.", "declare.diff"),
    Row("export", DECLARE, "Print live associations and their roles as a file.", "declare.export"),
    Row("forget", DECLARE, "Remove the mark of a file from associations and roles.", "declare.forget"),
    Row("agent status", AGENT, "Show the agent's add-on, DaemonSets and coverage."),
    Row("agent nodes", AGENT, "List nodes with their agent pods."),
    Row("agent logs", AGENT, "Classify the agents' logs into failure modes."),
    Row("agent versions", AGENT, "List the add-on's versions that EKS offers for this cluster."),
    Row("addon install", AGENT, "Install or update an add-on and give it roles."),
    Row("addon associate", AGENT, "Give an add-on's service account a role."),
    Row("addon disassociate", AGENT, "Delete an add-on's associations."),
    Row("addon list", AGENT, "List add-ons and their service accounts' roles."),
    Row("uninstall-agent", AGENT, "Uninstall the agent add-on.", "agent.uninstall"),
    Row("explain", OFFLINE, "Explain a failure by id or error text.", "diagnosis.explain"),
    Row("convert", OFFLINE, "Convert a file of another tool to podid's own format.", "declare.convert"),
    Row("validate", OFFLINE, "Validate files without calling AWS or Kubernetes.", "declare.validate"),
    Row("schema", OFFLINE, "Print the JSON Schema of podid's own files.", "declare.schema"),
    Row("preset list", OFFLINE, "List permission presets for well-known workloads."),
    Row("preset show", OFFLINE, "Show a preset in words and as a policy."),
    Row("sandbox start", OFFLINE, "Start a simulated AWS account and EKS cluster."),
    Row("sandbox stop", OFFLINE, "Stop the sandbox."),
    Row("sandbox status", OFFLINE, "Show whether the sandbox is running."),
    Row("sandbox env", OFFLINE, "Print shell commands that select the sandbox."),
    Row("sandbox reset", OFFLINE, "Reset the sandbox to its initial state."),
    Row("sandbox break", OFFLINE, "Reproduce a failure mode in the sandbox.", "sandbox.break_"),
    Row("sandbox heal", OFFLINE, "Remove failure modes from the sandbox."),
    Row("version", OFFLINE, "Print the versions of podid, its libraries and its data."),
    Row("config list", OFFLINE, "List the defaults of options, with the source of each."),
    Row("config get", OFFLINE, "Print the default of an option."),
    Row("config set", OFFLINE, "Set the default of an option in the settings file."),
    Row("config unset", OFFLINE, "Remove the default of an option from the settings file."),
    Row("config path", OFFLINE, "Print the path of the settings file."),
    Row("completion install", OFFLINE, "Install the completion script of a shell."),
    Row("completion uninstall", OFFLINE, "Uninstall the completion script of a shell."),
    Row("completion show", OFFLINE, "Print the completion script of a shell."),
)
_ROWS = {row.path: row for row in COMMANDS}

GROUPS: dict[str, str] = {
    "role": "IAM roles for pods.",
    "preset": "Permissions for well-known workloads.",
    "trust": "Trust policies of roles.",
    "addon": "Add-ons and their roles.",
    "agent": "The EKS Pod Identity Agent.",
    "migrate": "Migrate from IRSA, kiam or kube2iam to EKS Pod Identity.",
    "sandbox": "A simulated cluster.",
    "config": "Defaults of options, in a settings file.",
    "completion": "Completion of commands and names in the shell.",
}


def path_of(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words that name the command, or ()."""
    return next((path for path in (tuple(words[:2]), tuple(words[:1])) if path in _ROWS), ())


@cache
def options_of(path: tuple[str, ...]) -> "tuple[OptionField, ...]":
    """Return the declared options of a command, () for an unknown one."""
    return _ROWS[path].load().options if path in _ROWS else ()
