"""podid install-agent."""

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


@command(
    "install-agent",
    panel="Set up",
    shared=(*options.CLUSTER, *options.KUBERNETES, *options.CHANGE, *options.WAITING),
    permissions=_INSTALL,
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
