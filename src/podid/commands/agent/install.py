"""podid install-agent."""

from typing import Annotated

import typer

from podid.cli.command import Access, Shared, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES, WAITING
from podid.domain.rights import CommandRights

TIMEOUT_SECONDS = 900.0


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.kube.reader import KubeReader

    return CommandRights.of(
        Eks.find_addon,
        Eks.list_addon_versions,
        Eks.create_addon,
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
    from podid.cli.effects import Seen, coverage_effect
    from podid.cli.options import Wait
    from podid.domain.errors import PodidError
    from podid.domain.names import AGENT_ADDON
    from podid.ops.agent.install import offered_versions, plan_install, wait_active

    configuration = terminal.read_file(configuration_file) if configuration_file is not None else ""
    place = access.place(for_change=True)
    assert place.cluster is not None
    resources = access.resources(place)
    settle_interrupted(access, terminal, resources, place)
    with terminal.working(f"reading the add-ons of {place.cluster_name}"):
        current = access.aws.eks.find_addon(place.cluster_name, AGENT_ADDON)
        needed = current is None or addon_version is not None
        offered = offered_versions(access.clients, place) if needed else ()
    if isinstance(offered, PodidError):
        terminal.note(f"note: the add-on's versions could not be looked at: {offered.what}")
    versions = None if isinstance(offered, PodidError) else offered
    plan = plan_install(
        place.cluster, place.header, current, versions, version=addon_version, configuration=configuration
    )
    applied = carry_out(access, terminal, plan, resources)
    if applied is None:
        return
    notes = []
    addon = None
    if applied.error is None and options.wait is not Wait.NONE:
        with terminal.working(f"waiting for {AGENT_ADDON}"):
            addon = wait_active(
                access.aws.eks,
                place.cluster_name,
                timeout=options.timeout_seconds(TIMEOUT_SECONDS),
                monotonic=access.runtime.monotonic,
                sleep=access.runtime.sleep,
                progress=terminal.progress.update,
            )
        notes.append(f"add-on {addon.name} {addon.version} is {addon.status}")
    seen = (lambda: coverage_effect(access, terminal, TIMEOUT_SECONDS)) if addon is not None else (lambda: Seen(None))
    report(terminal, plan, applied, seen=seen, notes=tuple(notes))
