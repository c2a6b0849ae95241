"""podid restart, verify."""

from typing import Annotated

import typer

from podid.cli import options
from podid.cli.command import command
from podid.cli.commands.association import READ_ASSOCIATIONS
from podid.cli.invocation import Invocation
from podid.cli.permissions import Permissions

READ_PODS = Permissions(
    cluster_rules=(
        ("", "pods", ("get", "list")),
        ("", "serviceaccounts", ("get", "list")),
        ("apps", "deployments", ("get", "list")),
        ("apps", "statefulsets", ("get", "list")),
        ("apps", "daemonsets", ("get", "list")),
        ("apps", "replicasets", ("get", "list")),
        ("batch", "jobs", ("get", "list")),
    )
)
RESTART = READ_PODS | Permissions(
    namespace_rules=(
        ("apps", "deployments", ("patch",)),
        ("apps", "statefulsets", ("patch",)),
        ("apps", "daemonsets", ("patch",)),
    )
)


@command(
    "restart",
    panel="Set up",
    shared=(
        *options.CLUSTER,
        *options.KUBERNETES,
        *options.NAMESPACES,
        "dry_run",
        "journal_dir",
        "timeout",
    ),
    permissions=READ_ASSOCIATIONS | RESTART,
)
def restart(
    run: Invocation,
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NS/SA...]", help="Service accounts, each as NAMESPACE/NAME.", show_default=False),
    ] = None,
    stale: Annotated[
        bool, typer.Option("--stale", help="Only workloads with pods that lack the injected fields.")
    ] = False,
) -> None:
    """Restart the workloads of service accounts.

    Their controllers replace the pods, as `kubectl rollout restart` does; pods that were missed are restarted again, at
    most twice.

    Example: podid restart -n shop --stale
    """
    from podid.cli.restarting import run_restart

    run_restart(run, targets or [], stale=stale)


@command(
    "verify",
    panel="Look",
    shared=(*options.CLUSTER, *options.KUBERNETES, "yes"),
    permissions=READ_ASSOCIATIONS
    | READ_PODS
    | Permissions(
        optional=(
            ("eks-auth:AssumeRoleForPodIdentity", "redeeming the token; on a node the node role has it"),
            ("create serviceaccounts/token in the namespace", "asking for a pod's token; grant it per namespace"),
        )
    ),
)
def verify(
    run: Invocation,
    target: Annotated[
        str, typer.Argument(metavar="NS/SA", help="The service account, as NAMESPACE/NAME.", show_default=False)
    ],
    all_pods: Annotated[
        bool, typer.Option("--all-pods", help="Redeem a token for every live pod, not only for ten.")
    ] = False,
) -> None:
    """Prove that pods get the role's credentials.

    Takes a token bound to a live pod, redeems it as the agent would, and asks AWS who that is. The credentials stay in
    memory and are dropped. Asks first, or needs --yes. Exit 0 proven, 3 failed, 9 could not be told.

    Example: podid verify shop/orders --yes
    """
    from podid.cli.verifying import run_verify

    run_verify(run, target, all_pods=all_pods)
