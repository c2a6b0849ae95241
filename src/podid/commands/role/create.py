"""podid role create."""

from dataclasses import replace
from typing import Annotated

import typer

from podid.cli.arguments import UpdateTrust
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.rights import CommandRights


def rights() -> CommandRights:
    from podid.aws.iam import Iam
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_TRUST

    return CommandRights.of(
        *ROLE.calls(Verb.CREATE),
        *ROLE_TRUST.calls(Verb.UPDATE),
        *ROLE_POLICY.calls(Verb.CREATE, Verb.UPDATE),
        *ROLE_ATTACHMENT.calls(Verb.CREATE),
        Iam.find_policy,
    )


@command(shared=(*CLUSTER, *KUBERNETES, *CHANGE), rights=rights)
def create(
    access: Access,
    terminal: Terminal,
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
    managed_policies: Annotated[
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
    update_trust: UpdateTrust = False,
) -> None:
    """Create an IAM role for a service account's pods.

    The trust policy names this cluster, namespace and service account and lets in nobody else; a rerun changes nothing.

    Example: podid role create shop-orders --for shop/orders --policy-file dynamodb-read.json
    """
    from podid.cli import typed
    from podid.cli.changing import carry_out, report, settle_interrupted
    from podid.domain.names import check_role_name
    from podid.ops.change.kinds import ROLE
    from podid.ops.role.plan import RoleRequest, plan_role
    from podid.ops.role.resolve import managed_policy, role_policies

    request = RoleRequest(
        name=check_role_name(name),
        path=typed.role_path(path),
        refs=typed.service_accounts(for_),
        scope=typed.scope(scope),
        session_tags=session_tags,
        description=description,
        permissions_boundary_arn=permissions_boundary or "",
        tags=typed.tags(tag),
        policies=typed.policies(terminal, policy_file),
        update_trust=update_trust,
        adopt=adopt,
    )
    place = access.place(for_change=True)
    assert place.cluster is not None
    settle_interrupted(access, terminal, place)
    iam = access.aws.iam
    with terminal.working(f"reading role {name}"):
        arns = tuple(managed_policy(iam, text, partition=place.cluster.partition) for text in managed_policies or ())
        current = iam.find_role(name)
        existing = role_policies(iam, current)
    request = replace(request, managed_policy_arns=arns)
    ours = access.journal.made(place.account, ROLE.name, {"roleName": name})
    plan = plan_role(request, place.cluster, place.header, current, existing, ours=ours)
    result = carry_out(access, terminal, plan)
    if result is not None:
        report(terminal, result)
