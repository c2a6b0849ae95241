"""podid role create, role show."""

from typing import Annotated

import typer

from podid.cli import options
from podid.cli.command import command
from podid.cli.invocation import Invocation
from podid.cli.permissions import Permissions

_READ_ROLES = Permissions(
    iam=(
        "iam:GetRole",
        "iam:ListRoles",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
        "iam:GetRolePolicy",
        "sts:GetCallerIdentity",
    )
)


@command(
    "role create",
    panel="Set up",
    shared=(*options.CLUSTER, *options.KUBERNETES, *options.CHANGE),
    permissions=_READ_ROLES
    | Permissions(
        iam=(
            "eks:DescribeCluster",
            "eks:ListClusters",
            "iam:CreateRole",
            "iam:TagRole",
            "iam:PutRolePolicy",
            "iam:AttachRolePolicy",
            "iam:GetPolicy",
            "iam:UpdateAssumeRolePolicy",
        )
    ),
)
def create(
    run: Invocation,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the role.", show_default=False)],
    for_: Annotated[
        list[str],
        typer.Option("--for", metavar="NS/SA", help="Who may assume it. Repeatable.", show_default=False),
    ],
    scope: Annotated[
        str,
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="service-account, namespace, cluster or account: how far the trust reaches.",
        ),
    ] = "service-account",
    policy_file: Annotated[
        list[str] | None,
        typer.Option(
            "--policy-file",
            metavar="FILE",
            help="Permissions as a JSON policy ('-' is stdin), kept inline under the file's name. Repeatable.",
            show_default=False,
        ),
    ] = None,
    managed_policy: Annotated[
        list[str] | None,
        typer.Option(
            "--managed-policy",
            metavar="NAME|ARN",
            help="Managed policy to attach; a bare name is AWS's own. Repeatable.",
            show_default=False,
        ),
    ] = None,
    session_tags: Annotated[
        bool,
        typer.Option(
            "--session-tags/--no-session-tags",
            help="Whether the associations will send session tags; without them the trust cannot name the account.",
        ),
    ] = True,
    path: Annotated[str, typer.Option("--path", metavar="PATH", help="IAM path.")] = "/",
    description: Annotated[
        str, typer.Option("--description", metavar="TEXT", help="Description.", show_default=False)
    ] = "",
    permissions_boundary: Annotated[
        str | None,
        typer.Option("--permissions-boundary", metavar="ARN", help="Policy that bounds the role.", show_default=False),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="KEY=VALUE", help="Tag for a new role. Repeatable.", show_default=False),
    ] = None,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Change a role that exists and that podid did not make here.")
    ] = False,
    update_trust: Annotated[
        bool, typer.Option("--update-trust", help="Add a statement to an existing role's trust policy if needed.")
    ] = False,
) -> None:
    """Create an IAM role for a service account's pods.

    The trust policy names this cluster, namespace and service account and lets in nobody else; a rerun changes nothing.

    Example: podid role create shop-orders --for shop/orders --policy-file dynamodb-read.json
    """
    from podid.cli.role_changes import run_create

    run_create(
        run,
        name,
        for_,
        scope=scope,
        policy_files=policy_file or [],
        managed_policies=managed_policy or [],
        session_tags=session_tags,
        path=path,
        description=description,
        permissions_boundary=permissions_boundary,
        tags=tag or [],
        adopt=adopt,
        update_trust=update_trust,
    )


@command("role show", panel="Look", shared=(*options.CLUSTER, *options.KUBERNETES), permissions=_READ_ROLES)
def show(
    run: Invocation,
    name: Annotated[str, typer.Argument(metavar="ROLE", help="Role, by name or ARN.", show_default=False)],
) -> None:
    """Show a role, its trust and who uses it.

    Who may assume it, what it may do, and which service accounts of the cluster are associated with it.

    Example: podid role show shop-orders
    """
    from podid.cli.role_reads import run_show

    run_show(run, name)


@command("role list", panel="Look", shared=options.AWS, permissions=_READ_ROLES)
def list_(run: Invocation) -> None:
    """List the roles that pods can assume, and which pods.

    Example: podid role list -o name
    """
    from podid.cli.role_reads import run_list

    run_list(run)
