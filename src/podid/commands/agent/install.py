"""podid install-agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.option import one_of, option, several, switch
from podid.domain.permissions import CommandPermissions, OptionalPermission

if TYPE_CHECKING:
    from podid.domain.plan import ChangeResult
    from podid.ops.change.kinds.addon import ResolveConflicts

# EKS's word for it
_CONFLICTS: dict[str, ResolveConflicts] = {"none": "NONE", "preserve": "PRESERVE", "overwrite": "OVERWRITE"}


def permissions() -> CommandPermissions:
    from podid.aws.ec2 import Ec2
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.cli import permissions
    from podid.domain.plan import Verb
    from podid.kube.reader import KubeReader
    from podid.ops.change.kinds import ADDON, ROLE_ATTACHMENT

    return CommandPermissions.of(
        *ADDON.calls(Verb.CREATE),
        Eks.list_addon_versions,
        KubeReader.list_nodes,
        KubeReader.find_pod_security,
        KubeReader.list_agent_daemon_sets,
        KubeReader.list_agent_pods,
        Eks.list_association_summaries,
        Eks.list_node_groups,
        Iam.simulate,
        Ec2.list_instance_profiles,
        Ec2.list_route_tables,
        Ec2.list_vpc_endpoints,
        Iam.find_profile_role,
        Eks.list_access_entries,
        KubeReader.list_node_classes,
        optional=(
            OptionalPermission.of("changing an installed add-on", *ADDON.calls(Verb.UPDATE), Eks.get_update),
            OptionalPermission.of("--fix-node-role", *ROLE_ATTACHMENT.calls(Verb.CREATE)),
            OptionalPermission.of("checking a configuration against its schema", Eks.get_addon_configuration),
            OptionalPermission.of(
                "saying why an agent does not come up, from its log and events",
                KubeReader.read_log,
                KubeReader.list_warnings,
            ),
            *permissions.REACHED,
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *CHANGE, "wait"), permissions=permissions)
def install_agent(
    access: Access,
    addon_version: str | None = option(
        "VERSION", "default, latest or vX.Y.Z-eksbuild.N. [default: what is installed, else EKS's default]"
    ),
    allow_downgrade: bool = switch("Take a version that is older than the installed one."),
    config: tuple[str, ...] = several(
        "KEY=VALUE", "Set one configuration value, as in agent.probePort=2704; null takes it away. Repeatable."
    ),
    config_file: str | None = option(
        "FILE", "Configuration values as JSON or YAML ('-' is stdin), merged over those that are installed."
    ),
    resolve_conflicts: str = option(
        "HOW",
        "none|preserve|overwrite: what EKS does with fields that somebody else has set.",
        default="none",
        suggests=tuple(_CONFLICTS),
    ),
    fix_node_role: bool = switch("Attach AmazonEKSWorkerNodeMinimalPolicy to node roles that may not redeem tokens."),
    force: bool = switch("Install although a check of the cluster refuses it.", consent=True),
) -> None:
    """Install or upgrade the agent add-on and wait for it.

    What is installed as asked is left alone; so is its version, unless one is named. EKS Auto Mode nodes need no agent.
    What would keep it from coming up, or would make it break something, is looked at first and ends with exit 6.

    Example: podid install-agent --cluster demo
    """
    from dataclasses import replace

    from podid.aws.addon_values import parse_values
    from podid.cli.changing import run, settle_interrupted, waiting
    from podid.ops.agent.install import InstallRequest, parse_assignment, prepare
    from podid.ops.agent.waiting import INSTALL_SECONDS, after_install, pods_before
    from podid.ops.association.aftermath import after_all
    from podid.ops.trust.files import called

    text = access.terminal.read_file(config_file) if config_file is not None else ""
    request = InstallRequest(
        version=addon_version or "",
        allow_downgrade=allow_downgrade,
        values={} if config_file is None else parse_values(text, called(config_file)),
        assignments=tuple(map(parse_assignment, config)),
        resolve_conflicts=_CONFLICTS[one_of("--resolve-conflicts", resolve_conflicts.lower(), tuple(_CONFLICTS))],
        force=force,
        fix_node_role=fix_node_role,
    )
    place = access.place(for_change=True)
    settle_interrupted(access, place)
    with access.terminal.working(f"waiting at the add-ons and the nodes of {place.cluster_name}"):
        plan, installed = prepare(access.clients, place, request, now=access.runtime.now())
    before = pods_before(access.clients) if plan.actions and installed else frozenset()

    def after(result: ChangeResult) -> ChangeResult:
        if not plan.actions and not plan.unchanged:
            return result
        patience = access.patience(INSTALL_SECONDS)
        with access.terminal.working("waiting for the agent"):
            wait = access.shared.wait
            result = after_install(access.clients, place, patience, result, wait=wait, before=before)
            return after_all(replace(waiting(access, place), patience=patience), result)

    run(access, plan, after)
