"""podid install-agent, agent status, agent nodes."""

from typing import Annotated

import typer

from podid.cli import options
from podid.cli.command import command
from podid.cli.invocation import Invocation
from podid.cli.permissions import Permissions

_INSTALL = Permissions(
    iam=(
        "eks:DescribeCluster",
        "eks:ListClusters",
        "eks:DescribeAddon",
        "eks:DescribeAddonVersions",
        "eks:CreateAddon",
        "sts:GetCallerIdentity",
    )
)
READ_ADDONS = Permissions(
    iam=(
        "eks:DescribeCluster",
        "eks:ListClusters",
        "eks:DescribeAddon",
        "eks:ListPodIdentityAssociations",
        "eks:DescribePodIdentityAssociation",
    )
)
_NODES = Permissions(
    cluster_rules=(
        ("", "nodes", ("get", "list")),
        ("", "pods", ("get", "list")),
        ("apps", "daemonsets", ("get", "list")),
    )
)


@command(
    "install-agent",
    panel="Set up",
    shared=(*options.CLUSTER, *options.KUBERNETES, *options.CHANGE, *options.WAITING),
    permissions=_INSTALL | _NODES,
)
def install_agent(
    run: Invocation,
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
    from podid.cli.agent_changes import run_install

    run_install(run, addon_version, configuration_file)


@command("agent status", panel="Look", shared=(*options.CLUSTER, *options.KUBERNETES), permissions=READ_ADDONS | _NODES)
def status(run: Invocation) -> None:
    """Show add-on, DaemonSets and coverage.

    Exit 0 healthy, 3 when something is wrong, 9 when it could not be told.

    Example: podid agent status
    """
    from podid.cli.doctoring import run_agent_status

    run_agent_status(run)


@command("agent nodes", panel="Look", shared=(*options.CLUSTER, *options.KUBERNETES), permissions=READ_ADDONS | _NODES)
def nodes(run: Invocation) -> None:
    """List nodes with their agent pods.

    Exit 3 when a node that should run the agent has no Ready pod of it.

    Example: podid agent nodes -o json
    """
    from podid.cli.doctoring import run_agent_nodes

    run_agent_nodes(run)
