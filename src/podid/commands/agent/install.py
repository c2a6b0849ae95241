"""podid install-agent."""

from typing import Annotated

import typer

from podid.cli.command import Access, Shared, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES, WAITING
from podid.domain.rights import CommandRights


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.domain.plan import Verb
    from podid.kube.reader import KubeReader
    from podid.ops.change.kinds import ADDON

    return CommandRights.of(
        *ADDON.calls(Verb.CREATE),
        Eks.list_addon_versions,
        KubeReader.list_nodes,
        KubeReader.list_agent_daemon_sets,
        KubeReader.list_agent_pods,
    )


@command(shared=(*CLUSTER, *KUBERNETES, *CHANGE, *WAITING), rights=rights)
def install_agent(
    access: Access,
    terminal: Terminal,
    options: Shared,
    addon_version: Annotated[
        str | None,
        typer.Option(
            "--addon-version",
            metavar="VERSION",
            help="Add-on version. [default: EKS's default for the cluster's Kubernetes version]",
            show_default=False,
        ),
    ] = None,
    configuration_file: Annotated[
        str | None,
        typer.Option(
            "--configuration-file",
            metavar="FILE",
            help="Add-on configuration as JSON or YAML ('-' is stdin).",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Install the agent add-on and wait for it.

    Already installed is success. EKS Auto Mode nodes need no agent.

    Example: podid install-agent --cluster demo
    """
    from podid.cli.changing import carry_out, report, settle_interrupted
    from podid.domain.errors import PodidError
    from podid.domain.names import AGENT_ADDON
    from podid.ops.agent.install import INSTALL_SECONDS, after_install, offered_versions, plan_install, running_agents

    configuration = terminal.read_file(configuration_file) if configuration_file is not None else ""
    place = access.place(for_change=True)
    assert place.cluster is not None
    settle_interrupted(access, terminal, place)
    with terminal.working(f"reading the add-ons of {place.cluster_name}"):
        current = access.aws.eks.find_addon(place.cluster_name, AGENT_ADDON)
        needed = current is None or addon_version is not None
        offered = offered_versions(access.clients, place) if needed else ()
        agents, wanted = running_agents(access.clients, place.cluster) if current is None else ((), True)
    if isinstance(offered, PodidError):
        terminal.note(f"note: the add-on's versions could not be looked at: {offered.what}")
    versions = None if isinstance(offered, PodidError) else offered
    plan = plan_install(
        place.cluster,
        place.header,
        current,
        versions,
        version=addon_version,
        configuration=configuration,
        agents=agents,
        needed=wanted,
    )
    result = carry_out(access, terminal, plan)
    if result is None:
        return
    if not plan.actions and not plan.unchanged:
        report(terminal, result)
        return
    with terminal.working(f"waiting for {AGENT_ADDON}"):
        result = after_install(access.clients, place, access.patience(INSTALL_SECONDS), result, wait=options.wait)
    report(terminal, result)
