"""podid associate, disassociate, list, show."""

from typing import Annotated

import typer

from podid.cli import options
from podid.cli.command import command
from podid.cli.invocation import Invocation
from podid.cli.permissions import Permissions

READ_ASSOCIATIONS = Permissions(
    iam=(
        "eks:DescribeCluster",
        "eks:ListClusters",
        "eks:ListPodIdentityAssociations",
        "eks:DescribePodIdentityAssociation",
        "sts:GetCallerIdentity",
    )
)
_CHANGE_ASSOCIATIONS = READ_ASSOCIATIONS | Permissions(
    iam=(
        "eks:CreatePodIdentityAssociation",
        "eks:UpdatePodIdentityAssociation",
        "eks:TagResource",
        "iam:GetRole",
        "iam:ListRoles",
        "iam:PassRole",
        "iam:UpdateAssumeRolePolicy",
    ),
)

EFFECT = Permissions(
    optional=(
        ("list pods in the namespace", "seeing what running pods carry"),
        ("create pods in the namespace", "the dry runs that show the effect; nothing is created, but the right could"),
        ("patch deployments, statefulsets and daemonsets in the namespace", "--restart"),
        ("create serviceaccounts in the namespace", "--create-service-account"),
    ),
)

_ServiceAccounts = Annotated[
    list[str], typer.Argument(metavar="NS/SA...", help="Service accounts, each as NAMESPACE/NAME.", show_default=False)
]
_ServiceAccount = Annotated[
    str, typer.Argument(metavar="NS/SA", help="The service account, as NAMESPACE/NAME.", show_default=False)
]


@command(
    "associate",
    panel="Set up",
    shared=(*options.CLUSTER, *options.KUBERNETES, *options.CHANGE, *options.WAITING),
    permissions=_CHANGE_ASSOCIATIONS | EFFECT,
)
def associate(
    run: Invocation,
    targets: _ServiceAccounts,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="IAM role, by name or ARN.", show_default=False)],
    target_role: Annotated[
        str | None,
        typer.Option(
            "--target-role",
            metavar="ARN",
            help="Role to assume from the first one, also in another account; '' removes it.",
            show_default=False,
        ),
    ] = None,
    session_tags: Annotated[
        bool | None,
        typer.Option(
            "--session-tags/--no-session-tags", help="Whether EKS tags the sessions. [default: on]", show_default=False
        ),
    ] = None,
    session_policy: Annotated[
        str | None,
        typer.Option(
            "--session-policy",
            metavar="FILE",
            help="Policy that narrows the sessions ('-' is stdin); needs --no-session-tags.",
            show_default=False,
        ),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="KEY=VALUE", help="Tag for a new association. Repeatable.", show_default=False),
    ] = None,
    scope: Annotated[
        str,
        typer.Option(
            "--scope", metavar="SCOPE", help="With --update-trust: service-account, namespace, cluster or account."
        ),
    ] = "service-account",
    replace: Annotated[
        bool, typer.Option("--replace", help="Change an association that is there with other settings.")
    ] = False,
    update_trust: Annotated[
        bool, typer.Option("--update-trust", help="Add a statement to the role's trust policy if it needs one.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Restart the workloads whose pods were made before it took effect.")
    ] = False,
    create_service_account: Annotated[
        bool, typer.Option("--create-service-account", help="Create the service account if it does not exist.")
    ] = False,
) -> None:
    """Give a service account's pods an IAM role.

    Already there with the same settings is success; with other settings it is a conflict, unless --replace.

    Example: podid associate shop/orders --role shop-orders
    """
    from podid.cli.association_changes import run_associate

    run_associate(
        run,
        targets,
        role,
        target_role=target_role,
        disable_session_tags=None if session_tags is None else not session_tags,
        session_policy=session_policy,
        tags=tag or [],
        scope=scope,
        replace=replace,
        update_trust=update_trust,
        restart=restart,
        create_service_account=create_service_account,
    )


@command(
    "disassociate",
    panel="Set up",
    shared=(*options.CLUSTER, *options.KUBERNETES, *options.CHANGE, *options.WAITING),
    permissions=READ_ASSOCIATIONS | Permissions(iam=("eks:DeletePodIdentityAssociation",)) | EFFECT,
)
def disassociate(
    run: Invocation,
    targets: _ServiceAccounts,
    restart: Annotated[
        bool, typer.Option("--restart", help="Restart the workloads, so that their pods start without the role.")
    ] = False,
) -> None:
    """Take the role away again. Deleting asks first, or needs --yes.

    Pods that run keep their credentials until they expire; new pods get none.

    Example: podid disassociate shop/orders --yes
    """
    from podid.cli.association_changes import run_disassociate

    run_disassociate(run, targets, restart=restart)


@command(
    "list",
    panel="Look",
    shared=(*options.CLUSTER, "context", "kubeconfig", *options.NAMESPACES),
    permissions=READ_ASSOCIATIONS,
)
def list_(
    run: Invocation,
    role: Annotated[
        str | None,
        typer.Option("--role", metavar="ROLE", help="Only associations of this role, name or ARN.", show_default=False),
    ] = None,
) -> None:
    """List associations with their roles.

    The API's own list leaves the roles out.

    Example: podid list -o json --query 'items[].roleArn'
    """
    from podid.cli.association_reads import run_list

    run_list(run, role)


@command(
    "show",
    panel="Look",
    shared=(*options.CLUSTER, *options.KUBERNETES),
    permissions=READ_ASSOCIATIONS | Permissions(iam=("iam:GetRole",)),
)
def show(run: Invocation, target: _ServiceAccount) -> None:
    """Show one association and its trust.

    Says whether the role's trust policy admits the service account's pods.

    Example: podid show shop/orders
    """
    from podid.cli.association_reads import run_show

    run_show(run, target)
